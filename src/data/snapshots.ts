/** The statements that take snapshots of datasets and let them go. A snapshot is a copy: what becomes of its dataset's rows later does not touch it. */
import type { EffectKey } from '../actions/ports.ts'
import type { Sql } from '../db/sql.ts'
import { newId } from '../kernel/ids.ts'

/**
 * One statement sees one instant, so it waits for no writer and holds none up. Writers keep `row_count` in the
 * transaction of their rows, so it is right at every instant.
 */
const TAKE = `
with taken as (
  insert into dataset_snapshot (id, dataset_id, name, row_count, run_id, run_position)
  select $1::uuid, d.id, $3::text, d.row_count, $4::uuid, $5::int from dataset d where d.id = $2::uuid
  on conflict (dataset_id, run_id, run_position) where run_id is not null do nothing
  returning id, row_count
), copied as (
  insert into dataset_snapshot_row (snapshot_id, id, data, created_at, updated_at)
  select taken.id, r.id, r.data, r.created_at, r.updated_at
  from taken cross join dataset_row r where r.dataset_id = $2::uuid
)
select id, row_count as rows from taken`

const TAKEN = `select id, row_count as rows from dataset_snapshot
  where dataset_id = $1::uuid and run_id = $2::uuid and run_position = $3::int`

/** `id`: a UUID with dashes. */
export type TakenSnapshot = { id: string; rows: number }

/**
 * Keeps the rows as they are at this instant. With an effect that took one before, the answer is that one. Null: there
 * is no such dataset. Needs no transaction, and at most READ COMMITTED inside of one.
 */
export async function takeSnapshot(
  sql: Sql,
  datasetId: string,
  { name, effect }: { name: string | null; effect: EffectKey | null },
): Promise<TakenSnapshot | null> {
  const key = effect ? [effect.runId, effect.position] : [null, null]
  const [taken] = await sql<TakenSnapshot>(TAKE, [newId(), datasetId, name, ...key])
  if (taken || !effect) return taken ?? null
  const [before] = await sql<TakenSnapshot>(TAKEN, [datasetId, ...key])
  return before ?? null
}

const PRUNE = `
with gone as (
  delete from dataset_snapshot where id in (
    select id from dataset_snapshot where dataset_id = $1::uuid order by id desc offset $2::int)
  returning 1
)
select count(*)::int as count from gone`

/** Deletes all but the newest `keep` snapshots of a dataset; answers how many went. */
export async function pruneSnapshots(sql: Sql, datasetId: string, keep: number): Promise<number> {
  const [row] = await sql<{ count: number }>(PRUNE, [datasetId, keep])
  return row?.count ?? 0
}

/** False: it was gone already. */
export async function deleteSnapshot(sql: Sql, id: string): Promise<boolean> {
  const gone = await sql<{ id: string }>('delete from dataset_snapshot where id = $1::uuid returning id', [id])
  return gone.length > 0
}
