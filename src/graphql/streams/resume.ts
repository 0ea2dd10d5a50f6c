/**
 * Where a subscription begins. The cursor that a client comes back with is its own; without it, all who ask the same ask
 * word for word the same, so it is taken out of what they are grouped by.
 */
import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  getArgumentValues,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  print,
  type SelectionSetNode,
  visit,
} from 'graphql'

/** The argument of a subscription field that serves what is past from a log, and the position of each of its events. */
const CURSOR = 'after'

type Shape = {
  root: FieldNode
  operation: OperationDefinitionNode
  /** From now on, instead of behind a cursor. */
  document: DocumentNode
  /** The document and which of its operations; texts that differ in layout only have the same. */
  text: string
  /** The variable that only the cursor is given by. */
  variable: string | null
}

export type Origin = {
  /** Whether its events have positions, and those behind a cursor are read from a log. */
  isLogged: boolean
  /** Null: from now on. */
  after: string | null
  /** The same subscription from now on, as it is for all who ask the same. */
  live: ExecutionArgs
  /** What is the same for all who ask the same, but for who they are. */
  key: string
}

const shapes = new WeakMap<DocumentNode, Map<string, Shape | null>>()

/** Null for what is no subscription that could begin: executing it says why. */
export function originOf(args: ExecutionArgs): Origin | null {
  const shape = shapeOf(args.document, args.operationName ?? '')
  const field = shape && args.schema.getSubscriptionType()?.getFields()[shape.root.name.value]
  if (!shape || !field) return null
  const given = args.variableValues ?? {}
  const { coerced } = getVariableValues(args.schema, shape.operation.variableDefinitions ?? [], given)
  if (!coerced) return null
  const isLogged = field.args.some(({ name }) => name === CURSOR)
  const cursor = isLogged ? getArgumentValues(field, shape.root, coerced)[CURSOR] : null
  const variables = Object.entries(given).filter(([name]) => name !== shape.variable)
  return {
    isLogged,
    after: typeof cursor === 'string' ? cursor : null,
    live: { ...args, document: shape.document, variableValues: Object.fromEntries(variables) },
    key: JSON.stringify([shape.text, variables.sort(([a], [b]) => (a < b ? -1 : 1))]),
  }
}

/** The same subscription from behind a cursor. */
export function resumed(args: ExecutionArgs, after: string): ExecutionArgs {
  const shape = shapeOf(args.document, args.operationName ?? '')
  if (!shape) return args
  return { ...args, document: withCursor(args.document, shape.root, after) }
}

function shapeOf(document: DocumentNode, operationName: string): Shape | null {
  const known = shapes.get(document) ?? new Map<string, Shape | null>()
  shapes.set(document, known)
  const there = known.get(operationName)
  if (there !== undefined) return there
  const shape = shapeNow(document, operationName)
  known.set(operationName, shape)
  return shape
}

function shapeNow(whole: DocumentNode, operationName: string): Shape | null {
  const operation = getOperationAST(whole, operationName || null)
  const root = operation && firstField(whole, operation.selectionSet)
  if (!operation || !root) return null
  const given = root.arguments?.find(({ name }) => name.value === CURSOR)?.value
  const document = withCursor(whole, root, null)
  const name = given?.kind === Kind.VARIABLE ? given.name.value : null
  const variable = name !== null && !isUsed(document, name) ? name : null
  return { root, operation, document, variable, text: `${operationName} ${print(document)}` }
}

/** A subscription has one field at its root, which may stand in a fragment. */
function firstField(document: DocumentNode, { selections }: SelectionSetNode): FieldNode | null {
  const [first] = selections
  if (!first || first.kind === Kind.FIELD) return first ?? null
  if (first.kind === Kind.INLINE_FRAGMENT) return firstField(document, first.selectionSet)
  const fragment = document.definitions.find(
    (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === first.name.value,
  )
  return fragment && 'selectionSet' in fragment ? firstField(document, fragment.selectionSet) : null
}

function withCursor(document: DocumentNode, root: FieldNode, after: string | null): DocumentNode {
  const others = root.arguments?.filter(({ name }) => name.value !== CURSOR) ?? []
  const name = { kind: Kind.NAME, value: CURSOR } as const
  const cursor = { kind: Kind.ARGUMENT, name, value: { kind: Kind.STRING, value: after ?? '' } } as const
  const changed: FieldNode = { ...root, arguments: after === null ? others : [...others, cursor] }
  return visit(document, { Field: (node) => (node === root ? changed : undefined) })
}

function isUsed(document: DocumentNode, variable: string): boolean {
  let used = false
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => {
      used ||= name.value === variable
    },
  })
  return used
}
