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
  type OperationDefinitionNode,
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

/** Of operations without variables, each of which costs the same whenever it is asked. */
const known = new WeakMap<OperationDefinitionNode, number>()

/** Null: execution will say what is wrong with the name of the operation, or with its variables. */
function costOf(args: Asked, variables: Record<string, unknown>, ctx: Context): number | null {
  const operation = getOperationAST(args.document, args.operationName)
  if (!operation) return null
  const before = known.get(operation)
  if (before !== undefined) return before
  const cost = countedCost(args, operation, variables, ctx)
  if (cost !== null && !operation.variableDefinitions?.length) known.set(operation, cost)
  return cost
}

function countedCost(
  { schema, document }: Asked,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  ctx: Context,
): number | null {
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

export type CostCheck = ReturnType<typeof createCostCheck>

/** What refuses an operation that costs too much, and tells in headers what each costs; null: it may be executed. */
export function createCostCheck({ most, introspection }: CostRules) {
  const spent = new WeakMap<ServerResponse, number>()

  return (args: ExecutionArgs): GraphQLError | null => {
    const ctx = args.contextValue as Context
    const cost = costOf(args, (args.variableValues ?? {}) as Record<string, unknown>, ctx)
    if (cost === null) return null
    const { res } = ctx
    const total = cost + ((res && spent.get(res)) ?? 0)
    if (res) spent.set(res, total)
    if (res && !res.headersSent) res.setHeader('x-query-cost', total).setHeader('x-query-cost-limit', most)
    if (total > most) {
      const what = total === cost ? 'The query costs' : 'The queries of the batch cost'
      return tooMuch(`${what} ${total}; ${most} are allowed (MAX_QUERY_COST).`)
    }
    if (introspection || ctx.viewer?.isAdmin || introspections(args.document) === 0) return null
    return refusal('INTROSPECTION_DISABLED', 'The schema is told to administrators only (INTROSPECTION).')
  }
}

export function limitCost(check: CostCheck): Plugin<Context> {
  const each = ({ args, setResultAndStopExecution }: Execution): void => {
    const error = check(args)
    if (error) setResultAndStopExecution({ errors: [error] })
  }
  return { onExecute: each, onSubscribe: each }
}

type Execution = { args: ExecutionArgs; setResultAndStopExecution: (result: ExecutionResult) => void }
