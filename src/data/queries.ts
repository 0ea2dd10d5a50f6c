/** Reading rows: of a dataset as it is, or of a snapshot. The texts depend on what is asked for; all values are parameters. */
import type { Sql } from '../db/sql.ts'
import { ValidationError } from '../kernel/errors.ts'
import type { Cursor, Page } from '../kernel/pages.ts'
import { type AddValue, fieldSql, filterSql, type SortKey, sortKeys } from './filter.ts'
import { type AccessPolicy, policySql } from './policy.ts'

export type DataRow = { id: string; data: Record<string, unknown>; createdAt: Date; updatedAt: Date }

/** Rows that a reader may see, and that match. */
export type RowQuery = {
  of: { dataset: string } | { snapshot: string }
  filter?: unknown
  /** `deny` and `allow` for this address; absent: all rows. */
  policy?: { policy: AccessPolicy; email: string | null } | undefined
}

const ROW = 'r.id, r.data, r.created_at as "createdAt", r.updated_at as "updatedAt"'

function parameters() {
  const values: unknown[] = []
  const add: AddValue = (value) => `$${values.push(value)}`
  return { values, add }
}

function source({ of, filter, policy }: RowQuery, add: AddValue): string {
  const [table, column, id] =
    'dataset' in of ? ['dataset_row', 'dataset_id', of.dataset] : ['dataset_snapshot_row', 'snapshot_id', of.snapshot]
  const seen = policy ? ` and ${policySql(policy.policy, policy.email, add)}` : ''
  return `${table} r where r.${column} = ${add(id)}::uuid and ${filterSql(filter, add)}${seen}`
}

/** A page, with one row more, and the keys that its cursors are made of. */
export async function readRows(
  sql: Sql,
  query: RowQuery,
  sort: unknown,
  page: Page,
): Promise<(DataRow & { keys: Cursor })[]> {
  const { values, add } = parameters()
  const from = source(query, add)
  const keys = sortKeys(sort, add)
  const bounds = [beyond(keys, page.after, 'after', add), beyond(keys.map(reversed), page.before, 'before', add)]
  const order = (page.backward ? keys.map(reversed) : keys).map((key) => `${key.sql} ${key.direction}`).join(', ')
  const text = `select ${ROW}, jsonb_build_array(${keys.map((key) => `(${key.sql})::text`).join(', ')}) as keys
    from ${from}${bounds.map((bound) => (bound ? ` and ${bound}` : '')).join('')}
    order by ${order} limit ${add(page.size + 1)}`
  return sql(text, values)
}

const reversed = (key: SortKey): SortKey => ({ ...key, direction: key.direction === 'asc' ? 'desc' : 'asc' })

/** Rows that stand behind a cursor in this order. */
function beyond(keys: SortKey[], cursor: Cursor | null, path: string, add: AddValue): string | null {
  if (cursor === null) return null
  const isWhole = cursor.length === keys.length && cursor.every((value, index) => fits(keys[index], value))
  if (!isWhole) throw ValidationError.at(path, 'is not a cursor of this list')
  return keys.reduceRight((rest, key, index) => {
    const value = `${add(cursor[index])}::${key.type}`
    const further = `${key.sql} ${key.direction === 'asc' ? '>' : '<'} ${value}`
    return rest === '' ? further : `(${further} or (${key.sql} = ${value} and ${rest}))`
  }, '')
}

const SHAPES: Record<SortKey['type'], RegExp> = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  int: /^\d{1,3}$/,
  timestamptz: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?$/,
  text: /^[^\0]*$/s,
  jsonb: /^[^\0]*$/s,
}

function fits(key: SortKey | undefined, value: unknown): boolean {
  if (!key || typeof value !== 'string' || !SHAPES[key.type].test(value) || !value.isWellFormed()) return false
  if (key.type !== 'jsonb') return true
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}

export async function countRows(sql: Sql, query: RowQuery): Promise<number> {
  const { values, add } = parameters()
  const [row] = await sql<{ count: number }>(`select count(*)::int as count from ${source(query, add)}`, values)
  return row?.count ?? 0
}

export async function readRow(sql: Sql, query: RowQuery, id: string): Promise<DataRow | null> {
  const { values, add } = parameters()
  const [row] = await sql<DataRow>(`select ${ROW} from ${source(query, add)} and r.id = ${add(id)}::uuid`, values)
  return row ?? null
}

/** Values of a field, each once, null for rows that have none; in the order of JSON. */
export async function distinctValues(sql: Sql, query: RowQuery, field: string, limit: number): Promise<unknown[]> {
  const { values, add } = parameters()
  const from = source(query, add)
  const value = fieldSql(field, add, 'field')
  const text = `select distinct coalesce(${value}, 'null') as value from ${from} order by 1 limit ${add(limit)}`
  return (await sql<{ value: unknown }>(text, values)).map((row) => row.value)
}
