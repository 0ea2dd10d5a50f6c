/** Runs that have ended, as Informer shows them. */
import { z } from '@hono/zod-openapi'
import type { HistoryEntry } from '../../runs/history.ts'
import type { RunError } from '../../runs/states.ts'
import { link, linkSchema } from './hal.ts'
import { jobHref } from './job-href.ts'
import { iso } from './job-view.ts'
import { resultKeyOf, taskKeysOf } from './run-keys.ts'

const progressSchema = z.object({
  task: z.object({ key: z.string(), opts: z.object({ kind: z.string().describe('Of the action.') }) }),
  result: z.object({
    key: z.string(),
    message: z.string().optional().describe('Why it failed.'),
    success: z.boolean(),
    status: z.enum(['success', 'error']),
  }),
})

export const entrySchema = z
  .object({
    _links: z.object({ self: linkSchema, 'inf:job': linkSchema }),
    id: z.string(),
    jobId: z.string(),
    ownerId: z.string().describe('Of the job: handle of a user, or `team:` and that of a team.'),
    success: z.boolean(),
    warnings: z.array(z.string()).describe('What went wrong without failing it.'),
    duration: z.array(z.string()).length(2).describe('When it began and ended; ISO 8601 with milliseconds, in UTC.'),
    data: z.object({
      status: z.string().describe('SUCCEEDED, FAILED or CANCELLED.'),
      trigger: z.string().describe('What started it.'),
      scheduledFor: z.string().nullable().describe('The instant for which its schedule asked.'),
      attempts: z.int(),
      error: z.string().nullable().describe('Why it failed.'),
      output: z.unknown().describe('What its last step came to.'),
    }),
    progress: z.array(progressSchema).describe('One for each step that began.'),
    createdAt: z.string(),
  })
  .openapi('JobHistory')

const historyHref = (jobId: string) => `${jobHref(jobId)}/history`
export const historyLink = (jobId: string) => ({ href: `${historyHref(jobId)}{?sort,limit,start}`, templated: true })

/** `ownerId`: the handle of the job's owner. */
export function entryView(run: HistoryEntry, ownerId: string): z.output<typeof entrySchema> {
  const { id, jobId, status, startedAt, finishedAt, queuedAt } = run
  const ended = finishedAt ?? queuedAt
  return {
    _links: { self: link(`${historyHref(jobId)}/${id}`), 'inf:job': link(jobHref(jobId)) },
    ...{ id, jobId, ownerId, success: status === 'SUCCEEDED', warnings: run.warnings },
    // One that was cancelled before it began took no time.
    duration: [(startedAt ?? ended).toISOString(), ended.toISOString()],
    data: {
      ...{ status, trigger: run.trigger, scheduledFor: iso(run.scheduledFor), attempts: run.attempt },
      ...{ error: messageOf(run.error), output: run.output },
    },
    progress: progressOf(run.steps),
    createdAt: queuedAt.toISOString(),
  }
}

function progressOf(steps: HistoryEntry['steps']): z.output<typeof progressSchema>[] {
  const keys = taskKeysOf(steps.map(({ name }) => name))
  return steps.map(({ kind, name, status, error }, index) => {
    const success = status === 'SUCCEEDED'
    const message = messageOf(error)
    return {
      task: { key: keys[index] ?? name, opts: { kind } },
      result: {
        ...{ key: resultKeyOf(success), success, status: success ? 'success' : 'error' },
        ...(message !== null && { message }),
      },
    }
  })
}

const messageOf = (error: unknown): string | null => (error as RunError | null)?.message ?? null
