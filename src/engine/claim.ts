/**
 * Which runs a node may work on: statements that lease and start them. Nobody holds a run that has not started: a node
 * asks for no more than it has places for. `(select clock_timestamp())` is asked once and can bound an index scan;
 * `clock_timestamp()` by itself is asked for each row, and would walk through all that is due later.
 */
import type { Sql } from '../db/sql.ts'
import { type StartedRun, startSql } from '../runs/transition/start.ts'

/** Can be leased as soon as its time has come. */
const FREE = 'lease_owner is null and not blocked and cancel_by is null and limit_group is null'
const LIMITED = 'lease_owner is null and not blocked and cancel_by is null and limit_group is not null'
const DUE = 'available_at <= (select clock_timestamp())'

/** The first entry of each priority: few, however long the queue. */
const LEVELS = `
  (select priority, available_at from run_queue where ${FREE} order by priority, available_at, run_id limit 1)
  union all
  select next.priority, next.available_at from level cross join lateral (
    select priority, available_at from run_queue where ${FREE} and priority > level.priority
    order by priority, available_at, run_id limit 1) next`

type Answer = Omit<StartedRun, 'runId'> & { runId: string | null; limited: boolean }

const runsIn = (rows: Answer[]): StartedRun[] => rows.filter((row): row is Answer & StartedRun => row.runId !== null)

/**
 * Starts up to `limit` runs that are due and share no limit; `limited` says whether there are others. Nothing that blocks
 * follows in the statement: SKIP LOCKED may keep locks on rows of others.
 */
export async function claimRuns(
  sql: Sql,
  nodeId: string,
  leaseSeconds: number,
  limit: number,
): Promise<{ runs: StartedRun[]; limited: boolean }> {
  const rows = await sql<Answer>(CLAIM_FREE, [nodeId, leaseSeconds, limit])
  return { runs: runsIn(rows), limited: rows[0]?.limited ?? false }
}

const CLAIM_FREE = startSql({
  free: `level as (${LEVELS}
), free as (
  select due.run_id from level cross join lateral (
    select run_id from run_queue where ${FREE} and priority = level.priority and ${DUE}
    order by available_at, run_id limit $3 for update skip locked) due
  limit $3
)`,
  limited: `exists (select from run_queue where ${LIMITED})`,
})

/** Starts those of these runs that share no limit, in the transaction that has just queued them. */
export async function startQueued(
  sql: Sql,
  nodeId: string,
  leaseSeconds: number,
  runIds: string[],
): Promise<StartedRun[]> {
  return runsIn(await sql<Answer>(START_QUEUED, [nodeId, leaseSeconds, runIds]))
}

const START_QUEUED = startSql({
  free: `free as (
  select run_id from run_queue where run_id = any($3::uuid[]) and ${FREE} and ${DUE} for update
)`,
  limited: 'false',
})

/** Advisory lock of whoever counts what the groups have room for. */
const LIMITS_LOCK = 0x6c696d74

/**
 * Starts up to `limit` runs as far as their groups and owners have room: the sum of the leases of a group never exceeds
 * its limit. One node at a time counts and leases, within a transaction; null when another is at it. A retry that waits
 * for its time takes up no room.
 */
export async function claimLimitedRuns(
  sql: Sql,
  nodeId: string,
  leaseSeconds: number,
  limit: number,
): Promise<StartedRun[] | null> {
  // A statement of its own: the next one sees what was leased before the lock was let go.
  const [lock] = await sql<{ ours: boolean }>('select pg_try_advisory_xact_lock($1, 0) as ours', [LIMITS_LOCK])
  if (!lock?.ours) return null
  return runsIn(await sql<Answer>(CLAIM_LIMITED, [nodeId, leaseSeconds, limit]))
}

const CLAIM_LIMITED = startSql({
  free: `leased as materialized (
  select limit_group, owner_id from run_queue where lease_owner is not null and limit_group is not null
), in_group as materialized (
  select limit_group, count(*) as leased from leased group by 1
), of_owner as materialized (
  select owner_id, count(*) as leased from leased group by 1
), grp as (
  (select limit_group from run_queue where ${LIMITED} order by limit_group limit 1)
  union all
  select next.limit_group from grp cross join lateral (
    select limit_group from run_queue where ${LIMITED} and limit_group > grp.limit_group order by limit_group limit 1) next
), due as (
  select entry.*, row_number() over (partition by entry.limit_group order by priority, available_at, run_id)
    + coalesce((select leased from in_group g where g.limit_group = entry.limit_group), 0) as place_in_group
  from grp cross join lateral (
    select run_id, limit_group, group_limit, owner_id, owner_limit, priority, available_at from run_queue
    where ${LIMITED} and limit_group = grp.limit_group and ${DUE}
    order by priority, available_at, run_id limit $3) entry
), fitting as (
  select due.*, row_number() over (partition by owner_id order by priority, available_at, run_id)
    + coalesce((select leased from of_owner o where o.owner_id = due.owner_id), 0) as place_of_owner
  from due where place_in_group <= group_limit
), chosen as (
  select run_id from fitting where owner_limit is null or place_of_owner <= owner_limit
  order by priority, available_at, run_id limit $3
), free as (
  select run_id from run_queue where run_id = any(array(select run_id from chosen)) and ${LIMITED}
  for update skip locked
)`,
  limited: 'true',
})

/** Milliseconds until the next run without a limit can start; null when none waits. */
export async function nextAvailable(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ ms: number | null }>(NEXT_AVAILABLE)
  return row?.ms == null ? null : Math.max(0, row.ms)
}

const NEXT_AVAILABLE = `
with recursive level as (${LEVELS}
)
select (extract(epoch from min(available_at) - clock_timestamp()) * 1000)::float8 as ms from level`
