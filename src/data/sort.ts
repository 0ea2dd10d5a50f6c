/**
 * The order of rows: by fields, then by id, which is the order in which they were made. Values of a kind stand together:
 * null and what is not there first, then texts, numbers, false, true, lists, objects. Texts are compared by code point,
 * by their first 200 characters, as lists and objects are by their JSON: what a cursor has to carry stays small. Pure.
 */
import { ValidationError } from '../kernel/errors.ts'
import { formatId, uuidOf } from '../kernel/ids.ts'
import type { Cursor } from '../kernel/pages.ts'
import { flawOfText } from '../kernel/storable.ts'
import { type AddValue, type Field, fieldOf, NOT_A_FIELD, valueSql } from './field.ts'

const MAX_SORTS = 5
const MAX_CHARS = 200

type Direction = 'asc' | 'desc'

/** `keys`: for each, what is compared one after the other; the id at the end has the direction of the first. */
export type Order = { keys: { field: Field; direction: Direction }[]; direction: Direction; signature: string }

/** @throws ValidationError */
export function orderOf(sort: unknown, at = 'sort'): Order {
  if (sort === null || sort === undefined) return { keys: [], direction: 'asc', signature: '' }
  if (typeof sort !== 'object' || Array.isArray(sort)) {
    throw ValidationError.at(at, 'must be an object: field → "asc" or "desc"')
  }
  const entries = Object.entries(sort)
  if (entries.length > MAX_SORTS) throw ValidationError.at(at, `must be at most ${MAX_SORTS} fields`)
  const keys = entries.map(([name, direction]) => {
    const field = fieldOf(name)
    if (!field) throw ValidationError.at(`${at}.${name}`, NOT_A_FIELD)
    if (direction !== 'asc' && direction !== 'desc') {
      throw ValidationError.at(`${at}.${name}`, 'must be "asc" or "desc"')
    }
    return { field, direction: direction as Direction }
  })
  return { keys, direction: keys[0]?.direction ?? 'asc', signature: entries.map((entry) => entry.join(' ')).join(', ') }
}

const KINDS = `array['null', 'string', 'number', 'boolean', 'array', 'object']`

/** Of a value: the place of its kind, then a number and a text by which two of the kind are compared. */
type Part = { kind: number; number: string; text: string }
const partNames = (index: number) => [`kind${index}`, `number${index}`, `text${index}`]

/** The parts of every key over the row `r`: `, … as kind0, … as number0, … as text0, … as kind1`. */
export const partsSql = ({ keys }: Order, add: AddValue): string =>
  keys.map(({ field }, index) => named(partsOf(field, add), index)).join('')

const named = (parts: string[], index: number) =>
  parts.map((part, each) => `, ${part} as ${partNames(index)[each]}`).join('')

function partsOf(field: Field, add: AddValue): string[] {
  if ('path' in field) return partsOfValue(valueSql(field.path, add))
  if (field.column === 'id') return ['0', '0', `r.id::text collate "C"`]
  return ['0', `extract(epoch from r.${field.column})`, `''::text collate "C"`]
}

export function partsOfValue(value: string): string[] {
  const kind = `jsonb_typeof(${value})`
  return [
    `array_position(${KINDS}, ${kind})`,
    `case ${kind} when 'number' then (${value})::numeric when 'boolean' then (${value})::boolean::int else 0 end`,
    `case when ${kind} in ('string', 'array', 'object') then left(${value} #>> '{}', ${MAX_CHARS}) else '' end collate "C"`,
  ]
}

/** What `order by` says, of rows that have their parts. */
export function orderSql({ keys, direction }: Order, backward: boolean): string {
  const way = (each: Direction) => ((each === 'asc') === backward ? 'desc' : 'asc')
  const parts = keys.flatMap((key, index) => partNames(index).map((part) => `r.${part} ${way(key.direction)}`))
  return [...parts, `r.id ${way(direction)}`].join(', ')
}

/** The parts as they are read: a `numeric` comes as a text, whole. */
export const readPartsSql = ({ keys }: Order): string =>
  keys.map((_key, index) => `, r.kind${index}, r.number${index}::text, r.text${index}`).join('')

/** A cursor of a row that was read with its parts. */
export function cursorOf({ keys, signature }: Order, row: Record<string, unknown> & { id: string }): Cursor {
  const parts = keys.flatMap((_key, index) => partNames(index).map((part) => row[part] as string | number))
  return [...(signature ? [signature] : []), ...parts, formatId('DatasetRow', row.id)]
}

/** Rows behind a cursor, or before it. @throws ValidationError when it is none of this order. */
export function beyondSql(order: Order, cursor: Cursor, side: 'after' | 'before', add: AddValue): string {
  const { id, parts } = positionOf(order, cursor, side)
  const sign = (direction: Direction) => ((direction === 'asc') === (side === 'after') ? '>' : '<')
  const last = `r.id ${sign(order.direction)} ${add(id)}::uuid`
  return parts.reduceRight((rest, { kind, number, text }, index) => {
    const row = `(${partNames(index).map((part) => `r.${part}`)})`
    const other = `(${add(kind)}::int, ${add(number)}::numeric, ${add(text)}::text)`
    const direction = order.keys[index]?.direction ?? 'asc'
    return `(${row} ${sign(direction)} ${other} or (${row} = ${other} and ${rest}))`
  }, last)
}

/** The longest double has 309 digits before the point, or 343 behind it. */
const NUMBER = /^-?\d{1,400}(\.\d{1,400})?$/

function positionOf({ keys, signature }: Order, cursor: Cursor, at: string): { id: string; parts: Part[] } {
  const values = signature ? cursor.slice(1) : [...cursor]
  const id = uuidOf('DatasetRow', String(values.pop()))
  const parts = keys.flatMap((_key, index): Part[] => {
    const [kind, number, text] = values.slice(3 * index, 3 * index + 3)
    if (!Number.isInteger(kind) || Math.abs(Number(kind)) > 6) return []
    if (typeof number !== 'string' || !NUMBER.test(number) || typeof text !== 'string' || flawOfText(text)) return []
    return [{ kind: Number(kind), number, text }]
  })
  const isWhole = values.length === 3 * keys.length && parts.length === keys.length
  if (id && isWhole && (signature === '' || cursor[0] === signature)) return { id, parts }
  throw ValidationError.at(at, 'is not a cursor of this list')
}
