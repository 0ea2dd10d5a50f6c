/** Puts every subscription, whatever transport it comes by, through the hub. */
import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from '../context.ts'
import type { Hub } from './hub.ts'
import { createQueue } from './queue.ts'
import type { Sink } from './subscriber.ts'

/** The root value of a transport that takes results as they come; without one they are asked for. */
export type WithSink = { sink: Sink }

const isResult = (started: object): started is ExecutionResult => 'errors' in started || 'data' in started

export function shareExecutions(hub: Hub, mask: (error: unknown) => GraphQLError): Plugin<Context> {
  async function subscribe(args: ExecutionArgs) {
    const queue = createQueue()
    const { sink = queue.sink } = (args.rootValue ?? {}) as Partial<WithSink>
    const { request } = args.contextValue as { request?: Request }
    const started = await hub.subscribe(args, sink, request?.headers.get('last-event-id') ?? undefined)
    if (isResult(started)) return started
    started.ended.then(({ reason }) => queue.end(reason === undefined ? [] : [{ errors: [mask(reason)] }]))
    return queue.stream(started.leave)
  }
  return { onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe as never) }
}
