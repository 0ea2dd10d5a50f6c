/** Reading rows: of a dataset as it is, or of a snapshot. The texts depend on what is asked for; all values are parameters. */
import type { Sql } from '../db/sql.ts'
import type { Cursor, Page } from '../kernel/pages.ts'
import { type AddValue, valueSql } from './field.ts'
import { filterSql } from './filter.ts'
import { policySql } from './policy.ts'
import { beyondSql, cursorOf, orderOf, orderSql, partsOfValue, partsSql, readPartsSql } from './sort.ts'

export type DataRow = { id: string; data: Record<string, unknown>; createdAt: Date; updatedAt: Date }

/** Rows that a reader may see, and that match. */
export type RowQuery = {
  of: { dataset: string } | { snapshot: string }
  filter?: unknown
  /** `deny` and `allow` for this address; absent: all rows. */
  policy?: { policy: unknown; email: string | null } | undefined
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

/** A page, with one row more, each with its cursor; `skip`: rows of it that are passed over. */
export async function readRows(
  sql: Sql,
  query: RowQuery,
  sort: unknown,
  page: Page,
  skip = 0,
): Promise<(DataRow & { cursor: Cursor })[]> {
  const { values, add } = parameters()
  const order = orderOf(sort)
  const parts = partsSql(order, add)
  const from = source(query, add)
  const bounds = [
    page.after && beyondSql(order, page.after, 'after', add),
    page.before && beyondSql(order, page.before, 'before', add),
  ].filter((bound) => bound !== null)
  const text = `select ${ROW}${readPartsSql(order)} from (select r.*${parts} from ${from}) r
    where ${['true', ...bounds].join(' and ')}
    order by ${orderSql(order, page.backward)} limit ${add(page.size + 1)} offset ${add(skip)}`
  const rows = await sql<DataRow & Record<string, unknown>>(text, values)
  return rows.map((row) => {
    const { id, data, createdAt, updatedAt } = row
    return { id, data, createdAt, updatedAt, cursor: cursorOf(order, row) }
  })
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

/** Values of a field of the data, each once, null for rows that have none; in the order of a sort. */
export async function distinctValues(sql: Sql, query: RowQuery, path: string[], limit: number): Promise<unknown[]> {
  const { values, add } = parameters()
  const value = valueSql(path, add)
  const text = `select v.value from (select distinct ${value} as value from ${source(query, add)}) v
    order by ${partsOfValue('v.value').join(', ')}, v.value limit ${add(limit)}`
  return (await sql<{ value: unknown }>(text, values)).map((row) => row.value)
}
