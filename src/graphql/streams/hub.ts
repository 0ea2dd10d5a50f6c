/**
 * Subscriptions of this node. Those with the same operation, variables (but for the cursor) and rights are one group.
 * Everybody's own source is opened first: that is where the service says whether they may see it.
 */
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, type GraphQLError } from 'graphql'
import { isAsyncIterable } from 'graphql-yoga'
import { rightsOf } from '../../identity/viewer.ts'
import type { Context } from '../context.ts'
import { createGroup } from './group.ts'
import { createResults } from './result.ts'
import { originOf, resumed } from './resume.ts'
import { type Shared, Subscriber, type Taker } from './subscriber.ts'

type Source = AsyncIterableIterator<unknown>

export type Hub = ReturnType<typeof createHub>

export function createHub(mask: (error: unknown) => GraphQLError) {
  const groups = new Map<string, Shared>()
  let subscribers = 0
  const left = () => void subscribers--

  function sharedBy(key: string, live: ExecutionArgs, isLogged: boolean): Shared {
    const there = groups.get(key)
    if (there) return there
    const group = createGroup({
      results: createResults(live, isLogged, mask),
      onClose: () => void (groups.get(key) === shared && groups.delete(key)),
    })
    const { viewer } = live.contextValue as Context
    const read = isLogged ? (cursor: string) => sourceOf(resumed(live, cursor)) : null
    const shared: Shared = { group, read, viewer, left }
    groups.set(key, shared)
    return shared
  }

  return {
    subscriberCount: () => subscribers,
    groupCount: () => groups.size,

    /**
     * Results go to `taker`; `lastEventId` is the cursor of a client that comes back with the operation that it began
     * with, and goes before the one in that. The answer is what is wrong with the operation, if it cannot begin.
     */
    async subscribe(args: ExecutionArgs, taker: Taker, lastEventId?: string): Promise<ExecutionResult | Subscriber> {
      const origin = originOf(args)
      const back = (origin?.isLogged && lastEventId) || null
      const own = await opened(back === null ? args : resumed(args, back))
      if (!origin || !isAsyncIterable(own)) return own as ExecutionResult
      const { live, isLogged } = origin
      const after = back ?? origin.after
      const { viewer } = args.contextValue as Context
      const shared = sharedBy(`${rightsOf(viewer)} ${origin.key}`, live, isLogged)
      const { group } = shared
      const subscriber = new Subscriber(shared, taker, after)
      subscribers++
      if (after !== null) {
        subscriber.follow(own as Source)
        if (!group.hasBegun()) group.begin(sourceOf(live))
      } else {
        subscriber.goLive()
        if (group.hasBegun()) (own as Source).return?.()
        else group.begin(own as Source)
      }
      return subscriber
    },
  }
}

/** What is wrong with it before it begins is a result, as of other operations. */
const opened = async (args: ExecutionArgs): Promise<AsyncIterable<unknown> | ExecutionResult> =>
  createSourceEventStream(args)

async function sourceOf(args: ExecutionArgs): Promise<Source> {
  const source = await opened(args)
  if (!isAsyncIterable(source)) throw source.errors?.[0]
  return source as Source
}
