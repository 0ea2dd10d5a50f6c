/** Jobs that somebody wants to find again. */
import type { Job, PrismaClient } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { type JobRights, LEVEL, requireNoDraft } from './rights.ts'

export function createFavorites({ prisma, rights }: { prisma: PrismaClient; rights: JobRights }) {
  return {
    /** Makes a job that the viewer may read a favorite of theirs, or none any more; doing so twice is no error. */
    async favorite(viewer: Viewer, jobId: string, favorited: boolean): Promise<Job> {
      const { principalId } = requireScope(viewer, 'jobs:read')
      const job = await rights.requireJob(viewer, jobId, LEVEL.READ)
      requireNoDraft(job)
      const favorite = { principalId, jobId }
      if (favorited) await prisma.favorite.createMany({ data: [favorite], skipDuplicates: true })
      else await prisma.favorite.deleteMany({ where: favorite })
      return job
    },

    /** Whether each is a favorite of the viewer's. */
    async favoritedOf(viewer: Viewer, jobIds: readonly string[]): Promise<boolean[]> {
      if (!viewer) return jobIds.map(() => false)
      const where = { principalId: viewer.principalId, jobId: { in: [...jobIds] } }
      const found = new Set((await prisma.favorite.findMany({ where })).map(({ jobId }) => jobId))
      return jobIds.map((id) => found.has(id))
    },
  }
}
