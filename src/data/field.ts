/**
 * What a filter, a sort or a policy names: `a.b` is `b` in the object in `a`, and there is no way into a list. `id`,
 * `createdAt` and `updatedAt` are the row's own; one of the data by such a name is `$data.id`. Pure.
 */
import { flawOfText } from '../kernel/storable.ts'

/** Objects on the way to a value, the row included. */
const MAX_PATH = 10
const MAX_CHARS = 200

/** A column of the row, or a way through the objects of its data. */
export type Field = { column: Column } | { path: string[] }
export type Column = 'id' | 'created_at' | 'updated_at'

const OWN = new Map<string, Column>([
  ['id', 'id'],
  ['createdAt', 'created_at'],
  ['updatedAt', 'updated_at'],
])

const DATA = '$data.'

/** Null: it is no name of a field. */
export function fieldOf(name: string): Field | null {
  const column = OWN.get(name)
  const path = dataPathOf(name)
  return column ? { column } : path && { path }
}

/** The way to a field of the data, also where the row has one of its own by that name. Null: it is no name of a field. */
export function dataPathOf(name: string): string[] | null {
  const plain = name.startsWith(DATA) ? name.slice(DATA.length) : name
  const path = plain.split('.')
  const isOperator = name.startsWith('$') && plain === name
  const isName = name.length <= MAX_CHARS && path.length <= MAX_PATH && !path.includes('') && !flawOfText(name)
  return isName && !isOperator ? path : null
}

export const isFieldName = (name: string): boolean => dataPathOf(name) !== null

export const NOT_A_FIELD = 'is not the name of a field, or a path such as address.city'

/** Adds a value to the statement, and answers its parameter: `$3`. */
export type AddValue = (value: unknown) => string

/** The value at a path of the row `r` as jsonb; what is not there is null. `->` with a text leads into objects only. */
export function valueSql(path: readonly string[], add: AddValue): string {
  const value = path.reduce((object, key) => `${object} -> ${add(key)}::text`, 'r.data')
  return `coalesce(${value}, 'null'::jsonb)`
}
