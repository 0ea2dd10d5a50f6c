/** What a run is to do, as it stood when the run was queued. Stored with the run; a later edit of the job does not change it. */
import type { Backoff, RetryOn } from '../db/generated/prisma/enums.ts'

type PlannedAction = { kind: string; name: string; config: unknown }

export type RunPlan = {
  job: { id: string; name: string | null; ownerId: string }
  artifact: { id: string; slug: string; name: string } | null
  actions: PlannedAction[]
  /** Seconds that one attempt may take. */
  timeout: number
  retry: RetryPolicy
}

export type RetryPolicy = {
  /** Counts the first try. */
  maxAttempts: number
  backoff: Backoff
  /** Seconds. */
  initialDelay: number
  /** Seconds; no delay is longer. */
  maxDelay: number
  /** Whether delays vary by ±20 %. */
  jitter: boolean
  retryOn: RetryOn
}

/** An expression of SQL that makes the plan of a run of the job `j`, which `g` says is wanted. */
export const planSql = `jsonb_build_object(
  'job', jsonb_build_object('id', j.id, 'name', j.name, 'ownerId', j.owner_id),
  'artifact', (select jsonb_build_object('id', a.id, 'slug', a.slug, 'name', a.name) from artifact a where a.id = j.artifact_id),
  'actions', (
    select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'name', c.name, 'config', c.config) order by c.position), '[]')
    from action c where case when j.stack_id is null then c.job_id = j.id else c.stack_id = j.stack_id end
  ),
  'timeout', j.timeout_seconds,
  'retry', jsonb_build_object(
    'maxAttempts', case when j.retry_slots_only and g."scheduledFor" is null then 1 else j.max_attempts end,
    'backoff', j.backoff, 'initialDelay', j.initial_delay,
    'maxDelay', j.max_delay, 'jitter', j.jitter, 'retryOn', j.retry_on
  )
)`
