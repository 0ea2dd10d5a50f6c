/** The rows of a dataset as they were at one instant: a copy, made by one statement. */
import type { EffectKey } from '../actions/ports.ts'
import type { Sql } from '../db/sql.ts'
import { newId } from '../kernel/ids.ts'

const TAKE = `
with made as (
  insert into dataset_snapshot (id, dataset_id, name, row_count, run_id, run_position)
  select $1::uuid, d.id, $3, (select count(*) from dataset_row where dataset_id = d.id), $4::uuid, $5::int
  from dataset d where d.id = $2::uuid
  on conflict do nothing
  returning id, row_count
), copied as (
  insert into dataset_snapshot_row (snapshot_id, id, data, created_at, updated_at)
  select made.id, r.id, r.data, r.created_at, r.updated_at from made cross join dataset_row r where r.dataset_id = $2::uuid
)
select id, row_count as rows from made`

const TAKEN = `select id, row_count as rows from dataset_snapshot
  where dataset_id = $1::uuid and run_id = $2::uuid and run_position = $3::int`

export type TakenSnapshot = { id: string; rows: number }

/** With a key that was used before: what was taken then. Null when the dataset is gone. */
export async function takeSnapshot(
  sql: Sql,
  datasetId: string,
  { name = null, effect }: { name?: string | null; effect: EffectKey | null },
): Promise<TakenSnapshot | null> {
  const key = [effect?.runId ?? null, effect?.position ?? null]
  const [made] = await sql<TakenSnapshot>(TAKE, [newId(), datasetId, name, ...key])
  if (made || !effect) return made ?? null
  const [taken] = await sql<TakenSnapshot>(TAKEN, [datasetId, ...key])
  return taken ?? null
}

const PRUNE = `
with kept as (
  select id from dataset_snapshot where dataset_id = $1::uuid order by id desc limit $2
), gone as (
  delete from dataset_snapshot where dataset_id = $1::uuid and id not in (select id from kept) returning 1
)
select count(*)::int as count from gone`

/** Deletes all but the newest; answers how many went. */
export async function pruneSnapshots(sql: Sql, datasetId: string, keep: number): Promise<number> {
  const [gone] = await sql<{ count: number }>(PRUNE, [datasetId, keep])
  return gone?.count ?? 0
}
