/**
 * Executes operations as graphql-js does. Queries that are asked again and go well are executed by what was planned of
 * them, without what graphql-js finds out anew for each object; all else is its own, and so is every error.
 */
import {
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
} from 'graphql'
import { LeftToOthers, type Plan, planOf } from './plan.ts'
import { Run } from './run.ts'

export type Execute = (args: Omit<ExecutionArgs, 'schema'>) => ExecutionResult | Promise<ExecutionResult>

/** `times`: how often an operation is asked until it is planned, for which those that come once are not worth it. */
export function createExecution(schema: GraphQLSchema, { times = 2 }: { times?: number } = {}): Execute {
  /** Documents are parsed once and kept. A number: how often it was asked; null: it is not for us. */
  const plans = new WeakMap<OperationDefinitionNode, Plan | number | null>()

  function planned({ document, operationName }: Pick<ExecutionArgs, 'document' | 'operationName'>): Plan | null {
    const operation = getOperationAST(document, operationName)
    if (operation?.operation !== 'query') return null
    const before = plans.get(operation) ?? 0
    if (typeof before !== 'number') return before
    const asked = before + 1
    const plan = asked < times ? null : unlessLeft(() => planOf(schema, operation, fragmentsOf(document)))
    plans.set(operation, asked < times ? asked : plan)
    return plan
  }

  return (args) => {
    const byOthers = () => execute({ ...args, schema })
    const plan = planned(args)
    if (!plan) return byOthers()
    const definitions = plan.operation.variableDefinitions ?? []
    const { coerced } = getVariableValues(schema, definitions, args.variableValues ?? {}, { maxErrors: 1 })
    return coerced ? new Run(schema, plan, args.contextValue, coerced).result(byOthers) : byOthers()
  }
}

function unlessLeft(plan: () => Plan): Plan | null {
  try {
    return plan()
  } catch (error) {
    if (error instanceof LeftToOthers) return null
    throw error
  }
}

function fragmentsOf({ definitions }: ExecutionArgs['document']): Record<string, FragmentDefinitionNode> {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null)
  for (const each of definitions) if (each.kind === Kind.FRAGMENT_DEFINITION) fragments[each.name.value] = each
  return fragments
}
