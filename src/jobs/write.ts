import type { Job, Surface } from '../db/generated/prisma/client.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { NotFoundError } from '../kernel/errors.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { type Change, changeJob, pause, remove } from './change.ts'
import { createJobCreation, type JobCreationDeps } from './create.ts'
import { dropDraft } from './drafts.ts'
import { ended, type JobEditing, type Parts, resumed } from './edit.ts'
import { LEVEL } from './rights.ts'
import type { UpdateJobInput } from './spec.ts'

/** Surfaces whose jobs are paused when their receiver is gone for good. */
const RETIRING = new Set<Surface>(['GRAPHQL', 'SHAREOUT'])

const removeWithDrafts: Change = async (tx, job) => {
  const drafts = await tx.job.findMany({ where: { draftOfId: job.id }, select: { id: true } })
  for (const { id } of drafts) await dropDraft(tx, id)
  return remove(tx, job)
}

export function createJobWriting(deps: JobCreationDeps & { editing: JobEditing }) {
  const { prisma, editing } = deps
  const { requireJob, change, parseEdit, applied } = editing

  return {
    ...createJobCreation(deps),

    /**
     * Absent fields stay as they are; null clears, or brings back what a new job has. An edit of the schedule fires no
     * slot that is past. `enabled` pauses and resumes with it.
     * @throws ConflictError SURFACE for what the clients of the API that the job was made through could not be shown
     */
    async update(
      viewer: Viewer,
      { jobId, ...input }: UpdateJobInput & Parts & { jobId: string; enabled?: boolean | undefined },
    ): Promise<Job> {
      requireScope(viewer, 'jobs:write')
      const edit = await parseEdit(viewer, jobId, input)
      return change(viewer, jobId, applied(viewer, edit), edit.spec.version)
    },

    /** No slot fires while it is paused, and those that wait are skipped; running it by hand still works. */
    pause: (viewer: Viewer, jobId: string): Promise<Job> => change(viewer, jobId, pause()),

    /**
     * For the engine: the receiver of a job wants no more of it. Jobs of other surfaces go on, as their clients know no
     * such thing, and the one behind a stack, which nothing starts by itself; of one that is paused or deleted meanwhile
     * nothing changes.
     */
    async retire(jobId: string, reason: string, depth: number): Promise<void> {
      const job = await prisma.job.findFirst({ where: { id: jobId, enabled: true, hidden: false, deletedAt: null } })
      if (!job || !RETIRING.has(job.surface)) return
      await changeJob(prisma, jobId, pause(reason, depth)).catch((error) => {
        if (!(error instanceof NotFoundError)) throw error
      })
    },

    /**
     * Goes on with the first slot after now: what fell into the pause is not made up for.
     * @throws ConflictError ENDED where there is none, and the job is one that ends with its last
     */
    resume: (viewer: Viewer, jobId: string): Promise<Job> =>
      change(viewer, jobId, async (tx, job) => {
        const recurrence = job.schedule && recurrenceOf(job.schedule)
        const data = await resumed(tx, job, recurrence)
        if (!data && !job.enabled) throw ended(recurrence)
        return data
      }),

    /**
     * It is gone from every list; what waits is skipped, what runs finishes, and its runs can still be read. Drafts, of it
     * or itself one, are gone for good.
     */
    async remove(viewer: Viewer, jobId: string): Promise<Job> {
      const { draftOfId } = await requireJob(viewer, jobId, LEVEL.OWN)
      if (draftOfId) return prisma.$transaction((tx) => dropDraft(tx, jobId))
      return changeJob(prisma, jobId, removeWithDrafts)
    },

    /** Its next slot deletes it, and does not run it; without one to come it is gone at once. Asked again, the same. */
    async removeAtNextSlot(viewer: Viewer, jobId: string): Promise<Job> {
      await requireJob(viewer, jobId, LEVEL.OWN)
      return changeJob(prisma, jobId, async (tx, job) => {
        const fires = job.enabled && job.nextRunAt !== null && job.nextRunAt > job.now
        if (!fires) return removeWithDrafts(tx, job)
        return job.deletionQueued ? null : { deletionQueued: true }
      })
    },
  }
}
