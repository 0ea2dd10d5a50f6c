/** The datasets of a job as Informer shows them. */
import { z } from '@hono/zod-openapi'
import type { JobDataset } from '../../db/generated/prisma/client.ts'
import { link, linkSchema } from './hal.ts'
import { jobHref } from './job-href.ts'

export const JOB_DATASET = 'inf:dataset'

export const jobDatasetSchema = z
  .object({
    _links: z.object({ self: linkSchema, 'inf:job': linkSchema }),
    alias: z.string(),
    jobId: z.string(),
    datasetId: z.string().describe('UUID.'),
    index: z.int().describe('From 0, in the order in which they were given.'),
    snapshots: z
      .object({ when: z.enum(['before', 'after']), snapshotDatasets: z.array(z.string()).describe('UUIDs.') })
      .nullable(),
  })
  .openapi('JobDataset')

export const jobDatasetHref = (jobId: string, alias: string) =>
  `${jobHref(jobId)}/datasets/${encodeURIComponent(alias)}`

export const jobDatasetView = (jobId: string, row: Omit<JobDataset, 'jobId'>): z.output<typeof jobDatasetSchema> => ({
  _links: { self: link(jobDatasetHref(jobId, row.alias)), 'inf:job': link(jobHref(jobId)) },
  alias: row.alias,
  jobId,
  datasetId: row.datasetId,
  index: row.position,
  snapshots: row.snapshotWhen && {
    when: row.snapshotWhen === 'BEFORE' ? 'before' : 'after',
    snapshotDatasets: row.snapshotDatasets,
  },
})
