/** Runs that ended long ago, as the engine leaves them; back-dated, as no test waits for days. */
import type pg from 'pg'
import type { RunStatus } from '../../src/db/generated/prisma/enums.ts'
import { inTransaction, type Sql } from '../../src/db/sql.ts'
import { FIRST_ID, forgetRuns, lockEdge } from '../../src/runs/forget.ts'

/** An id as it was made so many days ago. */
const ID = (days: string) => `(
  lpad(to_hex((extract(epoch from clock_timestamp() - make_interval(secs => 86400 * ${days})) * 1000)::bigint), 12, '0')
  || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid`

const RUNS = `
with made as (
  insert into run (id, job_id, trigger, status, available_at, attempt, plan, event_seq, queued_at, finished_at, domain_event_id)
  select ${ID('$3::float8')}, $1::uuid, 'MANUAL', $2::run_status, t.queued, 1, '{}', 2, t.queued, t.finished, $6::uuid
  from generate_series(1, $5::int) n cross join (select clock_timestamp() - make_interval(secs => 86400 * $3::float8) as queued,
    clock_timestamp() - make_interval(secs => 86400 * $4::float8) as finished) t
  returning id, job_id, status
), attempted as (
  insert into run_attempt (run_id, attempt, status, node_id, started_at) select id, 1, 'SUCCEEDED', id, now() from made
), stepped as (
  insert into run_step (run_id, position, kind, name, status, attempt, started_at)
  select id, 0, 'webhook', 'only', 'SUCCEEDED', 1, now() from made
), delivered as (
  insert into delivery (id, run_id, attempt, position, method, url, request_bytes, started_at, duration_ms)
  select gen_random_uuid(), id, 1, 0, 'POST', 'https://receiver.example/', 2, now(), 1 from made
), logged as (
  insert into run_event (run_id, job_id, seq, kind)
  select id, job_id, seq, (case seq when 1 then 'QUEUED' else 'SUCCEEDED' end)::run_event_kind
  from made cross join generate_series(1, 2) seq order by id, seq
)
select id from made order by id`

/** Runs that were queued and ended so many days ago; null: they have not ended. Each has two events. */
export async function addOldRuns(
  sql: Sql,
  jobId: string,
  {
    count = 1,
    queued = 40,
    finished = queued,
    status = 'SUCCEEDED',
    eventId = null,
  }: { count?: number; queued?: number; finished?: number | null; status?: RunStatus; eventId?: string | null } = {},
): Promise<string[]> {
  const rows = await sql<{ id: string }>(RUNS, [jobId, status, queued, finished, count, eventId])
  return rows.map(({ id }) => id)
}

/** A domain event of so many days ago. */
export async function addOldEvent(
  sql: Sql,
  ownerId: string,
  { created = 40, dispatched = created }: { created?: number; dispatched?: number | null } = {},
): Promise<string> {
  const [row] = await sql<{ id: string }>(
    `insert into domain_event (id, type, owner_id, created_at, dispatched_at)
    select ${ID('$2::float8')}, 'old', $1::uuid, clock_timestamp() - make_interval(secs => 86400 * $2::float8),
      clock_timestamp() - make_interval(secs => 86400 * $3::float8) returning id`,
    [ownerId, created, dispatched],
  )
  return row?.id ?? ''
}

/** How far the log was forgotten. */
export async function floorOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ position: number }>('select position::float8 as position from log_floor')
  return row?.position ?? -1
}

/** Forgets runs that ended more than 30 days ago. */
export const forgetOldRuns = (pool: pg.Pool): Promise<void> =>
  inTransaction(pool, async (sql) => {
    const edge = await lockEdge(sql, 30)
    if (!edge) throw new Error('somebody else is at it')
    for (let after: string | null = FIRST_ID; after !== null; ) after = (await forgetRuns(sql, edge, after)).next
  })
