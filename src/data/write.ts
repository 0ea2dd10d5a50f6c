/**
 * Changing rows. Whoever changes a dataset holds its row first, so that its count stays right and writers come one after
 * the other. The statements run in the caller's transaction.
 */
import type { Sql } from '../db/sql.ts'
import { newId } from '../kernel/ids.ts'
import type { AddValue } from './field.ts'
import { filterSql } from './filter.ts'
import type { DataRow } from './queries.ts'
import { MAX_ROW_BYTES } from './row.ts'

/** The number of its rows; null when it is gone. */
export async function lockDataset(sql: Sql, id: string): Promise<number | null> {
  const [row] = await sql<{ count: number }>(
    'select row_count as count from dataset where id = $1::uuid for no key update',
    [id],
  )
  return row?.count ?? null
}

/** `rows from` lists the two side by side; as one text of JSON the rows are parsed once, where they are kept. */
const INSERT = `
insert into dataset_row as r (id, dataset_id, data)
select given.id, $1::uuid, given.data from rows from (unnest($2::uuid[]), jsonb_array_elements($3::jsonb)) as given(id, data)
returning r.id, r.data, r.created_at as "createdAt", r.updated_at as "updatedAt"`

/** In the order in which they were given. */
export async function insertRows(sql: Sql, datasetId: string, rows: readonly object[]): Promise<DataRow[]> {
  const ids = rows.map(newId)
  const made = await sql<DataRow>(INSERT, [datasetId, ids, JSON.stringify(rows)])
  const byId = new Map(made.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

const INSERT_MANY = INSERT.replace(/\nreturning .*$/, '')

/** The same for many, which nobody wants back. */
export async function insertMany(sql: Sql, datasetId: string, rows: readonly object[]): Promise<void> {
  await sql(INSERT_MANY, [datasetId, rows.map(newId), JSON.stringify(rows)])
}

const SET_ROW_COUNT = `
update dataset set row_count = $2::int, updated_at = clock_timestamp() where id = $1::uuid
returning row_count as "rowCount", updated_at as "updatedAt"`

/** What has changed of the dataset by that. */
export async function setRowCount(
  sql: Sql,
  datasetId: string,
  count: number,
): Promise<{ rowCount: number; updatedAt: Date } | undefined> {
  const [changed] = await sql<{ rowCount: number; updatedAt: Date }>(SET_ROW_COUNT, [datasetId, count])
  return changed
}

/** Which rows of a dataset: one, or those that match. */
export type Selection = { rowId: string } | { filter: unknown }

function where(datasetId: string, selection: Selection): { condition: string; values: unknown[]; add: AddValue } {
  const values: unknown[] = []
  const add: AddValue = (value) => `$${values.push(value)}`
  const of = `r.dataset_id = ${add(datasetId)}::uuid`
  const chosen = 'rowId' in selection ? `r.id = ${add(selection.rowId)}::uuid` : filterSql(selection.filter, add)
  return { condition: `${of} and ${chosen}`, values, add }
}

/**
 * Sets these keys of the rows, and leaves the others. `tooLarge`: rows that have grown and are larger than they may be.
 * PostgreSQL writes JSON wider than it came, so a row that was let in may be so already; that alone is no matter.
 */
export async function updateRows(
  madeUp: Sql,
  datasetId: string,
  selection: Selection,
  set: object,
): Promise<{ count: number; tooLarge: number }> {
  const { condition, values, add } = where(datasetId, selection)
  const [result] = await madeUp<{ count: number; tooLarge: number }>(
    `with changed as (
      update dataset_row r set data = r.data || ${add(JSON.stringify(set))}::jsonb, updated_at = clock_timestamp()
      from dataset_row before where before.id = r.id and ${condition}
      returning octet_length(r.data::text) > ${add(MAX_ROW_BYTES)}
        and octet_length(r.data::text) > octet_length(before.data::text) as "tooLarge"
    ) select count(*)::int as count, (count(*) filter (where "tooLarge"))::int as "tooLarge" from changed`,
    values,
  )
  return result ?? { count: 0, tooLarge: 0 }
}

/** Answers how many went. */
export async function deleteRows(madeUp: Sql, datasetId: string, selection: Selection): Promise<number> {
  const { condition, values } = where(datasetId, selection)
  const [result] = await madeUp<{ count: number }>(
    `with gone as (delete from dataset_row r where ${condition} returning 1) select count(*)::int as count from gone`,
    values,
  )
  return result?.count ?? 0
}
