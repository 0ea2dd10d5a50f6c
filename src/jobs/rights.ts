/**
 * Who may see and who may change a job: its owner may do both, and so may the owner of the artifact that it is on; the
 * artifact's editors see it.
 */
import type { Job, PrismaClient } from '../db/generated/prisma/client.ts'
import { mayManage } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'

type Ruled = Pick<Job, 'ownerId' | 'artifactId'>

/** Null: for the viewer it is not there. */
export type JobAccess = 'CHANGE' | 'READ' | null

export const noSuchJob = () => new NotFoundError('there is no such job')

export type JobRights = ReturnType<typeof createJobRights>

export function createJobRights({ prisma }: { prisma: PrismaClient }) {
  /** Of these artifacts, those that the viewer owns. */
  async function owned(viewer: Viewer, artifactIds: string[]): Promise<Set<string>> {
    if (!viewer || artifactIds.length === 0) return new Set()
    const where = { id: { in: [...new Set(artifactIds)] }, ownerId: viewer.principalId }
    const found = await prisma.artifact.findMany({ where, select: { id: true } })
    return new Set(found.map(({ id }) => id))
  }

  /** In the order of the jobs. Asks the database only about jobs of others. */
  async function accessTo(viewer: Viewer, jobs: readonly Ruled[]): Promise<JobAccess[]> {
    if (!viewer?.scopes.has('jobs:read')) return jobs.map(() => null)
    const others = jobs.filter((job) => !mayManage(viewer, job))
    const mine = await owned(
      viewer,
      others.flatMap(({ artifactId }) => artifactId ?? []),
    )
    return jobs.map((job) => {
      if (mayManage(viewer, job) || (job.artifactId && mine.has(job.artifactId))) return 'CHANGE'
      return job.artifactId && viewer.roles.get(job.artifactId) === 'EDITOR' ? 'READ' : null
    })
  }

  return {
    accessTo,

    async readable<Each extends Ruled>(viewer: Viewer, jobs: readonly Each[]): Promise<Each[]> {
      const access = await accessTo(viewer, jobs)
      return jobs.filter((_, index) => access[index])
    },

    /** @throws NotFoundError, and ForbiddenError to those who may only read it */
    async requireChange(viewer: Viewer, job: Ruled): Promise<void> {
      const [access] = await accessTo(viewer, [job])
      if (!access) throw noSuchJob()
      if (access === 'READ') throw new ForbiddenError('only its owner and the owner of its artifact may do this')
    },

    /** Whether the viewer sees whatever is on the artifact, also jobs of others. */
    async seesAllOn(viewer: Viewer, artifactId: string): Promise<boolean> {
      if (viewer?.isAdmin || viewer?.roles.get(artifactId) === 'EDITOR') return true
      return (await owned(viewer, [artifactId])).has(artifactId)
    },
  }
}
