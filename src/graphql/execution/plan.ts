/**
 * What an operation selects of each type that it comes to, worked out once for all times that it is asked. graphql-js
 * collects it anew for each object.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  GraphQLString,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'

/** This is left to graphql-js, from the start: it knows what to do, and how an error is told. */
export class LeftToOthers extends Error {
  override readonly name = 'LeftToOthers'
}

/** How a value becomes what is answered. */
export type Shape = { nullable: boolean } & (
  | { kind: 'leaf'; type: GraphQLLeafType }
  | { kind: 'list'; of: Shape }
  | { kind: 'object'; selected: (type: GraphQLObjectType) => readonly PlannedField[]; type: GraphQLObjectType }
  | { kind: 'abstract'; selected: (type: GraphQLObjectType) => readonly PlannedField[]; type: GraphQLAbstractType }
)

export type PlannedField = {
  /** By which it is answered. */
  key: string
  parent: GraphQLObjectType
  /** Null: `__typename`. */
  field: GraphQLField<unknown, unknown> | null
  nodes: readonly [FieldNode, ...FieldNode[]]
  shape: Shape
  /** Its place among all fields of the operation that have arguments; null: it has none. */
  args: number | null
}

export type Plan = {
  operation: OperationDefinitionNode
  fragments: Record<string, FragmentDefinitionNode>
  root: readonly PlannedField[]
}

type Fragments = Plan['fragments']

/** @throws LeftToOthers for what it does not know, also when a type is come to */
export function planOf(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments): Plan {
  const root = schema.getQueryType()
  if (!root || operation.operation !== 'query') throw new LeftToOthers()
  let withArgs = 0

  function fieldsOf(parent: GraphQLObjectType, sets: readonly SelectionSetNode[]): PlannedField[] {
    const grouped = new Map<string, [FieldNode, ...FieldNode[]]>()
    const seen = new Set<string>()
    for (const set of sets) collect(schema, fragments, parent, set, grouped, seen)
    return Array.from(grouped, ([key, nodes]) => {
      const name = nodes[0].name.value
      if (name === '__typename') return { key, parent, field: null, nodes, shape: NAME, args: null }
      const field = parent.getFields()[name]
      // Questions about the schema; and a key that is none of an object's own.
      if (!field || key === '__proto__') throw new LeftToOthers()
      const args = field.args.length > 0 ? withArgs++ : null
      return { key, parent, field, nodes, shape: shapeOf(field.type, nodes), args }
    })
  }

  function shapeOf(type: GraphQLOutputType, nodes: readonly FieldNode[]): Shape {
    if (isNonNullType(type)) return { ...shapeOf(type.ofType, nodes), nullable: false }
    if (isListType(type)) return { kind: 'list', nullable: true, of: shapeOf(type.ofType, nodes) }
    if (isLeafType(type)) return { kind: 'leaf', nullable: true, type }
    const known = new Map<GraphQLObjectType, readonly PlannedField[]>()
    const selected = (of: GraphQLObjectType) => {
      const before = known.get(of)
      if (before) return before
      if (of.isTypeOf) throw new LeftToOthers()
      const fields = fieldsOf(
        of,
        nodes.flatMap(({ selectionSet }) => selectionSet ?? []),
      )
      known.set(of, fields)
      return fields
    }
    return isObjectType(type)
      ? { kind: 'object', nullable: true, selected, type }
      : { kind: 'abstract', nullable: true, selected, type }
  }

  return { operation, fragments, root: fieldsOf(root, [operation.selectionSet]) }
}

const NAME: Shape = { kind: 'leaf', nullable: false, type: GraphQLString }

/** As CollectFields of the specification has it, but for `@skip` and `@include`. */
function collect(
  schema: GraphQLSchema,
  fragments: Fragments,
  parent: GraphQLObjectType,
  { selections }: SelectionSetNode,
  grouped: Map<string, [FieldNode, ...FieldNode[]]>,
  seen: Set<string>,
): void {
  for (const selection of selections) {
    if (selection.directives?.length) throw new LeftToOthers()
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value
      const same = grouped.get(key)
      if (same) same.push(selection)
      else grouped.set(key, [selection])
      continue
    }
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      if (seen.has(selection.name.value)) continue
      seen.add(selection.name.value)
    }
    const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value]
    if (inner && isAbout(schema, parent, inner.typeCondition?.name.value)) {
      collect(schema, fragments, parent, inner.selectionSet, grouped, seen)
    }
  }
}

function isAbout(schema: GraphQLSchema, parent: GraphQLObjectType, condition: string | undefined): boolean {
  if (condition === undefined || condition === parent.name) return true
  const type = schema.getType(condition)
  return isAbstractType(type) && schema.isSubType(type, parent)
}
