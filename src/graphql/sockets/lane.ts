/**
 * The way of operations that come over a WebSocket. The rules are those of every transport, and so are the answers; results
 * of a stream go straight from the hub to the socket, by no iterator.
 */
import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql'
import type { SubscribePayload } from 'graphql-ws'
import { bearerToken } from '../../identity/bearer.ts'
import type { Context } from '../context.ts'
import { asValidationError, type Lane, noOperation } from '../lane.ts'
import type { CostCheck } from '../limits/cost.ts'
import type { Documents } from '../limits/documents.ts'
import type { Gate } from '../limits/gate.ts'
import type { Hub } from '../streams/hub.ts'
import { Subscriber } from '../streams/subscriber.ts'
import type { Stopwatch } from '../timing.ts'
import type { TokenWatch } from '../token-watch.ts'
import type { Operation } from './operation.ts'
import type { Asker } from './session.ts'

/** What is wrong with it before anything of it is done, a whole answer, or null: it is a stream, which has begun. */
type Begun = { refused: readonly GraphQLError[] } | { result: ExecutionResult } | null

export type SocketLane = ReturnType<typeof createSocketLane>

export function createSocketLane(deps: {
  schema: GraphQLSchema
  gate: Gate
  documents: Documents
  lane: Pick<Lane, 'documentOf' | 'perform'>
  hub: Hub
  tokens: TokenWatch
  begin: Stopwatch
  countDeprecated: (args: ExecutionArgs) => void
  checkCost: CostCheck
  contextOf: (authorization: string | undefined) => Promise<Context>
  mask: (error: unknown) => GraphQLError
}) {
  const { schema, gate, documents, lane, hub, tokens, begin, countDeprecated, checkCost, contextOf, mask } = deps

  async function subscribe(args: ExecutionArgs, operation: Operation): Promise<ExecutionResult | Subscriber> {
    const end = begin(args)
    countDeprecated(args)
    const refused = checkCost(args)
    const started = refused ? { errors: [refused] } : await hub.subscribe(args, operation)
    end()
    return started
  }

  function watch(operation: Operation, subscriber: Subscriber, authorization: string | undefined) {
    operation.subscriber = subscriber
    const token = bearerToken(authorization)
    if (operation.isOver || token === undefined) return
    operation.unwatch = tokens.watch(token, subscriber.viewer, (reason) => subscriber.end(reason))
  }

  async function answer(payload: SubscribePayload, { authorization, caller }: Asker, own: Operation): Promise<Begun> {
    gate.count(caller)
    const text = gate.textOf(payload) as string
    const document = lane.documentOf(text)
    const errors = documents.validate(text, document)
    if (errors.length > 0) return { refused: errors.map(asValidationError) }
    const { variables: variableValues, operationName } = payload
    const contextValue = await contextOf(authorization)
    const asked = getOperationAST(document, operationName)
    if (!asked) return { refused: [noOperation()] }
    const args = { schema, document, contextValue, variableValues, operationName }
    if (asked.operation !== 'subscription') return { result: await lane.perform(args) }
    const started = await subscribe(args, own)
    if (!(started instanceof Subscriber)) return { result: { ...started, errors: (started.errors ?? []).map(mask) } }
    watch(own, started, authorization)
    return null
  }

  /** Never throws. */
  return async (...asked: Parameters<typeof answer>): Promise<Begun> => {
    try {
      return await answer(...asked)
    } catch (error) {
      return { refused: [mask(error)] }
    }
  }
}
