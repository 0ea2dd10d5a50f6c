/** The job that a path names: by its UUID, or by its natural id `{ownerId}:{slug}`. */
import { z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { noSuchJob } from '../../jobs/rights.ts'
import type { JobService } from '../../jobs/service.ts'
import { isUuid, naturalIdOf } from '../../kernel/ids.ts'

export const jobParams = z.object({ id: z.string().describe('UUID, or `{ownerId}:{slug}`.') })

export type FindJob = (viewer: Viewer, id: string) => Promise<Job>

/** @throws NotFoundError for what is no job of Informer that the viewer may read */
export const jobFinder =
  (jobs: JobService): FindJob =>
  async (viewer, id) => {
    const uuid = id.toLowerCase()
    const natural = naturalIdOf(id)
    const job = isUuid(uuid)
      ? await jobs.find(viewer, uuid)
      : natural && (await jobs.findNamed(viewer, { ...natural, surface: 'INFORMER' }))
    if (job?.surface !== 'INFORMER') throw noSuchJob()
    return job
  }
