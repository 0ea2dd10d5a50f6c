/**
 * Subscriptions of this node. Those with the same operation, variables (but for the cursor) and rights are one group.
 * Everybody's own source is opened first: that is where the service says whether they may see it.
 */
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, type GraphQLError } from 'graphql'
import { isAsyncIterable } from 'graphql-yoga'
import { rightsOf } from '../../identity/viewer.ts'
import type { Context } from '../context.ts'
import { createGroup, type Group } from './group.ts'
import { createResults } from './result.ts'
import { originOf, resumed } from './resume.ts'
import { createSubscriber, type Sink, type Subscriber } from './subscriber.ts'

type Source = AsyncIterableIterator<unknown>

/** What is the same for all of a group is held once, not by each. `read` opens the log behind a cursor; null: there is none. */
type Shared = { group: Group; read: ((cursor: string) => Promise<Source>) | null }

export type Hub = ReturnType<typeof createHub>

export function createHub(mask: (error: unknown) => GraphQLError) {
  const groups = new Map<string, Shared>()
  let subscribers = 0

  function sharedBy(key: string, live: ExecutionArgs, isLogged: boolean): Shared {
    const there = groups.get(key)
    if (there) return there
    const group = createGroup({
      results: createResults(live, isLogged, mask),
      onClose: () => void (groups.get(key) === shared && groups.delete(key)),
    })
    const shared: Shared = { group, read: isLogged ? (cursor: string) => sourceOf(resumed(live, cursor)) : null }
    groups.set(key, shared)
    return shared
  }

  return {
    subscriberCount: () => subscribers,
    groupCount: () => groups.size,

    /**
     * Results go to `sink`; `lastEventId` is the cursor of a client that comes back with the operation that it began
     * with, and goes before the one in that. The answer is what is wrong with the operation, if it cannot begin.
     */
    async subscribe(args: ExecutionArgs, sink: Sink, lastEventId?: string): Promise<ExecutionResult | Subscriber> {
      const origin = originOf(args)
      const back = (origin?.isLogged && lastEventId) || null
      const own = await opened(back === null ? args : resumed(args, back))
      if (!origin || !isAsyncIterable(own)) return own as ExecutionResult
      const { live, isLogged } = origin
      const after = back ?? origin.after
      const { viewer } = args.contextValue as Context
      const { group, read } = sharedBy(`${rightsOf(viewer)} ${origin.key}`, live, isLogged)
      const { subscriber, follow, goLive } = createSubscriber({ group, after, sink, read })
      subscribers++
      subscriber.ended.then(() => subscribers--)
      if (after !== null) {
        follow(own as Source)
        if (!group.hasBegun()) group.begin(sourceOf(live))
      } else {
        goLive()
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
