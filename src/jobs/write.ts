import type { DatasetPort } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { newSigningSecret } from '../actions/signature.ts'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import type { Job, Prisma, PrismaClient, Surface } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { mayEditArtifact, requireScope } from '../identity/permissions.ts'
import type { SignedIn, Viewer } from '../identity/viewer.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import type { Seal } from '../kernel/seal.ts'
import { validate } from '../kernel/validate.ts'
import type { ScheduleService } from '../schedules/service.ts'
import { requireWindow } from '../schedules/spec.ts'
import { spreadOffsetMs } from '../schedules/spread.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { holdSchedule } from '../schedules/use.ts'
import {
  type Change,
  changeJob,
  databaseNow,
  firstSlot,
  holdArtifact,
  mayHaveJobsOn,
  pause,
  remove,
  requireSpread,
  throwTaken,
} from './change.ts'

import { aliasesOf, parseDatasets, requireScopes, setDatasets } from './datasets.ts'
import { dropDraft } from './drafts.ts'
import { ended, type JobEditing, newSchedule, type Parts, requireOneSchedule, resumed, triggerOf } from './edit.ts'
import { LEVEL } from './rights.ts'
import { freeSlug, slugOfName } from './slug.ts'
import { type CreateJobInput, createJobSpec, policiesOf, type UpdateJobInput } from './spec.ts'
import { defaultsOf, endOfLifeOf, retriesSlotsOnly, timezoneOf } from './surface.ts'
import { setTags } from './tags.ts'
import { tellJobs } from './tell.ts'
import { firstStep, type MakeStack, newWork, workParser } from './work.ts'

/** Surfaces whose jobs are paused when their receiver is gone for good. */
const RETIRING = new Set<Surface>(['GRAPHQL', 'SHAREOUT'])

const removeWithDrafts: Change = async (tx, job) => {
  const drafts = await tx.job.findMany({ where: { draftOfId: job.id }, select: { id: true } })
  for (const { id } of drafts) await dropDraft(tx, id)
  return remove(tx, job)
}

const notAnEditor = () => new ForbiddenError('only the owner and the editors of an artifact may put jobs on it')

export function createJobWriting(deps: {
  prisma: PrismaClient
  artifacts: ArtifactService
  schedules: ScheduleService
  actions: ActionRegistry
  datasets: DatasetPort
  seal: Seal
  editing: JobEditing
}) {
  const { prisma, artifacts, schedules, seal, editing } = deps
  const parse = workParser(deps)
  const { requireJob, change, parseEdit, applied } = editing

  /** The artifact that a job is put on: one that the viewer may change. */
  async function requireArtifact(viewer: SignedIn, id: string): Promise<string> {
    const artifact = await artifacts.find(viewer, { id })
    if (!artifact) throw noSuchArtifact()
    if (!mayEditArtifact(viewer, artifact)) throw notAnEditor()
    return artifact.id
  }

  return {
    /** `newStack`: makes the stack whose steps are the job's, in the same transaction. */
    async create(
      viewer: Viewer,
      input: CreateJobInput & Parts & { artifactId?: string | null | undefined },
      surface: Surface = 'GRAPHQL',
      newStack: MakeStack | null = null,
    ): Promise<Job> {
      const owner = requireScope(viewer, 'jobs:write')
      const spec = validate(createJobSpec, input)
      requireOneSchedule(input)
      const given = input.schedule ? schedules.parse(input.schedule) : null
      const { scheduleId } = input
      const trigger = triggerOf(given !== null || scheduleId !== undefined, spec.eventType ?? null)
      const artifactId = input.artifactId ? await requireArtifact(owner, input.artifactId) : null
      const subject = { ownerId: owner.principalId, artifactId }
      const datasets = await parseDatasets(deps.datasets, subject, input.datasets ?? [])
      requireScopes(viewer, datasets)
      const aliases = aliasesOf(datasets)
      const { type = null, data = null } = spec
      const said =
        type === null
          ? (newStack ?? (await parse(viewer, input, { ...subject, datasets: aliases })))
          : { steps: [firstStep(deps.actions, viewer, { type, data: data ?? {} })] }
      const defaults = defaultsOf(surface)
      const { name, description, notes, eventType, startOn, endOn, source, sourceId, tags } = spec
      const usual = schedules.defaultTimezone

      return prisma.$transaction(async (tx) => {
        if (artifactId && !(await holdArtifact(tx, artifactId))) throw noSuchArtifact()
        if (artifactId && !(await mayHaveJobsOn(tx, artifactId, owner.principalId))) throw notAnEditor()
        const work = typeof said === 'function' ? { stack: await said(tx) } : said
        const now = await databaseNow(tx)
        const window = {
          anchor: now,
          startOn: startOn ?? null,
          endOn: endOn ?? null,
          dstGap: spec.dstGap ?? defaults.dstGap,
        }
        requireWindow(window)
        const shared = scheduleId === undefined ? null : await holdSchedule(tx, scheduleId)
        const recurrence = shared ? recurrenceOf(shared) : given
        const spread = spec.spread ?? defaults.spread
        requireSpread(spread, recurrence)
        const nextRunAt = recurrence && firstSlot(surface, recurrence, window, now)
        const enabled = (spec.enabled ?? true) && (nextRunAt !== null || !recurrence)
        const jobId = newId()
        const row: Prisma.JobCreateInput = {
          id: jobId,
          surface,
          name: name || null,
          description: description || null,
          notes: notes || null,
          slug: surface === 'INFORMER' ? await freeSlug(tx, owner.principalId, slugOfName(name ?? '')) : null,
          ...(type !== null && { type, data: (data ?? {}) as Prisma.InputJsonObject }),
          source: source ?? null,
          sourceId: sourceId ?? null,
          endOfLife: endOfLifeOf(surface, recurrence),
          timezone: timezoneOf(surface, recurrence, { given: spec.timezone, before: null, usual }),
          owner: { connect: { id: owner.principalId } },
          createdBy: { connect: { id: owner.principalId } },
          ...(artifactId && { artifact: { connect: { id: artifactId } } }),
          ...(shared && { schedule: { connect: { id: shared.id } } }),
          ...(given && {
            schedule: {
              create: newSchedule(surface, owner.principalId, {
                recurrence: given,
                text: input.schedule?.every?.text,
              }),
            },
          }),
          trigger,
          eventType: eventType ?? null,
          enabled,
          ...window,
          nextRunAt: enabled ? nextRunAt : null,
          ...defaults,
          ...policiesOf(spec, defaults),
          retrySlotsOnly: retriesSlotsOnly(surface),
          spreadOffsetMs: spreadOffsetMs(jobId, spread),
          ...(await newWork(tx, work)),
          signingSecret: { create: { current: seal.seal(newSigningSecret()) } },
        }
        const job = await tx.job.create({ data: row }).catch(throwTaken)
        if (tags) await setTags(tx, jobId, tags)
        await setDatasets(tx, jobId, datasets)
        await tellJobs(sqlIn(tx), [jobId])
        return job
      })
    },

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
