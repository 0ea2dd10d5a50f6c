/** What a run is to do, as it stood when the run was queued. Stored with the run; a later edit of the job does not change it. */
import type { Backoff, RetryOn } from '../db/generated/prisma/enums.ts'

type PlannedAction = { kind: string; name: string; config: unknown }

export type RunPlan = {
  job: { id: string; name: string | null; ownerId: string }
  artifact: { id: string; slug: string; name: string } | null
  actions: PlannedAction[]
  /** Ids of the datasets that the job has by names of its own. */
  datasets: Record<string, string>
  /** Seconds that one attempt may take; null: as many as it needs. */
  timeout: number | null
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

/** What the steps are called that keep the datasets of a job: no step of its own can be called so. */
export const SNAPSHOT_STEPS = { BEFORE: 'snapshots before', AFTER: 'snapshots after' } as const

/** A step that keeps the datasets of the job `j`, in an array, or none. */
const snapshotsSql = (moment: keyof typeof SNAPSHOT_STEPS) => `(
    select case when count(*) = 0 then '[]' else jsonb_build_array(jsonb_build_object(
      'kind', 'snapshot', 'name', '${SNAPSHOT_STEPS[moment]}',
      'config', jsonb_build_object('datasets', jsonb_agg(distinct 'dat_' || replace(kept.id::text, '-', ''))))) end
    from job_dataset d cross join lateral unnest(d.snapshot_datasets) as kept(id)
    where d.job_id = j.id and d.snapshot_when = '${moment}'
  )`

/** An expression of SQL that makes the plan of a run of the job `j`, which `g` says is wanted. */
export const planSql = `jsonb_build_object(
  'job', jsonb_build_object('id', j.id, 'name', j.name, 'ownerId', j.owner_id),
  'artifact', (select jsonb_build_object('id', a.id, 'slug', a.slug, 'name', a.name) from artifact a where a.id = j.artifact_id),
  'actions', ${snapshotsSql('BEFORE')} || (
    select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'name', c.name, 'config', c.config) order by c.position), '[]')
    from (
      select * from action where job_id = j.id and j.stack_id is null
      union all
      select * from action where stack_id = j.stack_id
    ) c
  ) || ${snapshotsSql('AFTER')},
  'datasets', (
    select coalesce(jsonb_object_agg(d.alias, d.dataset_id), '{}') from job_dataset d where d.job_id = j.id
  ),
  'timeout', j.timeout_seconds,
  'retry', jsonb_build_object(
    'maxAttempts', case when j.retry_slots_only and g."scheduledFor" is null then 1 else j.max_attempts end,
    'backoff', j.backoff, 'initialDelay', j.initial_delay,
    'maxDelay', j.max_delay, 'jitter', j.jitter, 'retryOn', j.retry_on
  )
)`
