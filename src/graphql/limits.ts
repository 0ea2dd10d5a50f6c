/** What keeps one request from being too much work: its length, its depth and its cost. The same on every transport. */
import { complexityFromQuery } from '@pothos/plugin-complexity'
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
  Kind,
  type SelectionSetNode,
  type Source,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from './context.ts'

const MAX_DEPTH = 15
const MAX_BREADTH = 2_000
/** The description of the whole schema: no field of it has a cost of its own. */
const INTROSPECTION_COST = 1_000

/** `maxChars` bounds the document. The cost is bounded by the context, before anything of the operation is done. */
export function limitQueries(maxChars: number): Plugin<Context> {
  return {
    onParse({ params: { source }, parseFn, setParseFn }) {
      const { length } = typeof source === 'string' ? source : (source as Source).body
      if (length > maxChars) {
        throw tooMuch(`The query has ${length} characters; ${maxChars} are allowed (MAX_QUERY_CHARS).`, 413)
      }
      setParseFn((...args: unknown[]) => unlessTooDeep(() => parseFn(...(args as Parameters<typeof parseFn>))))
    },
    onValidate({ validateFn, setValidationFn }) {
      setValidationFn(((...args: unknown[]) =>
        unlessTooDeep(() => validateFn(...(args as Parameters<typeof validateFn>)))) as typeof validateFn)
    },
    onExecute: refuseCostly,
    onSubscribe: refuseCostly,
  }
}

function refuseCostly(payload: {
  args: ExecutionArgs
  setResultAndStopExecution: (result: ExecutionResult) => void
}): void {
  const { document, operationName, variableValues, schema, contextValue } = payload.args
  const operation = getOperationAST(document, operationName)
  // Which operation, and whether its variables are right: execution says what is wrong with them.
  if (!operation) return
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
  const ctx = contextValue as Context
  try {
    const chosen: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] }
    const variables = (variableValues ?? {}) as Record<string, unknown>
    const { complexity, depth, breadth } = unlessTooDeep(() => complexityFromQuery(chosen, { schema, ctx, variables }))
    const cost = complexity + INTROSPECTION_COST * introspections(chosen)
    const { queryCost } = ctx.limits
    if (depth > MAX_DEPTH) throw tooMuch(`The query is ${depth} levels deep; ${MAX_DEPTH} are allowed.`)
    if (breadth > MAX_BREADTH) throw tooMuch(`The query selects ${breadth} fields; ${MAX_BREADTH} are allowed.`)
    if (cost > queryCost) throw tooMuch(`The query costs ${cost}; ${queryCost} are allowed (MAX_QUERY_COST).`)
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    if (error.extensions.code === LIMIT_EXCEEDED) payload.setResultAndStopExecution({ errors: [error] })
  }
}

/** How often the document asks for the schema: only the root has fields for it, but fragments may bring them in. */
function introspections({ definitions }: DocumentNode): number {
  const count = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, selection) => {
      if (selection.kind === Kind.INLINE_FRAGMENT) return sum + count(selection.selectionSet)
      return sum + Number(selection.kind === Kind.FIELD && /^__(schema|type)$/.test(selection.name.value))
    }, 0)
  return definitions.reduce((sum, each) => sum + ('selectionSet' in each ? count(each.selectionSet) : 0), 0)
}

/** Parsing, validating and counting go as deep into the stack as the document goes. */
function unlessTooDeep<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof RangeError) throw tooMuch('The query is nested too deeply.')
    throw error
  }
}

const LIMIT_EXCEEDED = 'LIMIT_EXCEEDED'

const tooMuch = (message: string, status?: number) =>
  new GraphQLError(message, {
    extensions: { code: LIMIT_EXCEEDED, http: status ? { status } : { status: 400, spec: true } },
  })
