/** Handing a job to another owner, in whose name, and with whose rights, it then does what it does. */
import type { DatasetPort, Subject } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import type { Job, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { mayHandTo, requireScope } from '../identity/permissions.ts'
import { type NamedPrincipal, requirePrincipal } from '../identity/principals.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, type Issue, ValidationError } from '../kernel/errors.ts'
import { changeJob, holdArtifact, mayHaveJobsOn } from './change.ts'
import { aliasesOf, inputOf, parseDatasets } from './datasets.ts'
import type { JobEditing } from './edit.ts'
import { handedTo } from './handing.ts'
import { requireNoDraft } from './rights.ts'
import { flawsOfSteps } from './work.ts'

const cannot = (why: string) => new ConflictError(`the new owner could not have this job: ${why}`, 'NEW_OWNER')

const told = (issues: readonly Issue[]) => issues.map(({ path, message }) => `${path}: ${message}`).join('; ')

export function createOwnership({
  prisma,
  actions,
  datasets: port,
  requireJob,
}: {
  prisma: PrismaClient
  actions: ActionRegistry
  datasets: DatasetPort
  requireJob: JobEditing['requireJob']
}) {
  /** All that the job works with must be there for its new owner. */
  async function requireFit({ id: jobId, surface, artifactId, stackId }: Job, ownerId: string): Promise<void> {
    const stack = stackId && (await prisma.stack.findUnique({ where: { id: stackId } }))
    if (stack && stack.ownerId !== ownerId) throw cannot('its stack is of its owner')
    const steps = await prisma.action.findMany({ where: { jobId }, orderBy: { position: 'asc' } })
    const rows = await prisma.jobDataset.findMany({ where: { jobId }, orderBy: { position: 'asc' } })
    const subject: Subject = { ownerId, artifactId }
    await parseDatasets(port, subject, rows.map(inputOf)).catch((error) => {
      throw error instanceof ValidationError ? cannot(told(error.issues)) : error
    })
    const flaws = await flawsOfSteps(actions, surface, steps, { ...subject, datasets: aliasesOf(rows) })
    if (flaws.length > 0) throw cannot(told(flaws))
  }

  async function requireOnArtifact(tx: Prisma.TransactionClient, artifactId: string, ownerId: string): Promise<void> {
    if (!(await holdArtifact(tx, artifactId))) throw cannot('its artifact is deleted')
    if (!(await mayHaveJobsOn(tx, artifactId, ownerId))) throw cannot('they are no editor of its artifact')
  }

  return {
    /**
     * For whoever may edit the job: to themselves, to a team that they are in, or to its owner as it is; administrators
     * hand to anybody. Its slug is made unique among the new owner's.
     * @throws ValidationError for an unknown owner, ConflictError NEW_OWNER when they could not have such a job
     */
    async transfer(viewer: Viewer, { jobId, owner }: { jobId: string; owner: NamedPrincipal }): Promise<Job> {
      requireScope(viewer, 'jobs:write')
      const before = await requireJob(viewer, jobId)
      requireNoDraft(before)
      const { id: ownerId } = await requirePrincipal(prisma, owner)
      if (ownerId === before.ownerId) return before
      if (!mayHandTo(viewer, { id: ownerId })) {
        throw new ForbiddenError('you may hand a job to yourself and to your teams only')
      }
      await requireFit(before, ownerId)
      const { version } = before
      return changeJob(
        prisma,
        jobId,
        async (tx, job) => {
          if (job.artifactId) await requireOnArtifact(tx, job.artifactId, ownerId)
          return handedTo(tx, job, ownerId)
        },
        version,
      )
    },
  }
}
