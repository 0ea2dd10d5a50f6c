/**
 * The only writer of run state. Each change is one statement, so a run's row, its queue entry, its attempt and steps
 * and its events change together or not at all; `seq` is drawn under the run's row lock, so it has no gaps.
 *
 * The fence: after a claim every write names (run, attempt, lease owner) and touches only runs whose queue entry still
 * says so. A worker that lost its lease changes nothing, and sees it by its run missing from the answer.
 *
 * Lock order: jobs (sorted) → queue entries → runs. Whoever must decide about overlap holds the job's row.
 *
 * The queue is never joined: after a vacuum of the empty table the planner takes it for one row, and a join then scans
 * it from end to end. Entries are found by `= any(array(…))` on the primary key instead.
 */
import type { AttemptStatus, RunTrigger, SkipReason, StepStatus } from '../db/generated/prisma/enums.ts'
import type { Sql } from '../db/sql.ts'
import { notifySql } from '../live/events.ts'
import type { ActiveCount, Admission } from './overlap.ts'
import { planSql, type RunPlan } from './plan.ts'
import { isFinal, type RunError } from './states.ts'

export type NewRun = {
  id: string
  jobId: string
  trigger: RunTrigger
  scheduledFor?: Date
  domainEventId?: string
  input?: unknown
} & (Admission | { skipReason: SkipReason; skippedCount: number; skippedUntil: Date })

/**
 * Queues runs, or writes skipped slots down. A run without a slot is available at once: the instant is cut to what its
 * column keeps, as rounding it up would put it into the future. The caller holds the rows of their jobs. A slot or an event that has its
 * run already is passed over; the answer has the ids of those that were made.
 */
export async function recordRuns(sql: Sql, runs: NewRun[]): Promise<Set<string>> {
  const made = await sql<{ id: string }>(RECORD, [JSON.stringify(runs)])
  return new Set(made.map(({ id }) => id))
}

const RECORD = `
with given as (
  select * from jsonb_to_recordset($1::jsonb) as g(
    id uuid, "jobId" uuid, trigger run_trigger, "scheduledFor" timestamptz, "domainEventId" uuid, input jsonb,
    waits boolean, "skipReason" skip_reason, "skippedCount" int, "skippedUntil" timestamptz)
), made as (
  insert into run (id, job_id, artifact_id, trigger, status, scheduled_for, available_at, domain_event_id, input, plan,
    skip_reason, skipped_count, skipped_until, event_seq, queued_at, finished_at)
  select g.id, j.id, j.artifact_id, g.trigger, (case when g."skipReason" is null then 'QUEUED' else 'SKIPPED' end)::run_status,
    g."scheduledFor", coalesce(g."scheduledFor", date_trunc('milliseconds', clock_timestamp())), g."domainEventId", g.input, ${planSql},
    g."skipReason", g."skippedCount", g."skippedUntil", 1, clock_timestamp(),
    case when g."skipReason" is not null then clock_timestamp() end
  from given g join job j on j.id = g."jobId"
  on conflict do nothing
  returning id, job_id, artifact_id, status, available_at, skip_reason, skipped_count, skipped_until
), queued as (
  insert into run_queue (run_id, job_id, available_at, blocked)
  select made.id, made.job_id, made.available_at, given.waits from made join given on given.id = made.id
  where made.status = 'QUEUED'
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, 1, status::text::run_event_kind,
    case when status = 'SKIPPED' then
      jsonb_build_object('reason', skip_reason, 'count', skipped_count, 'until', skipped_until) end
  from made
)
select made.id from made cross join (select ${notifySql('queue', 'events')}) told`

/** What a worker holds: the fence of all its writes. */
export type Claim = { runId: string; attempt: number; leaseOwner: string }

/** A run that has been started, with all that executing it needs. */
export type StartedRun = {
  runId: string
  jobId: string
  attempt: number
  losses: number
  trigger: RunTrigger
  scheduledFor: Date | null
  input: unknown
  plan: RunPlan
  event: { id: string; type: string; payload: unknown } | null
  /** The job's signing secret as it is stored: encrypted, in base64. */
  sealedSecret: string | null
  /** Outputs of the steps that earlier attempts finished; the run goes on behind them. */
  done: unknown[]
}

/**
 * Claimed → RUNNING: raises `attempt`, opens the attempt and its first unfinished step. Claims of one lease owner.
 * A claim that no longer holds is missing from the answer.
 */
export function startRuns(sql: Sql, leaseOwner: string, claims: Omit<Claim, 'leaseOwner'>[]): Promise<StartedRun[]> {
  return sql<StartedRun>(START, [claims.map(({ runId }) => runId), claims.map(({ attempt }) => attempt), leaseOwner])
}

const START = `
with fenced as (
  update run_queue set attempt = attempt + 1
  where run_id = any($1::uuid[]) and lease_owner = $3::uuid
    and attempt = ($2::int[])[array_position($1::uuid[], run_id)]
  returning run_id
), started as (
  update run set status = 'RUNNING', attempt = attempt + 1, started_at = coalesce(started_at, clock_timestamp()),
    event_seq = event_seq + 2
  where id = any(array(select run_id from fenced))
  returning id, job_id, artifact_id, attempt, losses, trigger, scheduled_for, input, plan, domain_event_id, event_seq
), task as materialized (
  select started.*, past.done, coalesce(jsonb_array_length(past.done), 0) as position
  from started cross join lateral (
    select jsonb_agg(s.output order by s.position) as done from run_step s
    where s.run_id = started.id and s.status = 'SUCCEEDED') past
), attempted as (
  insert into run_attempt (run_id, attempt, status, node_id, started_at)
  select id, attempt, 'RUNNING', $3::uuid, clock_timestamp() from task
), stepped as (
  insert into run_step (run_id, position, kind, name, status, attempt, started_at)
  select id, position, plan->'actions'->position->>'kind', plan->'actions'->position->>'name', 'RUNNING', attempt,
    clock_timestamp()
  from task
  on conflict (run_id, position) do update set status = 'RUNNING', attempt = excluded.attempt, error = null,
    started_at = excluded.started_at, finished_at = null
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, event_seq - 1 + n, kind::run_event_kind, data
  from task cross join lateral (values
    (0, 'STARTED', jsonb_build_object('attempt', attempt)),
    (1, 'STEP_STARTED', jsonb_build_object('position', position, 'name', plan->'actions'->position->>'name'))
  ) as e(n, kind, data)
  order by id, n
)
select id as "runId", job_id as "jobId", attempt, losses, trigger, scheduled_for as "scheduledFor", input, plan,
  (select jsonb_build_object('id', d.id, 'type', d.type, 'payload', d.payload)
    from domain_event d where d.id = task.domain_event_id) as event,
  (select encode(s.current, 'base64') from signing_secret s where s.job_id = task.job_id) as "sealedSecret",
  coalesce(done, '[]') as done
from task cross join (select ${notifySql('events')}) told`

/** One outgoing call, as it is kept. */
export type DeliveryRecord = {
  id: string
  method: string
  url: string
  requestBytes: number
  status: number | null
  responseHeaders: Record<string, string> | null
  /** Base64. */
  responseBody: string | null
  truncated: boolean
  error: RunError | null
  startedAt: Date
  durationMs: number
}

export type FinishedStep = {
  position: number
  name: string
  status: Exclude<StepStatus, 'RUNNING'>
  output?: unknown
  error?: RunError
  deliveries: DeliveryRecord[]
}

const insertDeliveries = (source: string) => `
  insert into delivery (id, run_id, attempt, position, method, url, request_bytes, status, response_headers,
    response_body, truncated, error, started_at, duration_ms)
  select d.id, s.id, s.attempt, (s.step->>'position')::int, d.method, d.url, d."requestBytes", d.status,
    d."responseHeaders", decode(d."responseBody", 'base64'), d.truncated, d.error, d."startedAt", d."durationMs"
  from ${source} s cross join lateral jsonb_to_recordset(s.step->'deliveries') as d(
    id uuid, method text, url text, "requestBytes" int, status int, "responseHeaders" jsonb, "responseBody" text,
    truncated boolean, error jsonb, "startedAt" timestamptz, "durationMs" int)`

const STEP_EVENT = `jsonb_strip_nulls(jsonb_build_object(
  'position', step->'position', 'name', step->'name', 'status', step->'status', 'error', step->'error'))`

/** A checkpoint: closes a step that succeeded and opens the next. False when the claim no longer holds. */
export async function advanceRun(sql: Sql, claim: Claim, step: FinishedStep): Promise<boolean> {
  const moved = await sql(ADVANCE, [claim.runId, claim.attempt, claim.leaseOwner, JSON.stringify(step)])
  return moved.length > 0
}

const ADVANCE = `
with fenced as (
  select run_id from run_queue where run_id = $1::uuid and attempt = $2 and lease_owner = $3::uuid for update
), moved as (
  update run set event_seq = event_seq + 2 where id = any(array(select run_id from fenced))
  returning id, job_id, artifact_id, attempt, event_seq, plan, $4::jsonb as step, ($4::jsonb->>'position')::int + 1 as next
), closed as (
  update run_step set status = 'SUCCEEDED', output = step->'output', finished_at = clock_timestamp()
  from moved where run_step.run_id = moved.id and position = next - 1
), opened as (
  insert into run_step (run_id, position, kind, name, status, attempt, started_at)
  select id, next, plan->'actions'->next->>'kind', plan->'actions'->next->>'name', 'RUNNING', attempt, clock_timestamp()
  from moved
  on conflict (run_id, position) do update set status = 'RUNNING', attempt = excluded.attempt, error = null,
    started_at = excluded.started_at, finished_at = null
), delivered as (${insertDeliveries('moved')}
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, event_seq - 1 + n, kind::run_event_kind, data
  from moved cross join lateral (values
    (0, 'STEP_FINISHED', ${STEP_EVENT}),
    (1, 'STEP_STARTED', jsonb_build_object('position', next, 'name', plan->'actions'->next->>'name'))
  ) as e(n, kind, data)
  order by n
)
select id from moved cross join (select ${notifySql('events')}) told`

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
    JSON.stringify(outcomes.map((outcome) => ({ ...outcome, attemptStatus: attemptStatus(outcome) }))),
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
  const statuses = { SUCCEEDED: 'SUCCEEDED', FAILED: 'FAILED', RETRYING: 'FAILED', QUEUED: null } as const
  return statuses[outcome.status]
}

const FENCE = (ids: string, attempts: string) => `
  run_id = any(${ids}::uuid[]) and lease_owner = $2::uuid
  and attempt = (${attempts}::int[])[array_position(${ids}::uuid[], run_id)]
  and (not $3::boolean or lease_until < clock_timestamp())`

const SETTLE = `
with given as materialized (
  select * from jsonb_to_recordset($1::jsonb) as g(
    "runId" uuid, status run_status, "attemptStatus" attempt_status, error jsonb, output jsonb, delay float8, step jsonb)
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
  select run_id, null as available_at from gone union all select run_id, available_at from kept
), ended as (
  update run set
    status = g.status,
    attempt = run.attempt - (g.status = 'QUEUED')::int,
    losses = run.losses + (g."attemptStatus" is not distinct from 'LOST')::int,
    error = g.error, output = g.output,
    available_at = coalesce(f.available_at, run.available_at),
    finished_at = case when f.available_at is null then clock_timestamp() end,
    event_seq = run.event_seq + 1 + (g.step is not null)::int
  from fenced f join given g on g."runId" = f.run_id
  where run.id = f.run_id
  returning run.id, run.job_id, run.artifact_id, run.status, run.event_seq, run.started_at, run.finished_at,
    run.available_at, run.attempt + (g.status = 'QUEUED')::int as attempt, g."attemptStatus" as attempt_status, g.error,
    g.step
), attempted as (
  update run_attempt set status = attempt_status, error = ended.error, finished_at = clock_timestamp()
  from ended
  where run_attempt.run_id = ended.id and run_attempt.attempt = ended.attempt and attempt_status is not null
), taken_back as (
  delete from run_attempt using ended
  where run_attempt.run_id = ended.id and run_attempt.attempt = ended.attempt and attempt_status is null
), closed as (
  update run_step set status = coalesce((step->>'status')::step_status, 'FAILED'), output = step->'output',
    error = coalesce(step->'error', case when step is null then ended.error end), finished_at = clock_timestamp()
  from ended
  where run_step.run_id = ended.id and attempt_status is not null
    and case when step is null then run_step.status = 'RUNNING' else run_step.position = (step->>'position')::int end
), reopened as (
  delete from run_step using ended
  where run_step.run_id = ended.id and attempt_status is null and run_step.status = 'RUNNING'
), delivered as (${insertDeliveries('ended')}
), judged as (
  update job set last_status = newest.status, last_run_at = newest.started_at
  from (
    select distinct on (job_id) job_id, status, started_at from ended where finished_at is not null
    order by job_id, started_at desc
  ) newest
  where job.id = newest.job_id
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
select id as "runId" from ended cross join (select ${notifySql('queue', 'events')}) told`

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
      select q.run_id from run_queue q where q.job_id = j.id and q.blocked order by q.available_at, q.run_id limit 1
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

/** Counts the runs of each job that are not final. The caller holds the rows of the jobs. */
export async function countActive(sql: Sql, jobIds: string[]): Promise<(jobId: string) => ActiveCount> {
  const rows = await sql<{ jobId: string } & ActiveCount>(COUNT_ACTIVE, [jobIds])
  const counts = new Map(jobIds.map((jobId) => [jobId, { active: 0, waiting: 0 }]))
  for (const { jobId, active, waiting } of rows) counts.set(jobId, { active, waiting })
  return (jobId) => counts.get(jobId) ?? { active: 0, waiting: 0 }
}

const COUNT_ACTIVE = `
select job_id as "jobId", count(*)::int as active, (count(*) filter (where blocked))::int as waiting
from run_queue where job_id = any($1::uuid[]) group by job_id`
