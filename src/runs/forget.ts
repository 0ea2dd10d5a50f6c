/**
 * Forgetting history that is older than it need be kept, a bounded batch per statement, found by primary key, and single
 * runs that somebody wants gone. The statement that deletes events of runs raises the floor of the log, so nobody can take
 * what is gone for what never was.
 *
 * It waits for nobody while it holds rows: what somebody has in hand is passed over until the next time. What is not
 * final is kept, however old.
 */
import { RunStatus } from '../db/generated/prisma/enums.ts'
import type { Sql } from '../db/sql.ts'
import { isFinal } from './states.ts'

/** What ended before `before` is to go. Ids rise with time, so it lies below `firstId`; not all that lies there is over. */
export type Edge = { before: Date; firstId: string }

export type Forgotten = {
  /** The last id that was looked at; null: there is nothing behind it. */
  next: string | null
  /** How many rows went. */
  count: number
}

/** Small: an open transaction of ours holds up the live feed at a missing position. */
const BATCH = 500
/** "keep" in ASCII. */
const LOCK = 0x6b656570

const FINAL = Object.values(RunStatus).filter(isFinal)

/** Lower than every id. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** Where history ends by the database's clock, for the one transaction that may forget at a time; null: another does. */
export async function lockEdge(sql: Sql, days: number): Promise<Edge | null> {
  const [edge] = await sql<Edge>(EDGE, [days, LOCK])
  return edge ?? null
}

const EDGE = `
select before, (lpad(to_hex((extract(epoch from before) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid as "firstId"
from (select date_trunc('milliseconds', clock_timestamp() - make_interval(days => $1)) as before) e
where pg_try_advisory_xact_lock($2::bigint)`

/** Final runs, with their attempts, steps, deliveries and events, among the next ids behind `after`. */
export const forgetRuns = (sql: Sql, { before, firstId }: Edge, after: string): Promise<Forgotten> =>
  forget(sql, RUNS, [after, firstId, BATCH, before, FINAL])

const SEEN = (table: string) => `
with seen as materialized (
  select id from ${table} where id > $1::uuid and id < $2::uuid order by id limit $3
)`

const RESULT = `
select (select count(*)::int from gone) as count,
  (select id from seen order by id offset $3 - 1 limit 1) as next`

/** `not exists`, looked up row by row: as a join the planner may read the whole of an index that it takes to be empty. */
const NONE = (rows: string) => `(select true from ${rows} limit 1) is null`

/** What runs left in these tables is tied to them by no foreign key, which would be asked of for each row as it is written. */
const LEFT_BEHIND = ['run_attempt', 'run_step', 'delivery', 'dataset_load']

/** The runs of `old`, with all that they left; `gone` has one row for each. */
const FORGET_OLD = `silenced as (
  delete from run_event where run_id = any(array(select id from old)) returning position
), raised as (
  update log_floor set position = greatest(position, (select max(position) from silenced))
  where exists (select 1 from silenced)
), ${LEFT_BEHIND.map(
  (table) => `${table}_gone as (
  delete from ${table} where run_id = any(array(select id from old))
), `,
).join('')}gone as (
  delete from run where id = any(array(select id from old)) returning 1
)`

const RUNS = `${SEEN('run')}, old as materialized (
  select id from run
  where id = any(array(select id from seen)) and finished_at < $4 and status = any($5::run_status[])
  for update skip locked
), ${FORGET_OLD}${RESULT}`

/** One run, however young, if it is final. Twice is no error. */
export async function forgetRun(sql: Sql, runId: string): Promise<void> {
  await sql(RUN, [runId, FINAL])
}

const RUN = `
with old as materialized (
  select id from run where id = $1::uuid and status = any($2::run_status[]) for update
), ${FORGET_OLD}
select 1 as gone from gone`

/** Domain events that were dispatched and that no run names any more. */
export const forgetEvents = (sql: Sql, { before, firstId }: Edge, after: string): Promise<Forgotten> =>
  forget(sql, EVENTS, [after, firstId, BATCH, before])

const EVENTS = `${SEEN('domain_event')}, old as materialized (
  select id from domain_event d
  where id = any(array(select id from seen)) and dispatched_at < $4
    and ${NONE('run where domain_event_id = d.id')}
  for update skip locked
), gone as (
  delete from domain_event where id = any(array(select id from old)) returning 1
)${RESULT}`

/**
 * Jobs that were deleted so long ago and of which no run is left, with their actions and secrets, and the schedules that
 * no other job uses nor could. Those that still have runs are few, so each batch begins at the oldest.
 */
export const forgetJobs = (sql: Sql, { before }: Edge): Promise<Forgotten> => forget(sql, JOBS, [before, BATCH])

const JOBS = `
with old as materialized (
  select id, schedule_id from job j
  where deleted_at < $1 and ${NONE('run where job_id = j.id')}
  order by deleted_at limit $2 for update skip locked
), gone as (
  delete from job where id = any(array(select id from old)) returning id
), unused as materialized (
  select id from schedule s
  where id = any(array(select schedule_id from old)) and not shared
    and ${NONE('job where schedule_id = s.id and id <> all(array(select id from old))')}
  for update skip locked
), unscheduled as (
  delete from schedule where id = any(array(select id from unused))
)
select count(*)::int as count, case when count(*) = $2 then '${FIRST_ID}' end as next from gone`

async function forget(sql: Sql, text: string, values: unknown[]): Promise<Forgotten> {
  const [forgotten] = await sql<Forgotten>(text, values)
  return forgotten ?? { next: null, count: 0 }
}
