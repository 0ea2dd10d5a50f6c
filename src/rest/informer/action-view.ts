/** The actions of a job behind what its type says, as Informer shows them. */
import { z } from '@hono/zod-openapi'
import type { JobAction } from '../../jobs/action-service.ts'
import { link, linkSchema } from './hal.ts'
import { jobHref } from './job-href.ts'

export const JOB_ACTION = 'inf:job-action'

export const jobActionSchema = z
  .object({
    _links: z.object({ self: linkSchema, 'inf:job': linkSchema }),
    id: z.string(),
    jobId: z.string(),
    type: z.string(),
    name: z.string().describe('What those behind it call it by in their templates.'),
    index: z.int().describe('Its place behind what the type of the job does, from 0.'),
    data: z.record(z.string(), z.unknown()),
    conditions: z.null(),
  })
  .openapi('JobAction')

export const jobActionHref = (jobId: string, id: string) => `${jobHref(jobId)}/actions/${id}`

export const jobActionView = (
  jobId: string,
  { id, type, name, index, data }: JobAction,
): z.output<typeof jobActionSchema> => ({
  _links: { self: link(jobActionHref(jobId, id)), 'inf:job': link(jobHref(jobId)) },
  ...{ id, jobId, type, name, index, data },
  conditions: null,
})
