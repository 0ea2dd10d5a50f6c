/** A job as Boozles shows it. What it does not have is left out. */
import { z } from '@hono/zod-openapi'
import { HIDDEN } from '../../actions/redaction.ts'
import type { Action, Job, Schedule } from '../../db/generated/prisma/client.ts'
import type { CallbackInput, JobInput } from './job-input.ts'
import { formatInstant } from './when.ts'

export const jobSchema = z
  .object({
    id: z.uuid(),
    account: z.string().describe('Handle of whom it belongs to.'),
    url: z.string(),
    signature: z.string().optional(),
    contentType: z.string().optional(),
    data: z.string().optional().describe('In base64 if it is no UTF-8, or if XML cannot say it.'),
    when: z.string().optional().describe('In UTC.'),
    cron: z.string().optional(),
    next: z.string().optional().describe('The next firing of a cron, in UTC; none while it is paused.'),
  })
  .openapi('Job', { xml: { name: 'job' } })

export type JobView = z.output<typeof jobSchema>

type Timing = { at: Date | null; expression: string | null }

/** The fields are in the order in which they are shown. */
function view(account: string, { id, nextRunAt }: Job, callback: CallbackInput, { at, expression }: Timing): JobView {
  const { url, signature, contentType, data } = callback
  return {
    ...{ id, account, url },
    ...(signature !== undefined && { signature }),
    ...(contentType !== undefined && { contentType }),
    ...(data !== undefined && { data: dataView(data) }),
    ...(at && { when: formatInstant(at) }),
    ...(expression !== null && { cron: expression }),
    ...(expression !== null && nextRunAt && { next: formatInstant(nextRunAt) }),
  }
}

/** Of a job that was made of this just now. */
export const jobViewOfInput = (account: string, job: Job, { callback, schedule }: JobInput): JobView =>
  view(account, job, callback, { at: schedule.at ?? null, expression: schedule.cron?.expression.trim() ?? null })

/** Of one that is stored, with its one action as the viewer may see it. */
export const jobView = (account: string, job: Job, action: Action, schedule: Schedule): JobView =>
  view(account, job, action.config as CallbackInput, schedule)

function dataView(base64: string): string {
  if (base64 === HIDDEN) return HIDDEN
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(base64, 'base64'))
  } catch {
    return base64
  }
}
