/**
 * What of its rows an operation asks for, so that no more is read. A field that exposes a column reads that; another says
 * in `extensions.reads` what its resolver reads; where one says nothing, all is read.
 */
import {
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  getArgumentValues,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql'

/** For the option `extensions` of a field: the fields of its row that its resolver reads, and no others. */
export const reads = (...fields: string[]) => ({ reads: fields })

/** Documents are parsed once and kept, and so is what is found out about them. */
const known = new WeakMap<FieldNode, ReadonlySet<string> | null>()

/** The fields of the rows that are read of `type`, below this field by way of `path`; null: all may be. */
export function fieldsRead(
  { fieldNodes, fragments, schema }: GraphQLResolveInfo,
  type: string,
  path: readonly string[] = [],
): ReadonlySet<string> | null {
  const [only, another] = fieldNodes
  const before = only && !another ? known.get(only) : undefined
  if (before !== undefined) return before
  const row = schema.getType(type)
  const asked = selected(fieldNodes, path, fragments)
  const fields = isObjectType(row) ? readBy(row, asked) : null
  if (only && !another) known.set(only, fields)
  return fields
}

/**
 * What is asked of a field of the rows below, by the one node of the operation that asks for it: its arguments, and which
 * fields are read of `rows`. Null: none asks for it, several do, or nobody can tell.
 */
export function askedOf(
  info: GraphQLResolveInfo,
  { type, field: name, path }: { type: string; field: string; path: readonly string[] },
  rows: { type: string; path?: readonly string[] },
): { args: Record<string, unknown>; wanted: ReadonlySet<string> } | null {
  const nodes = selected(info.fieldNodes, path, info.fragments).filter((node) => node.name.value === name)
  const [node, another] = nodes
  const parent = info.schema.getType(type)
  const field = isObjectType(parent) ? parent.getFields()[name] : undefined
  if (!node || another || !field) return null
  const wanted = fieldsRead({ ...info, fieldNodes: nodes }, rows.type, rows.path)
  try {
    return wanted && { args: getArgumentValues(field, node, info.variableValues), wanted }
  } catch {
    // Told where the field stands, when it is come to.
    return null
  }
}

/** The same for the rows of a connection. */
export const rowFieldsRead = (info: GraphQLResolveInfo, type: string) => fieldsRead(info, type, ['edges', 'node'])

function readBy(row: GraphQLObjectType, asked: Iterable<FieldNode>): ReadonlySet<string> | null {
  const fields = new Set<string>()
  for (const { name } of asked) {
    if (name.value === '__typename') continue
    const { pothosExposedField, reads } = row.getFields()[name.value]?.extensions ?? {}
    const read = pothosExposedField ? [pothosExposedField] : reads
    if (!Array.isArray(read)) return null
    for (const field of read) fields.add(String(field))
  }
  return fields
}

/** Below all of these fields along the path, in whatever fragments; more than is there for the type does no harm. */
function selected(
  nodes: readonly FieldNode[],
  path: readonly string[],
  fragments: GraphQLResolveInfo['fragments'],
): FieldNode[] {
  const inside = nodes.flatMap(({ selectionSet }) => (selectionSet ? fieldsIn(selectionSet, fragments) : []))
  const [next, ...rest] = path
  return next === undefined
    ? inside
    : selected(
        inside.filter(({ name }) => name.value === next),
        rest,
        fragments,
      )
}

function fieldsIn({ selections }: SelectionSetNode, fragments: GraphQLResolveInfo['fragments']): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection]
    const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value]
    return inner ? fieldsIn(inner.selectionSet, fragments) : []
  })
}
