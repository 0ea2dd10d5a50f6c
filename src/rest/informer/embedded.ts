/** What a whole job holds inside of it: its datasets and its actions. */
import { z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { JobService } from '../../jobs/service.ts'
import { JOB_ACTION, jobActionSchema, jobActionView } from './action-view.ts'
import { JOB_DATASET, jobDatasetSchema, jobDatasetView } from './dataset-view.ts'

export const embeddedSchema = z.object({
  [JOB_DATASET]: z.array(jobDatasetSchema),
  [JOB_ACTION]: z.array(jobActionSchema),
})

export type Embedded = z.output<typeof embeddedSchema>

export const NOTHING_EMBEDDED: Embedded = { [JOB_DATASET]: [], [JOB_ACTION]: [] }

/** For `_embedded` of a job that the viewer may read. */
export async function embeddedOf(jobs: JobService, viewer: Viewer, job: Job): Promise<Embedded> {
  const [[datasets = []], [actions = []]] = await Promise.all([
    jobs.datasetsOf([job.id]),
    jobs.informerActionsOf(viewer, [job]),
  ])
  return {
    [JOB_DATASET]: datasets.map((row) => jobDatasetView(job.id, row)),
    [JOB_ACTION]: actions.map((action) => jobActionView(job.id, action)),
  }
}
