/** Nothing → QUEUED or SKIPPED. */
import type { RunTrigger, SkipReason } from '../../db/generated/prisma/enums.ts'
import type { Sql } from '../../db/sql.ts'
import { notifySql } from '../../live/events.ts'
import type { Admission } from '../overlap.ts'
import { planSql } from '../plan.ts'

export type NewRun = {
  id: string
  jobId: string
  trigger: RunTrigger
  scheduledFor?: Date
  domainEventId?: string
  /** The run that it does over again. */
  retryOfId?: string
  input?: unknown
  /** In place of its job's. Lower goes first. */
  priority?: number
}

/** Slots or an event that did not become work. */
export type SkippedRun = NewRun & { skipReason: SkipReason; skippedCount: number; skippedUntil?: Date }

/**
 * Queues runs, or writes skipped slots down. A run of the schedule is available at its slot and its job's place in the
 * spread, any other at once: the instant is cut to what its column keeps, as rounding it up would put it into the future.
 * The caller holds the rows of their jobs. A slot or an event that has its run already is passed over; the answer has
 * the ids of those that were made.
 */
export async function recordRuns(sql: Sql, runs: (SkippedRun | (NewRun & Admission))[]): Promise<Set<string>> {
  if (runs.length === 0) return new Set()
  const waiting = runs.flatMap((run) => ('waits' in run && run.waits ? [run.id] : []))
  const priorities = runs.flatMap(({ id, priority }) => (priority === undefined ? [] : [[id, priority]]))
  const values = [JSON.stringify(runs), waiting, JSON.stringify(Object.fromEntries(priorities))]
  const made = await sql<{ id: string }>(RECORD, values)
  return new Set(made.map(({ id }) => id))
}

/** The group whose limit a run of job `j` shares, and the owner `p` whose limit holds beside it. */
const LIMITS = `
  case when j.concurrency_limit is null then 'owner ' || p.id
    when j.concurrency_key is null then 'job ' || j.id
    else 'key ' || p.id || ' ' || j.concurrency_key end as limit_group,
  coalesce(j.concurrency_limit, p.run_limit) as group_limit, p.id as owner_id, p.run_limit as owner_limit`

/** What is said of single runs is looked up by their ids: to join `given` with what was made would compare each with each. */
const RECORD = `
with given as (
  select * from jsonb_to_recordset($1::jsonb) as g(
    id uuid, "jobId" uuid, trigger run_trigger, "scheduledFor" timestamptz, "domainEventId" uuid, "retryOfId" uuid,
    input jsonb, "skipReason" skip_reason, "skippedCount" int, "skippedUntil" timestamptz)
), made as (
  insert into run (id, job_id, artifact_id, trigger, status, scheduled_for, available_at, domain_event_id, retry_of_id,
    input, plan, skip_reason, skipped_count, skipped_until, event_seq, queued_at, finished_at)
  select g.id, j.id, j.artifact_id, g.trigger, (case when g."skipReason" is null then 'QUEUED' else 'SKIPPED' end)::run_status,
    g."scheduledFor",
    case when g.trigger = 'SCHEDULE' then g."scheduledFor" + make_interval(secs => j.spread_offset_ms / 1000.0)
      else date_trunc('milliseconds', clock_timestamp()) end,
    g."domainEventId", g."retryOfId", g.input, ${planSql},
    g."skipReason", g."skippedCount", g."skippedUntil", 1, clock_timestamp(),
    case when g."skipReason" is not null then clock_timestamp() end
  from given g join job j on j.id = g."jobId"
  on conflict do nothing
  returning id, job_id, artifact_id, status, available_at, skip_reason, skipped_count, skipped_until
), queued as (
  insert into run_queue (run_id, job_id, available_at, blocked, priority, limit_group, group_limit, owner_id, owner_limit)
  select made.id, made.job_id, made.available_at, made.id = any($2::uuid[]),
    coalesce(($3::jsonb->>made.id::text)::smallint, j.priority), limits.limit_group, limits.group_limit, limits.owner_id, limits.owner_limit
  from made join job j on j.id = made.job_id
  left join lateral (
    select ${LIMITS} from principal p
    where p.id = j.owner_id and (j.concurrency_limit is not null or p.run_limit is not null)
  ) limits on true
  where made.status = 'QUEUED'
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, 1, status::text::run_event_kind,
    case when status = 'SKIPPED' then
      jsonb_build_object('reason', skip_reason, 'count', skipped_count, 'until', skipped_until) end
  from made
)
select made.id from made cross join (select ${notifySql('queue', 'events')}) told`
