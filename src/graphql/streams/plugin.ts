/** Puts every subscription that comes through Yoga, so by server-sent events, through the hub. */
import type { ExecutionArgs, GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from '../context.ts'
import type { Hub } from './hub.ts'
import { createQueue } from './queue.ts'
import { Subscriber } from './subscriber.ts'

export function shareExecutions(hub: Hub, mask: (error: unknown) => GraphQLError): Plugin<Context> {
  async function subscribe(args: ExecutionArgs) {
    const queue = createQueue()
    const taker = {
      ...queue.sink,
      end: (reason?: unknown) => queue.end(reason === undefined ? [] : [{ errors: [mask(reason)] }]),
    }
    const { request } = args.contextValue as { request?: Request }
    const started = await hub.subscribe(args, taker, request?.headers.get('last-event-id') ?? undefined)
    return started instanceof Subscriber ? queue.stream(() => started.end()) : started
  }
  return { onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe as never) }
}
