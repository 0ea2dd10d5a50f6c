/** Jobs and runs as ShareOut shows them. Pure. */
import type { Job, Run, Schedule } from '../../db/generated/prisma/client.ts'
import type { ShareoutAction } from '../../jobs/shareout-actions.ts'
import { formatId } from '../../kernel/ids.ts'
import type { RunError } from '../../runs/states.ts'
import type { JobView } from './job-schema.ts'

export const unixSeconds = (at: Date): number => Math.floor(at.getTime() / 1000)
const secondsOf = (at: Date | null): number | null => at && unixSeconds(at)

export function jobView(
  job: Job,
  schedule: Pick<Schedule, 'expression'> | null,
  known: ShareoutAction,
  last: Run | null,
): JobView {
  const { maxAttempts, initialDelay, lastStatus } = job
  const backoffType = job.backoff.toLowerCase()
  return {
    id: formatId('Job', job.id),
    artifact_id: formatId('Artifact', job.artifactId ?? ''),
    owner_id: formatId('Principal', job.ownerId),
    action: known.action,
    trigger_type: job.trigger === 'EVENT' ? 'event' : 'cron',
    schedule: schedule?.expression ?? null,
    event_type: job.eventType,
    config: known.config,
    title: job.name,
    description: job.description,
    enabled: job.enabled,
    next_run_at: secondsOf(job.nextRunAt),
    last_run_at: secondsOf(job.lastRunAt),
    last_status: lastStatus && (lastStatus === 'SUCCEEDED' ? 'success' : 'failed'),
    last_error: last && errorOf(last),
    retry_count: last ? Math.max(last.attempt - last.losses - 1, 0) : 0,
    retry_config: { maxAttempts, backoffType, initialDelay },
    max_attempts: maxAttempts,
    backoff_type: backoffType,
    initial_delay: initialDelay,
    created_at: unixSeconds(job.createdAt),
  }
}

const statusOf = ({ status }: Run) => (status === 'SUCCEEDED' ? ('success' as const) : ('failed' as const))

const logId = (run: Run) => `log_${run.id.replaceAll('-', '')}`

function errorOf(run: Run): string | null {
  if (run.status === 'SUCCEEDED') return null
  if (run.status === 'FAILED') return (run.error as RunError | null)?.message ?? 'failed'
  return run.status === 'CANCELLED' ? 'cancelled' : 'skipped: another run of the job is under way'
}

const durationOf = ({ startedAt, finishedAt }: Run): number | null =>
  startedAt && finishedAt && Math.max(finishedAt.getTime() - startedAt.getTime(), 0)

export function executionView(run: Run) {
  const status = statusOf(run)
  const error = errorOf(run)
  return {
    message: status === 'success' ? 'Job executed successfully' : 'Job execution failed',
    execution: {
      success: status === 'success',
      job_id: formatId('Job', run.jobId),
      execution_id: logId(run),
      status,
      ...(error !== null && { error }),
      duration_ms: durationOf(run) ?? 0,
    },
  }
}

export const logView = (run: Run) => ({
  id: logId(run),
  created_at: unixSeconds(run.startedAt ?? run.queuedAt),
  status: statusOf(run),
  duration_ms: durationOf(run),
  error: errorOf(run),
})
