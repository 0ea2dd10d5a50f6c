/**
 * What an operation costs, before anything of it is done: its fields, times the size of the lists that they stand in. The
 * operations of one HTTP request share what one of them may cost.
 */
import type { ServerResponse } from 'node:http'
import { complexityFromQuery } from '@pothos/plugin-complexity'
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from '../context.ts'
import { introspections } from './introspection.ts'
import { refusal, tooMuch, unlessTooDeep } from './refusal.ts'

/** The description of the whole schema: no field of it has a cost of its own. */
const INTROSPECTION_COST = 1_000

export type CostRules = {
  /** What the operations of a request may cost together. */
  most: number
  /** Whether everybody may ask for the schema; administrators always may. */
  introspection: boolean
}

type Asked = { schema: GraphQLSchema; document: DocumentNode; operationName?: string | null | undefined }

/** Null: execution will say what is wrong with the name of the operation, or with its variables. */
function costOf(args: Asked, variables: Record<string, unknown>, ctx: Context): number | null {
  const { schema, document } = args
  const operation = getOperationAST(document, args.operationName)
  if (!operation) return null
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
  const chosen: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] }
  try {
    const { complexity } = unlessTooDeep(() => complexityFromQuery(chosen, { schema, ctx, variables }))
    return complexity + INTROSPECTION_COST * introspections(chosen)
  } catch (error) {
    if (error instanceof GraphQLError && error.extensions.code === undefined) return null
    throw error
  }
}

/** Refuses what costs too much, and tells in headers what an operation cost. */
export function limitCost({ most, introspection }: CostRules): Plugin<Context> {
  const spent = new WeakMap<Request, number>()

  function check({ args, setResultAndStopExecution }: Execution): void {
    const ctx = args.contextValue as Context & { request?: Request; res?: ServerResponse }
    const cost = costOf(args, (args.variableValues ?? {}) as Record<string, unknown>, ctx)
    if (cost === null) return
    const { request, res } = ctx
    const total = cost + ((request && spent.get(request)) ?? 0)
    if (request) spent.set(request, total)
    if (res && !res.headersSent) res.setHeader('x-query-cost', total).setHeader('x-query-cost-limit', most)
    const stop = (error: GraphQLError) => setResultAndStopExecution({ errors: [error] })
    if (total > most) {
      const what = total === cost ? 'The query costs' : 'The queries of the batch cost'
      stop(tooMuch(`${what} ${total}; ${most} are allowed (MAX_QUERY_COST).`))
    } else if (!introspection && !ctx.viewer?.isAdmin && introspections(args.document) > 0) {
      stop(refusal('INTROSPECTION_DISABLED', 'The schema is told to administrators only (INTROSPECTION).'))
    }
  }

  return { onExecute: check, onSubscribe: check }
}

type Execution = { args: ExecutionArgs; setResultAndStopExecution: (result: ExecutionResult) => void }
