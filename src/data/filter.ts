/**
 * The filter language of datasets → a condition in SQL, with every value a parameter.
 *
 *     { "city": "Rome", "price": { "$gte": 10, "$lt": 20 }, "$or": [{ "tags": { "$contains": "new" } }, …] }
 *
 * A field is a key of the row, or a path into nested objects (`address.city`); `id`, `createdAt` and `updatedAt` are the
 * row's own, the latter two instants: ISO 8601 with a zone, or a day in UTC. All conditions of an object hold together.
 *
 *   $eq $ne $in $nin          JSON equality: 1 is 1.0 and is not "1"; the order of keys does not matter
 *   $gt $gte $lt $lte         a number with numbers, a text with texts (by code point); with anything else: no
 *   $startsWith $endsWith     texts, to the letter
 *   $contains                 a part of a text, or an item of a list
 *   $and $or $not             of filters
 *
 * A field that is not there, or lies below what is no object, is null. $ne, $nin and $not are true exactly where $eq, $in and the filter are not. Pure.
 */
import { ValidationError } from '../kernel/errors.ts'
import { uuidOf } from '../kernel/ids.ts'
import { flawOfJson } from '../kernel/storable.ts'
import { type AddValue, type Column, type Field, fieldOf, NOT_A_FIELD, valueSql } from './field.ts'

const MAX_DEPTH = 10
/** Operators of a filter, and its objects. */
const MAX_CONDITIONS = 200
const MAX_VALUES = 1_000
/** A value that is larger than a row is in none. */
const MAX_BYTES = 256 * 1024

type Filter = Record<string, unknown>
type Build = { add: AddValue; left: { conditions: number } }

/**
 * A condition on the row `r` (columns id, data, created_at, updated_at). `at` stands before the paths of the issues.
 * @throws ValidationError
 */
export function filterSql(filter: unknown, add: AddValue, at = 'filter'): string {
  if (filter === null || filter === undefined) return 'true'
  const flaw = flawOfJson(filter)
  if (flaw) throw ValidationError.at(at, flaw)
  if (Buffer.byteLength(JSON.stringify(filter)) > MAX_BYTES) {
    throw ValidationError.at(at, `must have at most ${MAX_BYTES} bytes`)
  }
  return allOf(filter, { add, left: { conditions: MAX_CONDITIONS } }, at, 0)
}

function allOf(filter: unknown, build: Build, at: string, depth: number): string {
  if (!isObject(filter)) throw ValidationError.at(at, 'must be an object: field → value or operators')
  if (depth > MAX_DEPTH) throw ValidationError.at(at, `must not be nested more than ${MAX_DEPTH} deep`)
  count(build, at)
  const conditions = Object.entries(filter).map(([key, value]) => {
    const path = `${at}.${key}`
    if (key === '$and' || key === '$or') return combined(key, value, build, path, depth)
    if (key === '$not') return `not ${allOf(value, build, path, depth + 1)}`
    if (key.startsWith('$') && !fieldOf(key))
      throw ValidationError.at(path, 'is not an operator here; those are $and, $or and $not')
    return conditionOn(key, value, build, path)
  })
  return joined(conditions, 'and')
}

function count({ left }: Build, at: string): void {
  left.conditions -= 1
  if (left.conditions < 0) throw ValidationError.at(at, `must be at most ${MAX_CONDITIONS} conditions`)
}

function combined(operator: '$and' | '$or', value: unknown, build: Build, at: string, depth: number): string {
  if (!Array.isArray(value) || value.length === 0) throw ValidationError.at(at, 'must be a list of filters, not empty')
  const parts = value.map((each, index) => allOf(each, build, `${at}.${index}`, depth + 1))
  return joined(parts, operator === '$and' ? 'and' : 'or')
}

/** An object with a key that begins with `$` is one of operators; any other value is to be equal. */
function conditionOn(field: string, value: unknown, build: Build, at: string): string {
  const named = fieldOf(field)
  if (!named) throw ValidationError.at(at, NOT_A_FIELD)
  const operations = isObject(value) && Object.keys(value).some((key) => key.startsWith('$')) ? value : { $eq: value }
  const conditions = Object.entries(operations).map(([operator, operand]) => {
    count(build, at)
    const known = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
    const where = operations === value ? `${at}.${operator}` : at
    if (!known) {
      throw ValidationError.at(where, `is not an operator; those are ${Object.keys(OPERATORS).join(', ')}`)
    }
    return known(operand, named, build.add, where)
  })
  return joined(conditions, 'and')
}

/** Answers a condition that is never null: then its complement is never null either. */
type Operator = (operand: unknown, field: Field, add: AddValue, at: string) => string

const equal: Operator = (operand, field, add, at) => oneOf([operand ?? null], field, add, at)

/** `@>` is what the index serves; it also lets larger objects and lists pass, so the value itself is compared too. */
const oneOf: Operator = (operand, field, add, at) => {
  if (!Array.isArray(operand)) throw ValidationError.at(at, 'must be a list of values')
  if (operand.length > MAX_VALUES) throw ValidationError.at(at, `must be at most ${MAX_VALUES} values`)
  if ('column' in field) {
    const values = operand.flatMap((each) => ownValue(field.column, each, at) ?? [])
    return `r.${field.column} = any(${add(values)}::${typeOf(field.column)}[])`
  }
  const same = `${valueSql(field.path, add)} = any(${jsons(operand, add)})`
  if (operand.includes(null)) return same
  const containers = operand.map((each) => nested(field.path, each))
  // One alone is planned by what is known of its value.
  const indexed = containers.length === 1 ? json(containers[0], add) : `any(${jsons(containers, add)})`
  return `(r.data @> ${indexed} and ${same})`
}

const json = (value: unknown, add: AddValue) => `${add(JSON.stringify(value))}::jsonb`
const jsons = (values: unknown[], add: AddValue) => `${add(values.map((value) => JSON.stringify(value)))}::jsonb[]`

function compared(symbol: '>' | '>=' | '<' | '<='): Operator {
  return (operand, field, add, at) => {
    if ('column' in field) {
      const value = ownValue(field.column, requireText(operand, at), at)
      if (value === null) throw ValidationError.at(at, 'must be the id of a row')
      return `r.${field.column} ${symbol} ${add(value)}::${typeOf(field.column)}`
    }
    const value = valueSql(field.path, add)
    if (typeof operand === 'number') {
      return `(jsonb_typeof(${value}) = 'number' and ${value} ${symbol} ${json(operand, add)})`
    }
    const text = requireText(operand, at, 'a number or a text')
    return orFalse(`${textOf(value)} collate "C" ${symbol} ${add(text)}::text`)
  }
}

const typeOf = (column: Column) => (column === 'id' ? 'uuid' : 'timestamptz')

/** With its zone, so that it means the same everywhere; a day alone is its beginning in UTC. */
const INSTANT = /^(?!0000)\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

/** A UUID, or null where no row can have such an id; an instant in ISO 8601. */
function ownValue(column: Column, value: unknown, at: string): string | null {
  if (column === 'id') return typeof value === 'string' ? uuidOf('DatasetRow', value) : null
  const instant = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(instant)) throw ValidationError.at(at, 'must be an instant such as 2026-01-31T12:00:00Z')
  return new Date(instant).toISOString()
}

const orFalse = (condition: string) => `coalesce(${condition}, false)`

const textOf = (value: string) => `(case when jsonb_typeof(${value}) = 'string' then ${value} #>> '{}' end)`

const OPERATORS: Record<string, Operator> = {
  $eq: equal,
  $ne: (operand, field, add, at) => `not ${equal(operand, field, add, at)}`,
  $gt: compared('>'),
  $gte: compared('>='),
  $lt: compared('<'),
  $lte: compared('<='),
  $in: oneOf,
  $nin: (operand, field, add, at) => `not ${oneOf(operand, field, add, at)}`,
  $contains(operand, field, add, at) {
    const value = dataValue(field, add, at)
    const item = `exists (
      select from jsonb_array_elements(case when jsonb_typeof(${value}) = 'array' then ${value} else '[]' end) item
      where item = ${json(operand ?? null, add)})`
    if (typeof operand !== 'string') return item
    return `(${item} or ${orFalse(`strpos(${textOf(value)}, ${add(operand)}::text) > 0`)})`
  },
  $startsWith: (operand, field, add, at) =>
    orFalse(`starts_with(${textOf(dataValue(field, add, at))}, ${add(requireText(operand, at))}::text)`),
  $endsWith(operand, field, add, at) {
    const end = `${add(requireText(operand, at))}::text`
    return orFalse(`right(${textOf(dataValue(field, add, at))}, length(${end})) = ${end}`)
  },
}

function dataValue(field: Field, add: AddValue, at: string): string {
  if ('path' in field) return valueSql(field.path, add)
  throw ValidationError.at(at, 'is not for id, createdAt and updatedAt')
}

function requireText(operand: unknown, at: string, what = 'a text'): string {
  if (typeof operand === 'string') return operand
  throw ValidationError.at(at, `must be ${what}`)
}

const nested = (path: string[], value: unknown) => path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)

const joined = (conditions: string[], by: 'and' | 'or') =>
  conditions.length === 0 ? 'true' : `(${conditions.join(` ${by} `)})`

const isObject = (value: unknown): value is Filter =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
