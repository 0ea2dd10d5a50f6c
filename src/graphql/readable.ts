/** Whether a viewer may read what a resolver has answered, without asking again for more than its ids. */
import { type GraphQLObjectType, type GraphQLOutputType, getNamedType, isObjectType, isUnionType } from 'graphql'
import type { Context } from './context.ts'
import { nodes } from './nodes.ts'

type Row = Record<string, unknown>

/** Whether every node in a mutation's answer, itself or in its fields, is there and may be read by the viewer. */
export async function isReadable(answer: unknown, type: GraphQLOutputType, context: Context): Promise<boolean> {
  const success = successOf(type)
  if (!success || !isRow(answer)) return true
  const idsOf = new Map<string, string[]>()
  for (const [name, row] of nodesIn(answer, success)) {
    idsOf.set(name, [...(idsOf.get(name) ?? []), String(row.id)])
  }
  for (const [name, ids] of idsOf) {
    const found = await nodes.get(name)?.(ids, context)
    if (!found?.every((row) => row !== null)) return false
  }
  return true
}

/** What a mutation answers when nothing is wrong. */
function successOf(type: GraphQLOutputType): GraphQLObjectType | undefined {
  const named = getNamedType(type)
  if (isUnionType(named))
    return named.getTypes().find((each) => !each.getInterfaces().some(({ name }) => name === 'Error'))
  return isObjectType(named) ? named : undefined
}

function nodesIn(answer: Row, type: GraphQLObjectType): [name: string, row: Row][] {
  if (nodes.has(type.name)) return [[type.name, answer]]
  return Object.values(type.getFields()).flatMap((field) => {
    const { name } = getNamedType(field.type)
    return nodes.has(name) ? rowsIn(answer[field.name]).map((row): [string, Row] => [name, row]) : []
  })
}

const rowsIn = (value: unknown): Row[] => (Array.isArray(value) ? value : [value]).filter(isRow)

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null
