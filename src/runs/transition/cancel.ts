/**
 * QUEUED or RETRYING → CANCELLED; a RUNNING run is asked to stop, and `cancelBy` says until when it may take. Whoever
 * works on it ends it; after `cancelBy` anybody does, and the claim is fenced out.
 */
import type { Sql } from '../../db/sql.ts'
import { notifySql } from '../../live/events.ts'
import type { RunError } from '../states.ts'

export const CANCELLED: RunError = { code: 'CANCELLED', message: 'somebody cancelled it' }
const REPLACED: RunError = { code: 'CANCELLED', message: 'a newer run of its job took its place' }

export type CancelledRun = { runId: string; jobId: string /** False: it was asked to stop. */; ended: boolean }

/** Those that are final already are missing from the answer. Runs behind the ones that ended are for `unblockRuns`. */
export const cancelRuns = (
  sql: Sql,
  runs: { runId: string; jobId: string }[],
  graceSeconds: number,
): Promise<CancelledRun[]> =>
  sql<CancelledRun>(CANCEL('q.run_id = any($1::uuid[])', 'q.job_id = any($2::uuid[])'), [
    runs.map(({ runId }) => runId),
    [...new Set(runs.map(({ jobId }) => jobId))],
    graceSeconds,
    JSON.stringify(CANCELLED),
  ])

/** All runs of jobs, to make room for newer ones. The caller holds the jobs' rows. */
export async function cancelRunsOf(sql: Sql, jobIds: string[], graceSeconds: number): Promise<void> {
  await sql(CANCEL('$1::uuid[] is null', 'q.job_id = any($2::uuid[])'), [
    null,
    jobIds,
    graceSeconds,
    JSON.stringify(REPLACED),
  ])
}

/** A run that starts at this moment counts as running: its entry's attempt no longer is the one that was read. */
const CANCEL = (which: string, whose: string) => `
with locked as materialized (
  select id from job where id = any($2::uuid[]) order by id for no key update
), entry as materialized (
  select q.run_id, q.job_id, q.attempt = r.attempt and r.status <> 'RUNNING' as waits
  from run_queue q join run r on r.id = q.run_id
  where ${which} and ${whose} and (select count(*) from locked) >= 0
  order by q.run_id for update of q
), gone as (
  delete from run_queue where run_id = any(array(select run_id from entry where waits)) returning run_id
), asked as (
  update run_queue set cancel_by = clock_timestamp() + make_interval(secs => $3)
  where run_id = any(array(select run_id from entry where not waits)) and cancel_by is null
  returning run_id
), noted as (
  update run set cancel_requested_at = clock_timestamp() where id = any(array(select run_id from asked))
), ended as (
  update run set status = 'CANCELLED', error = $4::jsonb, cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
    finished_at = clock_timestamp(), event_seq = event_seq + 1
  where id = any(array(select run_id from gone))
  returning id, job_id, artifact_id, event_seq, started_at
), judged as (
  update job set last_status = 'CANCELLED', last_run_at = coalesce(newest.started_at, job.last_run_at)
  from (select distinct on (job_id) job_id, started_at from ended order by job_id, started_at desc nulls last) newest
  where job.id = newest.job_id
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, event_seq, 'CANCELLED', jsonb_build_object('error', $4::jsonb) from ended order by id
)
select run_id as "runId", job_id as "jobId", waits as ended from entry
cross join (select ${notifySql('cancel', 'events')}) told`
