/**
 * Letting others in on a job. A share of 2 or more is trust: whoever has it says what the job does, and it does that with
 * the rights of its owner.
 */
import { z } from 'zod'
import type { Job, Principal, PrismaClient, Share } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import { type NamedPrincipal, requirePrincipal } from '../identity/principals.ts'
import type { Viewer } from '../identity/viewer.ts'
import { LimitError, ValidationError } from '../kernel/errors.ts'
import { validate } from '../kernel/validate.ts'
import type { JobEditing } from './edit.ts'
import { type JobRights, LEVEL, noSuchJob, requireNoDraft } from './rights.ts'
import { tellJobs } from './tell.ts'

/** Of one job. */
const SHARES_LIMIT = 1_000

const shareSpec = z.object({
  level: z.int('must be 0, 1, 2 or 3').min(0, 'must be at least 0').max(3, 'must be at most 3'),
})

/** `level`: 1 reads; 2 also edits and runs; 3 also shares. */
export type ShareOfPrincipal = Pick<Share, 'level' | 'createdAt'> & { principal: Principal }

type Place = { jobId: string; principal: NamedPrincipal }

export function createSharing({
  prisma,
  rights,
  requireJob,
}: {
  prisma: PrismaClient
  rights: JobRights
  requireJob: JobEditing['requireJob']
}) {
  /** In the order of the jobs, each by handle. */
  async function sharesIn(jobIds: readonly string[]): Promise<ShareOfPrincipal[][]> {
    const byJob = new Map(jobIds.map((id) => [id, [] as ShareOfPrincipal[]]))
    const found = await prisma.share.findMany({
      where: { jobId: { in: [...jobIds] } },
      include: { principal: true },
      orderBy: [{ principal: { handle: 'asc' } }],
    })
    for (const { jobId, ...share } of found) byJob.get(jobId)?.push(share)
    return jobIds.map((id) => byJob.get(id) ?? [])
  }

  /** A job whose shares the viewer may see. */
  async function requireShared(viewer: Viewer, jobId: string): Promise<Job> {
    requireScope(viewer, 'jobs:read')
    return rights.requireJob(viewer, jobId, LEVEL.SHARE)
  }

  return {
    /**
     * Lets a user or the members of a team in, at this level and no other; 0: not any more. Doing so twice is no error.
     * An owner has all rights already.
     * @throws ValidationError at `level` or the field of the principal, LimitError
     */
    async share(
      viewer: Viewer,
      { jobId, principal, ...input }: Place & { level: number },
    ): Promise<{ job: Job; principal: Principal; level: number }> {
      requireScope(viewer, 'jobs:write')
      const { level } = validate(shareSpec, input)
      requireNoDraft(await requireJob(viewer, jobId, LEVEL.SHARE))
      const named = await requirePrincipal(prisma, principal)
      const principalId = named.id
      return prisma.$transaction(async (tx) => {
        await sqlIn(tx)('select 1 from job where id = $1::uuid for no key update', [jobId])
        const job = await tx.job.findFirst({ where: { id: jobId, deletedAt: null } })
        if (!job) throw noSuchJob()
        await tellJobs(sqlIn(tx), [jobId])
        if (level === 0) {
          await tx.share.deleteMany({ where: { jobId, principalId } })
          return { job, principal: named, level }
        }
        if (job.ownerId === principalId)
          throw ValidationError.at(principal.field, 'is the owner, who may do everything')
        const key = { jobId, principalId }
        await tx.share.upsert({ where: { jobId_principalId: key }, create: { ...key, level }, update: { level } })
        if ((await tx.share.count({ where: { jobId } })) > SHARES_LIMIT) {
          throw new LimitError(`a job has at most ${SHARES_LIMIT} shares`)
        }
        return { job, principal: named, level }
      })
    },

    /** With whom a job is shared, by handle. */
    async shares(viewer: Viewer, jobId: string): Promise<ShareOfPrincipal[]> {
      await requireShared(viewer, jobId)
      const [shares = []] = await sharesIn([jobId])
      return shares
    },

    /** What one of them may do; `level` 0: the job is not shared with them. */
    async shareWith(viewer: Viewer, { jobId, principal }: Place): Promise<{ principal: Principal; level: number }> {
      await requireShared(viewer, jobId)
      const named = await requirePrincipal(prisma, principal)
      const share = await prisma.share.findFirst({ where: { jobId, principalId: named.id } })
      return { principal: named, level: share?.level ?? LEVEL.NONE }
    },

    /** With whom each job is shared, for whoever may read it, as Informer's list tells. */
    sharedWith: sharesIn,

    /** In the order of the jobs; null where the viewer may not share it. */
    async sharesOf(viewer: Viewer, jobs: readonly Job[]): Promise<(ShareOfPrincipal[] | null)[]> {
      const access = await rights.accessTo(viewer, jobs)
      const open = jobs.filter((_, index) => (access[index]?.level ?? 0) >= LEVEL.SHARE)
      const ids = open.map(({ id }) => id)
      const shares = ids.length > 0 ? await sharesIn(ids) : []
      const byJob = new Map(ids.map((id, index) => [id, shares[index] ?? []]))
      return jobs.map(({ id }) => byJob.get(id) ?? null)
    },
  }
}
