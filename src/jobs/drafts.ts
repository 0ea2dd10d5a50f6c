/**
 * Drafts: copies of jobs that are edited at leisure, and then put in the place of what the job was. One per user and job;
 * a draft never fires and is in no list. What it says is checked with the rights of the owner of its original.
 */
import type { DatasetPort } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { newSigningSecret } from '../actions/signature.ts'
import type { Job, PrismaClient } from '../db/generated/prisma/client.ts'
import { Prisma } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import type { Seal } from '../kernel/seal.ts'
import { type Change, changeJob } from './change.ts'
import { createDraftEdits, wholeJob } from './draft-edit.ts'
import type { JobEditing } from './edit.ts'
import { noSuchDraft, noSuchJob } from './rights.ts'
import { NAME_LIMIT } from './spec.ts'
import { tellJobs } from './tell.ts'

const SUFFIX = ' (Draft)'

const draftNameOf = (name: string | null) => `${(name ?? '').slice(0, NAME_LIMIT - SUFFIX.length)}${SUFFIX}`.trim()

const HOLD = 'select 1 from job where id = $1::uuid for no key update'

/** The draft is gone, with all that it had. Answers what it was. */
export async function dropDraft(tx: Prisma.TransactionClient, id: string): Promise<Job> {
  const found = await tx.job.findUnique({ where: { id }, include: { schedule: true } })
  if (!found) throw noSuchDraft()
  const { schedule, ...draft } = found
  await tx.job.delete({ where: { id } })
  await tellJobs(sqlIn(tx), [id])
  if (schedule && !schedule.shared) await tx.schedule.delete({ where: { id: schedule.id } })
  return draft
}

export function createDrafts(deps: {
  prisma: PrismaClient
  actions: ActionRegistry
  datasets: DatasetPort
  seal: Seal
  editing: JobEditing
}) {
  const { prisma, seal, editing } = deps
  const { requireJob, applied } = editing
  const editOf = createDraftEdits(deps)

  /** The viewer's draft of a job, by its id or by that of the job. */
  async function requireDraft(viewer: Viewer, id: string): Promise<Job> {
    const job = await requireJob(viewer, id)
    if (job.draftOfId) return job
    const [draft] = await draftsOf(viewer, [id])
    if (!draft) throw noSuchDraft()
    return draft
  }

  /** In the order of the jobs. */
  async function draftsOf(viewer: Viewer, jobIds: readonly string[]): Promise<(Job | null)[]> {
    if (!viewer?.scopes.has('jobs:read')) return jobIds.map(() => null)
    const where = { draftOfId: { in: [...jobIds] }, ownerId: viewer.principalId, deletedAt: null }
    const byJob = new Map((await prisma.job.findMany({ where })).map((draft) => [draft.draftOfId, draft]))
    return jobIds.map((id) => byJob.get(id) ?? null)
  }

  return {
    /** The viewer's drafts of jobs; null where there is none. */
    draftsOf,

    /** The viewer's draft of a job that they may edit: the one that they have, or a new copy. Of a draft itself. */
    async draft(viewer: Viewer, jobId: string): Promise<Job> {
      const { principalId: ownerId } = requireScope(viewer, 'jobs:write')
      const job = await requireJob(viewer, jobId)
      if (job.draftOfId && job.ownerId === ownerId) return job
      if (job.draftOfId) throw new ConflictError('it is a draft of somebody else', 'DRAFT')
      return prisma.$transaction(async (tx) => {
        await sqlIn(tx)(HOLD, [jobId])
        const present = await tx.job.findFirst({ where: { draftOfId: jobId, ownerId, deletedAt: null } })
        if (present) return present
        const original = await wholeJob(tx, jobId)
        if (!original) throw noSuchJob()
        const { schedule, actions, datasets, tags, ...row } = original
        const { id: _id, number: _number, createdAt: _made, updatedAt: _changed, ...copied } = row
        const scheduleId = schedule && newId()
        if (schedule && scheduleId) {
          const { id: _id, number: _number, ...plan } = schedule
          await tx.schedule.create({ data: { ...plan, id: scheduleId, ownerId, shared: false } })
        }
        const id = newId()
        const name = draftNameOf(row.name)
        return tx.job.create({
          data: {
            ...copied,
            ...{ id, name, draftName: name, draftOfId: jobId, ownerId, createdById: ownerId, scheduleId, version: 1 },
            ...{ heldAt: null, nextRunAt: null, lastRunAt: null, lastStatus: null, pausedAt: null, pauseReason: null },
            deletionQueued: false,
            data: row.data ?? Prisma.DbNull,
            actions: {
              create: actions.map(({ position, kind, name, config }) => ({
                ...{ id: newId(), position, kind, name },
                config: config as Prisma.InputJsonValue,
              })),
            },
            datasets: { create: datasets.map(({ jobId: _original, ...dataset }) => dataset) },
            tags: { create: tags.map(({ tagId }) => ({ tagId })) },
            signingSecret: { create: { current: seal.seal(newSigningSecret()) } },
          },
        })
      })
    },

    /**
     * What the draft says takes the place of what its job was, and the draft is gone; by the id of either. Id, slug and
     * owner stay, and so does the name, unless the draft was given another. A schedule that is the same goes on as it was.
     * @throws NotFoundError when there is no draft, or its job is gone
     */
    async commit(viewer: Viewer, id: string): Promise<Job> {
      requireScope(viewer, 'jobs:write')
      const { id: draftId, draftOfId } = await requireDraft(viewer, id)
      const original = await requireJob(viewer, draftOfId ?? '')
      const draft = await wholeJob(prisma, draftId)
      const target = await wholeJob(prisma, original.id)
      if (!draft || !target) throw noSuchDraft()
      const edit = await editOf(viewer, draft, target)
      const change: Change = async (tx, job) => {
        await sqlIn(tx)(HOLD, [draftId])
        const now = await tx.job.findUnique({ where: { id: draftId } })
        if (!now) throw noSuchDraft()
        if (now.version !== draft.version)
          throw new ConflictError('the draft was changed meanwhile: try again', 'VERSION')
        const changed = await applied(viewer, edit)(tx, job)
        await dropDraft(tx, draftId)
        return changed
      }
      return changeJob(prisma, target.id, change, target.version)
    },

    /** The draft is gone; by its id or by that of its job. Answers what it was. */
    async discardDraft(viewer: Viewer, id: string): Promise<Job> {
      requireScope(viewer, 'jobs:write')
      const { id: draftId } = await requireDraft(viewer, id)
      return prisma.$transaction((tx) => dropDraft(tx, draftId))
    },
  }
}
