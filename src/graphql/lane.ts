/**
 * The short way of GraphQL over HTTP, for what nearly everybody sends: one query or mutation, asked for and answered as
 * JSON. The rules are those of every transport, and so are the answers; spared is what Yoga makes for each request, a
 * Request, a Response and its hooks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql'
import type { Context } from './context.ts'
import type { Execute } from './execution/execute.ts'
import type { CostCheck } from './limits/cost.ts'
import type { Documents } from './limits/documents.ts'
import type { AskedDocument, Gate } from './limits/gate.ts'
import type { RequestCount } from './limits/plugin.ts'
import { refusal } from './limits/refusal.ts'
import type { Stopwatch } from './timing.ts'

/** One operation, as a client sends it: no other names, and objects where there must be some. */
export type PlainParams = AskedDocument & {
  variables?: Record<string, unknown> | null
  operationName?: string | null
}

export type Lane = ReturnType<typeof createLane>

export function createLane(deps: {
  schema: GraphQLSchema
  gate: Gate
  requests: RequestCount
  documents: Documents
  begin: Stopwatch
  execute: Execute
  countDeprecated: (args: ExecutionArgs) => void
  checkCost: CostCheck
  contextOf: (request: IncomingMessage, response: ServerResponse) => Promise<Context>
  mask: (error: unknown) => GraphQLError
}) {
  const { schema, gate, requests, documents, begin, execute, countDeprecated, checkCost, contextOf, mask } = deps

  function documentOf(text: string): DocumentNode {
    documents.checkLength(text)
    try {
      return documents.parse(text)
    } catch (error) {
      throw error instanceof GraphQLError ? asSyntaxError(error) : error
    }
  }

  async function perform(args: ExecutionArgs): Promise<ExecutionResult> {
    const end = begin(args)
    countDeprecated(args)
    const refused = checkCost(args)
    const result = refused ? { errors: [refused] } : await execute(args)
    end()
    if (!result.errors) return result
    // Of the variables, before anything was done.
    if (!refused && result.data === undefined) return { errors: result.errors.map(asBadRequest).map(mask) }
    return { ...result, errors: result.errors.map(mask) }
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    params: PlainParams,
  ): Promise<ExecutionResult | null> {
    requests.count(request, response)
    const text = gate.textOf(params)
    if (typeof text !== 'string') return null
    const document = documentOf(text)
    const { variables: variableValues, operationName } = params
    const operation = getOperationAST(document, operationName)
    if (!operation) throw noOperation()
    if (operation.operation === 'subscription') return null
    const errors = documents.validate(text, document)
    if (errors.length > 0) return { errors: errors.map(asValidationError) }
    return perform({
      schema,
      document,
      contextValue: await contextOf(request, response),
      variableValues,
      operationName,
    })
  }

  /** Null: it is none for this way, and is as if it had not been asked. Errors of every kind are in the result. */
  const take = async (request: IncomingMessage, response: ServerResponse, params: PlainParams) => {
    try {
      const result = await answer(request, response, params)
      if (result === null) requests.forget(request)
      return result
    } catch (error) {
      return { errors: [mask(error)] }
    }
  }
  return Object.assign(take, { documentOf, perform })
}

function asSyntaxError(error: GraphQLError): GraphQLError {
  const { extensions } = error
  extensions.code ??= 'GRAPHQL_PARSE_FAILED'
  extensions.http = { status: 400, ...(extensions.http as object | undefined), spec: true }
  return error
}

function asBadRequest(error: GraphQLError): GraphQLError {
  error.extensions.http ??= { status: 400 }
  return error
}

export function asValidationError(error: GraphQLError): GraphQLError {
  const { extensions } = error
  extensions.code ??= 'GRAPHQL_VALIDATION_FAILED'
  extensions.http ??= { status: 400, spec: true }
  return error
}

export const noOperation = () =>
  refusal('OPERATION_RESOLUTION_FAILURE', 'Could not determine what operation to execute.', { status: 400 })
