/** The secrets that webhooks of jobs are signed with: kept encrypted, shown to whoever may change the job. */
import { newSigningSecret, ROTATION_HOURS } from '../actions/signature.ts'
import type { Job, PrismaClient } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import type { Seal } from '../kernel/seal.ts'
import type { Change } from './change.ts'
import { type JobRights, LEVEL } from './rights.ts'

export function createSigningSecrets({
  prisma,
  seal,
  rights,
  change,
}: {
  prisma: PrismaClient
  seal: Seal
  rights: JobRights
  /** Changes a job that the viewer may change, under its row lock. */
  change(viewer: Viewer, jobId: string, change: Change): Promise<Job>
}) {
  return {
    /** The secret that its webhooks are signed with, for whoever may change the job. */
    async signingSecret(viewer: Viewer, job: Job): Promise<string | null> {
      requireScope(viewer, 'jobs:write')
      const [access] = await rights.accessTo(viewer, [job])
      if (!access || access.level < LEVEL.EDIT) return null
      const secret = await prisma.signingSecret.findUnique({ where: { jobId: job.id } })
      return secret && seal.open(secret.current)
    },

    /** Those that sign, the current one first. Whoever asks may change the job. */
    async secretsOf(jobId: string): Promise<string[]> {
      const secret = await prisma.signingSecret.findUnique({ where: { jobId } })
      const isRotated = secret?.previousUntil && secret.previousUntil > new Date()
      const sealed = secret ? [secret.current, ...(isRotated && secret.previous ? [secret.previous] : [])] : []
      return sealed.map((each) => seal.open(each))
    },

    /** A new signing secret. The one before signs beside it for a day, so that receivers can change over meanwhile. */
    rotateSigningSecret: (viewer: Viewer, jobId: string): Promise<Job> =>
      change(viewer, jobId, async (tx, job) => {
        const { current } = await tx.signingSecret.findUniqueOrThrow({ where: { jobId } })
        const previousUntil = new Date(job.now.getTime() + ROTATION_HOURS * 3_600_000)
        const data = { current: seal.seal(newSigningSecret()), previous: current, previousUntil }
        await tx.signingSecret.update({ where: { jobId }, data })
        return {}
      }),

    /** Until when the secret before the last rotation signs too; null: it does not. */
    async previousSecretUntil(jobIds: readonly string[]): Promise<(Date | null)[]> {
      const where = { jobId: { in: [...jobIds] }, previousUntil: { gt: new Date() } }
      const rotated = await prisma.signingSecret.findMany({ where, select: { jobId: true, previousUntil: true } })
      const byJob = new Map(rotated.map(({ jobId, previousUntil }) => [jobId, previousUntil]))
      return jobIds.map((id) => byJob.get(id) ?? null)
    },
  }
}
