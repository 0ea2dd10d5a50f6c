/**
 * The shape of a document, looked at before it is validated: validation compares fields of the same name in pairs, and
 * follows each spread, so a short document can keep it busy for seconds. The look is itself bounded: it ends at the first
 * number that is too high.
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
  visit,
} from 'graphql'
import type { QueryLimits } from './query-limits.ts'
import { tooMuch } from './refusal.ts'

/** Fields of the same name in the same place that may be compared, for each field that an operation may have. */
const COMPARISONS = 10
/** What all operations of a document may have together, in those of one. */
const OPERATIONS = 5

type Fields = Map<string, FieldNode[]>

/** @throws GraphQLError LIMIT_EXCEEDED, naming the setting. A cycle of fragments is no matter of shape: validation names it. */
export function checkShape(document: DocumentNode, limits: QueryLimits): void {
  countAliases(document, limits.aliases)
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each)
  const reached = new Set<string>()
  let left = OPERATIONS * limits.fields
  let comparisons = COMPARISONS * limits.fields

  /** Its fields, and those of what it spreads, by the name of their answers. */
  function collect(set: SelectionSetNode, into: Fields, count: () => void, active: Set<string>): void {
    for (const selection of set.selections) {
      count()
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value
        const same = into.get(name)
        if (same) same.push(selection)
        else into.set(name, [selection])
      } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet, into, count, active)
      else {
        const name = selection.name.value
        const fragment = fragments.get(name)
        if (!fragment || active.has(name)) continue
        reached.add(name)
        collect(fragment.selectionSet, into, count, active.add(name))
        active.delete(name)
      }
    }
  }

  function descend(sets: SelectionSetNode[], depth: number, count: () => void, active: Set<string>): Fields {
    const fields: Fields = new Map()
    for (const set of sets) collect(set, fields, count, active)
    if (depth > limits.depth) {
      throw tooMuch(`The query has more than ${limits.depth} levels of fields (MAX_QUERY_DEPTH).`)
    }
    for (const same of fields.values()) {
      comparisons -= (same.length * (same.length - 1)) / 2
      if (comparisons < 0) throw tooMuch('The query repeats the same fields too often (MAX_QUERY_FIELDS).')
      const inner = same.flatMap(({ selectionSet }) => selectionSet ?? [])
      if (inner.length > 0) descend(inner, depth + 1, count, active)
    }
    return fields
  }

  function check(root: SelectionSetNode, active: Set<string>): Fields {
    let selected = 0
    return descend(
      [root],
      1,
      () => {
        selected += 1
        left -= 1
        if (selected > limits.fields || left < 0) {
          throw tooMuch(`The query selects more than ${limits.fields} fields (MAX_QUERY_FIELDS).`)
        }
      },
      active,
    )
  }

  for (const each of document.definitions) {
    if (each.kind !== Kind.OPERATION_DEFINITION) continue
    const { size } = check(each.selectionSet, new Set())
    if (size > limits.rootFields) {
      throw tooMuch(`The query has ${size} fields at its root; ${limits.rootFields} are allowed (MAX_ROOT_FIELDS).`)
    }
  }
  // What no operation spreads is refused by validation, but only after it has been compared too.
  for (const [name, { selectionSet }] of fragments) if (!reached.has(name)) check(selectionSet, new Set([name]))
}

function countAliases(document: DocumentNode, most: number): void {
  let aliases = 0
  visit(document, {
    Field({ alias }) {
      if (alias) aliases += 1
    },
  })
  if (aliases > most) throw tooMuch(`The query has ${aliases} aliases; ${most} are allowed (MAX_QUERY_ALIASES).`)
}
