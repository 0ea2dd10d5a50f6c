/** Runs that wait for others of their job: how many there are, which may go on, and which never will. */
import type { Sql } from '../../db/sql.ts'
import { notifySql } from '../../live/events.ts'
import type { ActiveCount } from '../overlap.ts'

/** Counts the runs of each job that are not final. The caller holds the rows of the jobs. */
export async function countActive(sql: Sql, jobIds: string[]): Promise<(jobId: string) => ActiveCount> {
  const rows = jobIds.length > 0 ? await sql<{ jobId: string } & ActiveCount>(COUNT_ACTIVE, [jobIds]) : []
  const counts = new Map(rows.map(({ jobId, ...count }) => [jobId, count]))
  for (const jobId of jobIds) if (!counts.has(jobId)) counts.set(jobId, { active: 0, waiting: 0, behind: 0 })
  return (jobId) => counts.get(jobId) ?? { active: 0, waiting: 0, behind: 0 }
}

const COUNT_ACTIVE = `
select q.job_id as "jobId", count(*)::int as active, (count(*) filter (where q.blocked))::int as waiting,
  (count(*) filter (where q.blocked and q.priority > j.priority))::int as behind
from run_queue q join job j on j.id = q.job_id where q.job_id = any($1::uuid[]) group by q.job_id`

/**
 * Lets the first waiting run of each job go on if nothing holds it any more. Called after every settlement and by the
 * sweep. A statement sees only what was committed before it began: a settlement cannot see the runs that queue up behind
 * it while it waits for the job's row, and what to unblock is for a statement to say that begins once the row is held.
 */
export async function unblockRuns(
  { sql, transaction }: { sql: Sql; transaction: <Result>(work: (sql: Sql) => Promise<Result>) => Promise<Result> },
  jobIds: string[],
): Promise<void> {
  if (jobIds.length === 0) return
  const waiting = await sql<{ id: string }>(HAVE_WAITING, [jobIds])
  if (waiting.length === 0) return
  const ids = waiting.map(({ id }) => id)
  await transaction(async (sql) => {
    await sql('select id from job where id = any($1::uuid[]) order by id for no key update', [ids])
    await sql(UNBLOCK, [ids])
  })
}

const HAVE_WAITING = `
select j.id from unnest($1::uuid[]) as j(id)
where exists (select 1 from run_queue q where q.job_id = j.id and q.blocked)`

const UNBLOCK = `
with freed as (
  update run_queue set blocked = false
  where run_id = any(array(
    select first.run_id from unnest($1::uuid[]) as j(id) cross join lateral (
      select q.run_id from run_queue q where q.job_id = j.id and q.blocked order by q.priority, q.available_at, q.run_id
      limit 1
    ) first
    where not exists (select 1 from run_queue q where q.job_id = j.id and not q.blocked)))
  returning run_id
)
select run_id from freed cross join (select ${notifySql('queue')}) told`

/**
 * QUEUED (and, when the job is deleted, RETRYING) → SKIPPED. The caller holds the job's row. A run that starts at this
 * moment is left alone: its entry's attempt no longer is the one that was read.
 */
export async function skipWaitingRuns(sql: Sql, jobId: string, reason: 'PAUSED' | 'DELETED'): Promise<void> {
  await sql(SKIP_WAITING, [jobId, reason])
}

const SKIP_WAITING = `
with gone as (
  delete from run_queue q using run r
  where q.job_id = $1::uuid and r.id = q.run_id and q.attempt = r.attempt
    and case when $2 = 'DELETED' then r.status in ('QUEUED', 'RETRYING') else r.status = 'QUEUED' and r.trigger = 'SCHEDULE' end
  returning q.run_id
), skipped as (
  update run set status = 'SKIPPED', skip_reason = $2::skip_reason, skipped_count = 1, finished_at = clock_timestamp(),
    event_seq = event_seq + 1
  where id = any(array(select run_id from gone))
  returning id, job_id, artifact_id, event_seq
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, event_seq, 'SKIPPED', jsonb_build_object('reason', $2, 'count', 1) from skipped
)
select id from skipped cross join (select ${notifySql('events')}) told`
