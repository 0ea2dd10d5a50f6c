/**
 * Who may do what with a job. Its owner may do all, and so may the owner of the artifact that it is on; the artifact's
 * editors see it; whom it is shared with may do what the share says. What is a team's is its members', but for deleting.
 */
import type { Job, PrismaClient } from '../db/generated/prisma/client.ts'
import { mayDelete, mayManage } from '../identity/permissions.ts'
import { principalsOf, type SignedIn, type Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import type { ReadJobs } from './rows.ts'

type Ruled = Pick<Job, 'id' | 'ownerId' | 'artifactId'>

/** Each includes those before it. EDIT also runs it, and sees its secrets; OWN deletes it. */
export const LEVEL = { NONE: 0, READ: 1, EDIT: 2, SHARE: 3, OWN: 4 } as const

export type Level = (typeof LEVEL)[keyof typeof LEVEL]

export type JobAccess = {
  /** NONE: for the viewer it is not there. */
  level: Level
  /** Whether the owner lets the viewer say what the job does in the owner's name. */
  asOwner: boolean
}

const REFUSALS: Record<Level, string> = {
  0: '',
  1: '',
  2: 'you may read this job, but neither change nor run it',
  3: 'you may change this job, but not share it',
  4: 'only its owner, of a team its admins, and the owner of its artifact may do this',
}

export const noSuchDraft = () => new NotFoundError('you have no draft of this job')
export const noSuchJob = () => new NotFoundError('there is no such job')

/** A draft is its maker's alone, until it is committed. */
export function requireNoDraft({ draftOfId }: Pick<Job, 'draftOfId'>): void {
  if (draftOfId) throw new ConflictError('it is a draft: commit it first', 'DRAFT')
}

/** A draft can neither be run nor shared. */
export const permissionsOf = ({ draftOfId }: Pick<Job, 'draftOfId'>, level: Level) => ({
  read: level >= LEVEL.READ,
  edit: level >= LEVEL.EDIT,
  run: level >= LEVEL.EDIT && !draftOfId,
  delete: level >= LEVEL.OWN,
  share: level >= LEVEL.SHARE && !draftOfId,
})

/** Whether the viewer may read a job, told from what is known of it and of the viewer: `accessTo` without a question. */
export function seesJob(
  viewer: SignedIn,
  job: Ruled & { shares: readonly { principalId: string }[]; artifact: { ownerId: string } | null },
): boolean {
  const principals = principalsOf(viewer)
  return (
    mayManage(viewer, job) ||
    job.shares.some(({ principalId }) => principals.includes(principalId)) ||
    (job.artifact !== null && principals.includes(job.artifact.ownerId)) ||
    (job.artifactId !== null && viewer.roles.get(job.artifactId) === 'EDITOR')
  )
}

export type JobRights = ReturnType<typeof createJobRights>

export function createJobRights({ prisma, readJobs }: { prisma: PrismaClient; readJobs: ReadJobs }) {
  /** Of these artifacts, those that the viewer owns. */
  async function owned(viewer: SignedIn, artifactIds: string[]): Promise<Set<string>> {
    if (artifactIds.length === 0) return new Set()
    const where = { id: { in: [...new Set(artifactIds)] }, ownerId: { in: principalsOf(viewer) } }
    const found = await prisma.artifact.findMany({ where, select: { id: true } })
    return new Set(found.map(({ id }) => id))
  }

  /** The highest level at which each job is shared with the viewer. */
  async function shared(viewer: SignedIn, jobIds: string[]): Promise<Map<string, Level>> {
    const where = { jobId: { in: jobIds }, principalId: { in: principalsOf(viewer) } }
    const found = await prisma.share.findMany({ where, orderBy: { level: 'asc' } })
    return new Map(found.map(({ jobId, level }) => [jobId, level as Level]))
  }

  /** In the order of the jobs. Asks the database only about jobs of others. */
  async function accessTo(viewer: Viewer, jobs: readonly Ruled[]): Promise<JobAccess[]> {
    const nothing = { level: LEVEL.NONE, asOwner: false }
    if (!viewer?.scopes.has('jobs:read')) return jobs.map(() => nothing)
    const others = jobs.filter((job) => !mayManage(viewer, job))
    const [mine, shares] = await Promise.all([
      owned(
        viewer,
        others.flatMap(({ artifactId }) => artifactId ?? []),
      ),
      others.length === 0
        ? new Map<string, Level>()
        : shared(
            viewer,
            others.map(({ id }) => id),
          ),
    ])
    return jobs.map((job) => {
      if (mayManage(viewer, job)) return { level: mayDelete(viewer, job) ? LEVEL.OWN : LEVEL.SHARE, asOwner: true }
      const share = shares.get(job.id) ?? LEVEL.NONE
      const asOwner = share >= LEVEL.EDIT
      if (job.artifactId && mine.has(job.artifactId)) return { level: LEVEL.OWN, asOwner }
      const sees = job.artifactId !== null && viewer.roles.get(job.artifactId) === 'EDITOR'
      return { level: share || (sees ? LEVEL.READ : LEVEL.NONE), asOwner }
    })
  }

  /** @throws NotFoundError, and ForbiddenError to those who may read it but not do this */
  async function require(viewer: Viewer, job: Ruled, level: Level): Promise<JobAccess> {
    const [access] = await accessTo(viewer, [job])
    if (!access?.level) throw noSuchJob()
    if (access.level < level) throw new ForbiddenError(REFUSALS[level])
    return access
  }

  return {
    accessTo,
    require,

    /** A job that is not deleted. The same throws. */
    async requireJob(viewer: Viewer, id: string, level: Level): Promise<Job> {
      const [job] = await readJobs([id])
      if (!job || job.deletedAt) throw noSuchJob()
      await require(viewer, job, level)
      return job
    },

    async readable<Each extends Ruled>(viewer: Viewer, jobs: readonly Each[]): Promise<Each[]> {
      const access = await accessTo(viewer, jobs)
      return jobs.filter((_, index) => access[index]?.level)
    },

    /** Whether the viewer sees whatever is on the artifact, also jobs of others. */
    async seesAllOn(viewer: Viewer, artifactId: string): Promise<boolean> {
      if (!viewer) return false
      if (viewer.isAdmin || viewer.roles.get(artifactId) === 'EDITOR') return true
      return (await owned(viewer, [artifactId])).has(artifactId)
    },
  }
}
