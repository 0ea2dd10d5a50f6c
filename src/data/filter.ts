/**
 * The filter language of datasets → a condition in SQL, with every value a parameter.
 *
 *     { "city": "Rome", "price": { "$gte": 10, "$lt": 20 }, "$or": [{ "tags": { "$contains": "new" } }, …] }
 *
 * A field is a key of the row, or a path into nested objects (`address.city`); `id`, `createdAt` and `updatedAt` are the
 * row's own. All conditions of an object hold together.
 *
 *   $eq $ne $in $nin          JSON equality: 1 is 1.0 and is not "1"; the order of keys does not matter
 *   $gt $gte $lt $lte         a number with numbers, a text with texts (by code point); with anything else: no
 *   $startsWith $endsWith     texts, to the letter
 *   $contains                 a part of a text, or an item of a list
 *   $and $or $not             of filters
 *
 * A field that is not there is null. $ne, $nin and $not are true exactly where $eq, $in and the filter are not. Pure.
 */
import { ValidationError } from '../kernel/errors.ts'
import { flawOfJson } from '../kernel/storable.ts'

const MAX_DEPTH = 10
const MAX_CONDITIONS = 100
const MAX_VALUES = 1_000
const MAX_PATH = 10
const MAX_FIELD_CHARS = 200
const MAX_SORTS = 5

/** Adds a value to the statement, and answers its parameter: `$3`. */
export type AddValue = (value: unknown) => string

type Filter = Record<string, unknown>
type Build = { add: AddValue; left: { conditions: number } }

/** The row's own fields, as texts that sort as the values do. */
const OWN: Record<string, { json: string; sort: string; type: SortKey['type'] }> = {
  id: { json: `to_jsonb('row_' || replace(r.id::text, '-', ''))`, sort: 'r.id', type: 'uuid' },
  createdAt: { json: `to_jsonb(${iso('r.created_at')})`, sort: 'r.created_at', type: 'timestamptz' },
  updatedAt: { json: `to_jsonb(${iso('r.updated_at')})`, sort: 'r.updated_at', type: 'timestamptz' },
}

function iso(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

/**
 * A condition on the row `r` (columns id, data, created_at, updated_at). `at` stands before the paths of the issues.
 * @throws ValidationError
 */
export function filterSql(filter: unknown, add: AddValue, at = 'filter'): string {
  if (filter === null || filter === undefined) return 'true'
  const flaw = flawOfJson(filter)
  if (flaw) throw ValidationError.at(at, flaw)
  return allOf(filter, { add, left: { conditions: MAX_CONDITIONS } }, at, 0)
}

function allOf(filter: unknown, build: Build, at: string, depth: number): string {
  if (!isObject(filter)) throw ValidationError.at(at, 'must be an object: field → value or operators')
  if (depth > MAX_DEPTH) throw ValidationError.at(at, `must not be nested more than ${MAX_DEPTH} deep`)
  const conditions = Object.entries(filter).map(([key, value]) => {
    const path = `${at}.${key}`
    if (key === '$and' || key === '$or') return combined(key, value, build, path, depth)
    if (key === '$not') return `not ${allOf(value, build, path, depth + 1)}`
    if (key.startsWith('$')) throw ValidationError.at(path, 'is not an operator here; those are $and, $or and $not')
    return conditionOn(key, value, build, path)
  })
  return joined(conditions, 'and')
}

function combined(operator: '$and' | '$or', value: unknown, build: Build, at: string, depth: number): string {
  if (!Array.isArray(value) || value.length === 0) throw ValidationError.at(at, 'must be a list of filters, not empty')
  const parts = value.map((each, index) => allOf(each, build, `${at}.${index}`, depth + 1))
  return joined(parts, operator === '$and' ? 'and' : 'or')
}

/** Operators are those objects all of whose keys begin with `$`; any other value is to be equal. */
function conditionOn(field: string, value: unknown, build: Build, at: string): string {
  const path = pathOf(field, at)
  const operations = isObject(value) && Object.keys(value).some((key) => key.startsWith('$')) ? value : { $eq: value }
  const conditions = Object.entries(operations).map(([operator, operand]) => {
    build.left.conditions -= 1
    if (build.left.conditions < 0) throw ValidationError.at(at, `must be at most ${MAX_CONDITIONS} conditions`)
    const known = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
    const where = operations === value ? `${at}.${operator}` : at
    if (!known) {
      throw ValidationError.at(where, `is not an operator; those are ${Object.keys(OPERATORS).join(', ')}`)
    }
    return known(operand, path, build.add, where)
  })
  return joined(conditions, 'and')
}

/** A value of the row as jsonb; null where there is none. */
function valueAt(path: string[], add: AddValue): string {
  const own = path.length === 1 ? OWN[path[0] ?? ''] : undefined
  return own ? own.json : `(r.data #> ${add(path)}::text[])`
}

/** Answers a condition that is never null: then its complement is never null either. */
type Operator = (operand: unknown, path: string[], add: AddValue, at: string) => string

/** `@>` is what the index serves; it also lets larger objects and lists pass, so the value itself is compared too. */
const equal: Operator = (operand, path, add) => {
  const value = `coalesce(${valueAt(path, add)}, 'null')`
  const same = `${value} = ${add(JSON.stringify(operand ?? null))}::jsonb`
  if (operand === null || Object.hasOwn(OWN, path[0] ?? '')) return same
  return `(r.data @> ${add(JSON.stringify(nested(path, operand)))}::jsonb and ${same})`
}

const oneOf: Operator = (operand, path, add, at) => {
  if (!Array.isArray(operand)) throw ValidationError.at(at, 'must be a list of values')
  if (operand.length > MAX_VALUES) throw ValidationError.at(at, `must be at most ${MAX_VALUES} values`)
  const value = `coalesce(${valueAt(path, add)}, 'null')`
  const same = `${value} = any(${add(operand.map((each) => JSON.stringify(each)))}::jsonb[])`
  if (operand.includes(null) || Object.hasOwn(OWN, path[0] ?? '')) return same
  const containers = operand.map((each) => JSON.stringify(nested(path, each)))
  return `(r.data @> any(${add(containers)}::jsonb[]) and ${same})`
}

function compared(symbol: '>' | '>=' | '<' | '<='): Operator {
  return (operand, path, add, at) => {
    const value = valueAt(path, add)
    if (typeof operand === 'number') {
      const number = `case when jsonb_typeof(${value}) = 'number' then (${value} #>> '{}')::numeric end`
      return orFalse(`${number} ${symbol} ${add(String(operand))}::numeric`)
    }
    return orFalse(
      `${textOf(value)} collate "C" ${symbol} ${add(requireText(operand, at, 'a number or a text'))}::text`,
    )
  }
}

const orFalse = (condition: string) => `coalesce(${condition}, false)`

const textOf = (value: string) => `(case when jsonb_typeof(${value}) = 'string' then ${value} #>> '{}' end)`

const OPERATORS: Record<string, Operator> = {
  $eq: equal,
  $ne: (operand, path, add, at) => `not ${equal(operand, path, add, at)}`,
  $gt: compared('>'),
  $gte: compared('>='),
  $lt: compared('<'),
  $lte: compared('<='),
  $in: oneOf,
  $nin: (operand, path, add, at) => `not ${oneOf(operand, path, add, at)}`,
  $contains(operand, path, add) {
    const value = valueAt(path, add)
    const item = `exists (
      select from jsonb_array_elements(case when jsonb_typeof(${value}) = 'array' then ${value} else '[]' end) item
      where item = ${add(JSON.stringify(operand ?? null))}::jsonb)`
    if (typeof operand !== 'string') return item
    return `(${item} or ${orFalse(`strpos(${textOf(value)}, ${add(operand)}::text) > 0`)})`
  },
  $startsWith: (operand, path, add, at) =>
    orFalse(`starts_with(${textOf(valueAt(path, add))}, ${add(requireText(operand, at))}::text)`),
  $endsWith(operand, path, add, at) {
    const end = add(requireText(operand, at))
    const text = textOf(valueAt(path, add))
    return orFalse(`case when ${end}::text = '' then ${text} is not null
      else right(${text}, length(${end}::text)) = ${end}::text end`)
  },
}

function requireText(operand: unknown, at: string, what = 'a text'): string {
  if (typeof operand === 'string') return operand
  throw ValidationError.at(at, `must be ${what}`)
}

/** What a list of rows is ordered by; never null. */
export type SortKey = {
  sql: string
  type: 'uuid' | 'int' | 'text' | 'jsonb' | 'timestamptz'
  direction: 'asc' | 'desc'
}

/**
 * The keys of a sort, the last of them unique. Without a sort: the order in which the rows were made. Values of a kind
 * stand together: null and what is not there first, then texts (by code point), numbers, false, true, and what has parts.
 * @throws ValidationError
 */
export function sortKeys(sort: unknown, add: AddValue, at = 'sort'): SortKey[] {
  if (sort === null || sort === undefined) return [{ sql: 'r.id', type: 'uuid', direction: 'asc' }]
  if (!isObject(sort)) throw ValidationError.at(at, 'must be an object: field → "asc" or "desc"')
  const entries = Object.entries(sort)
  if (entries.length > MAX_SORTS) throw ValidationError.at(at, `must be at most ${MAX_SORTS} fields`)
  const keys = entries.flatMap(([field, direction]): SortKey[] => {
    if (direction !== 'asc' && direction !== 'desc')
      throw ValidationError.at(`${at}.${field}`, 'must be "asc" or "desc"')
    const path = pathOf(field, `${at}.${field}`)
    const own = path.length === 1 ? OWN[field] : undefined
    if (own) return [{ sql: own.sort, type: own.type, direction }]
    const value = valueAt(path, add)
    const kind = `array_position(array['null', 'string', 'number', 'boolean', 'array', 'object'], coalesce(jsonb_typeof(${value}), 'null'))`
    return [
      { sql: kind, type: 'int', direction },
      { sql: `coalesce(${textOf(value)}, '') collate "C"`, type: 'text', direction },
      {
        sql: `coalesce(case when jsonb_typeof(${value}) <> 'string' then ${value} end, 'null')`,
        type: 'jsonb',
        direction,
      },
    ]
  })
  return [...keys, { sql: 'r.id', type: 'uuid', direction: keys[0]?.direction ?? 'asc' }]
}

/** `a.b` → ['a', 'b']. */
export function pathOf(field: string, at: string): string[] {
  const path = field.split('.')
  const isPlain = field.length <= MAX_FIELD_CHARS && path.length <= MAX_PATH && !path.includes('')
  if (!isPlain) throw ValidationError.at(at, 'is not the name of a field, or a path such as address.city')
  return path
}

/** `(r.data #> path)` as jsonb, null where there is none. */
export const fieldSql = (field: string, add: AddValue, at: string): string => valueAt(pathOf(field, at), add)

const nested = (path: string[], value: unknown) => path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)

const joined = (conditions: string[], by: 'and' | 'or') =>
  conditions.length === 0 ? 'true' : `(${conditions.join(` ${by} `)})`

const isObject = (value: unknown): value is Filter =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
