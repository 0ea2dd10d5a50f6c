/** RUNNING → final, RETRYING or QUEUED. */
import type { AttemptStatus } from '../../db/generated/prisma/enums.ts'
import type { Sql } from '../../db/sql.ts'
import { newId } from '../../kernel/ids.ts'
import { notifySql } from '../../live/events.ts'
import { isFinal, type RunError } from '../states.ts'
import { type FinishedStep, insertDeliveries, insertSteps, STEP_EVENT, warningsOf } from './steps.ts'

/** How an attempt ended, and what becomes of its run. */
export type Outcome = {
  runId: string
  jobId: string
  attempt: number
  /** The step that was open, if it came to an end. */
  step?: FinishedStep
} & (
  | { status: 'SUCCEEDED'; output: unknown }
  | { status: 'FAILED'; error: RunError; lost?: true }
  | { status: 'RETRYING'; error: RunError /** Seconds. */; delay: number; lost?: true }
  | { status: 'QUEUED' /** Drained: the attempt is not counted. */; delay: 0 }
  | { status: 'CANCELLED'; error: RunError }
)

/**
 * RUNNING → final, RETRYING or QUEUED, of runs of one lease owner. With `expiredOnly` only where the lease has run out,
 * which is how a successor speaks for a worker that may still be alive. Answers the ids of the runs that changed.
 */
export async function settleRuns(
  sql: Sql,
  { leaseOwner, expiredOnly = false }: { leaseOwner: string; expiredOnly?: boolean },
  outcomes: Outcome[],
): Promise<Set<string>> {
  const final = outcomes.filter(({ status }) => isFinal(status))
  const waiting = outcomes.filter(({ status }) => !isFinal(status))
  const settled = await sql<{ runId: string }>(SETTLE, [
    JSON.stringify(
      outcomes.map((outcome) => ({
        ...outcome,
        attemptStatus: attemptStatus(outcome),
        ...(outcome.status === 'FAILED' && { eventId: newId() }),
      })),
    ),
    leaseOwner,
    expiredOnly,
    [...new Set(final.map(({ jobId }) => jobId))],
    final.map(({ runId }) => runId),
    final.map(({ attempt }) => attempt),
    waiting.map(({ runId }) => runId),
    waiting.map(({ attempt }) => attempt),
    waiting.map((outcome) => ('delay' in outcome ? outcome.delay : 0)),
    waiting.map(({ status }) => (status === 'QUEUED' ? 1 : 0)),
  ])
  return new Set(settled.map(({ runId }) => runId))
}

/** Null for an attempt that is taken back. */
function attemptStatus(outcome: Outcome): AttemptStatus | null {
  if ('lost' in outcome && outcome.lost) return 'LOST'
  const statuses = {
    SUCCEEDED: 'SUCCEEDED',
    FAILED: 'FAILED',
    RETRYING: 'FAILED',
    CANCELLED: 'CANCELLED',
    QUEUED: null,
  } as const
  return statuses[outcome.status]
}

const FENCE = (ids: string, attempts: string) => `
  run_id = any(${ids}::uuid[]) and lease_owner = $2::uuid
  and attempt = (${attempts}::int[])[array_position(${ids}::uuid[], run_id)]
  and (not $3::boolean or lease_until < clock_timestamp())`

const publicId = (prefix: string, column: string) => `'${prefix}_' || replace(${column}::text, '-', '')`

/** A run that failed is an event, `run.failed`: one deeper in its chain than the event that started the run. */
const ANNOUNCE = `
  insert into domain_event (id, type, owner_id, artifact_id, payload, depth)
  select e.event_id, 'run.failed', j.owner_id, e.artifact_id,
    jsonb_build_object(
      'run', jsonb_build_object('id', ${publicId('run', 'e.id')}, 'trigger', e.trigger, 'scheduledFor', e.scheduled_for,
        'attempt', e.attempt),
      'job', jsonb_build_object('id', ${publicId('job', 'j.id')}, 'name', j.name),
      'error', e.error),
    coalesce((select d.depth + 1 from domain_event d where d.id = e.domain_event_id), 0)
  from ended e join job j on j.id = e.job_id
  where e.event_id is not null and e.status = 'FAILED'
  returning id`

/**
 * Whether a job that had its last slot is over, so that it is disabled or deleted. Runs that queue up while this waits for
 * the job's row are not seen: where slots may wait for each other, the sweep ends the job.
 */
const ENDS = `(job.end_of_life <> 'KEEP' and job.enabled and job.next_run_at is null and job.held_at is null
      and coalesce(job.overlap, 'SKIP') = 'SKIP' and job.catch_up <> 'ALL' and not exists (
        select from run_queue q where q.job_id = job.id and q.run_id not in (select run_id from gone)))`

const SETTLE = `
with given as materialized (
  select * from jsonb_to_recordset($1::jsonb) as g(
    "runId" uuid, status run_status, "attemptStatus" attempt_status, error jsonb, output jsonb, delay float8, step jsonb,
    "eventId" uuid)
), locked as materialized (
  select id from job where id = any($4::uuid[]) order by id for no key update
), gone as (
  delete from run_queue where ${FENCE('$5', '$6')} and (select count(*) from locked) >= 0 returning run_id
), kept as (
  update run_queue set lease_owner = null, lease_until = null,
    attempt = attempt - ($10::int[])[array_position($7::uuid[], run_id)],
    available_at = date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => ($9::float8[])[array_position($7::uuid[], run_id)])
  where ${FENCE('$7', '$8')} and (select count(*) from gone) >= 0
  returning run_id, available_at
), fenced as (
  select run_id from gone union all select run_id from kept
), ended as (
  update run set
    status = g.status,
    attempt = run.attempt - (g.status = 'QUEUED')::int,
    losses = run.losses + (g."attemptStatus" is not distinct from 'LOST')::int,
    error = g.error, output = g.output, warnings = run.warnings || ${warningsOf('g.step')},
    available_at = coalesce((select available_at from kept where kept.run_id = run.id), run.available_at),
    finished_at = case when g.status not in ('QUEUED', 'RETRYING') then clock_timestamp() end,
    event_seq = run.event_seq + 1 + (g.step is not null)::int
  from given g
  where run.id = g."runId" and g."runId" = any(array(select run_id from fenced))
  returning run.id, run.job_id, run.artifact_id, run.status, run.event_seq, run.started_at, run.finished_at,
    run.available_at, run.attempt + (g.status = 'QUEUED')::int as attempt, g."attemptStatus" as attempt_status, g.error,
    g.step, g."eventId" as event_id, run.trigger, run.scheduled_for, run.domain_event_id, run.node_id,
    run.attempt_started_at, run.step_started_at, run.step as position, run.plan->'actions'->run.step as action
), attempted as (
  insert into run_attempt (run_id, attempt, status, node_id, error, started_at, finished_at)
  select id, attempt, attempt_status, node_id, error, attempt_started_at, clock_timestamp() from ended
  where attempt_status is not null
), closed as (
  select id, attempt, position, action, coalesce((step->>'status')::step_status, 'FAILED') as step_status,
    step->'output' as output, case when step is null then error else step->'error' end as error, step_started_at
  from ended where attempt_status is not null
), stepped as (${insertSteps('closed')}
), taken_back as (
  delete from run_step using ended
  where run_step.run_id = ended.id and attempt_status is null and run_step.status = 'RUNNING'
), delivered as (${insertDeliveries('ended')}
), judged as (
  update job set last_status = newest.status, last_run_at = newest.started_at,
    enabled = job.enabled and not ${ENDS},
    deleted_at = case when ${ENDS} and job.end_of_life = 'DELETE' then clock_timestamp() else job.deleted_at end
  from (
    select distinct on (job_id) job_id, status, started_at from ended where finished_at is not null
    order by job_id, started_at desc
  ) newest
  where job.id = newest.job_id
), announced as (${ANNOUNCE}
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, seq, kind::run_event_kind, data
  from ended cross join lateral (
    select event_seq - 1 as seq, 'STEP_FINISHED' as kind, ${STEP_EVENT} as data where step is not null
    union all
    select event_seq, status::text, nullif(jsonb_strip_nulls(jsonb_build_object(
      'error', error,
      'attempt', case when status = 'RETRYING' then attempt end,
      'availableAt', case when status = 'RETRYING' then available_at end)), '{}')
  ) e
  order by id, seq
)
select id as "runId" from ended cross join (
  select ${notifySql('queue', 'events')}, case when exists (select from announced) then ${notifySql('outbox')} end
) told`
