/** Making and changing jobs. Every change of a schedule leaves the job with its next slot, or with none, in the same transaction. */
import type { DatasetPort } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import { newSigningSecret } from '../actions/signature.ts'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import type { Job, JobTrigger, Prisma, PrismaClient, Surface } from '../db/generated/prisma/client.ts'
import { mayEditArtifact, requireScope, requireSignedIn } from '../identity/permissions.ts'
import type { SignedIn, Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import type { Seal } from '../kernel/seal.ts'
import { validate } from '../kernel/validate.ts'
import { nextSlots, type Recurrence } from '../schedules/recurrence.ts'
import type { ScheduleService } from '../schedules/service.ts'
import { requireWindow, type ScheduleInput } from '../schedules/spec.ts'
import { spreadOffsetMs } from '../schedules/spread.ts'
import { recurrenceOf, storedOf } from '../schedules/stored.ts'
import {
  type Change,
  changeJob,
  databaseNow,
  firstSlot,
  holdArtifact,
  type LockedJob,
  mayHaveJobsOn,
  pause,
  remove,
  requireSpread,
  skipUnfired,
  tellJobsChanged,
} from './change.ts'
import { aliasesOf, type JobDatasetInput, parseDatasets, requireScopes, setDatasets } from './datasets.ts'
import { informerStepOf } from './informer-step.ts'
import { type JobRights, LEVEL, type Level, noSuchJob } from './rights.ts'
import { freeSlug, slugOfName } from './slug.ts'
import { type CreateJobInput, createJobSpec, policiesOf, type UpdateJobInput, updateJobSpec } from './spec.ts'
import { defaultsOf, endOfLifeOf, flawOfShape, retriesSlotsOnly, timezoneOf } from './surface.ts'
import { setTags } from './tags.ts'
import { changesWork, firstStep, newWork, replaceFirstStep, replaceWork, type WorkInput, workParser } from './work.ts'

/** What is given beside the settings of a job. */
type Parts = WorkInput & {
  schedule?: ScheduleInput | null | undefined
  datasets?: readonly JobDatasetInput[] | null | undefined
}

/** Surfaces whose jobs are paused when their receiver is gone for good. */
const RETIRING = new Set<Surface>(['GRAPHQL', 'SHAREOUT'])

const notAnEditor = () => new ForbiddenError('only the owner and the editors of an artifact may put jobs on it')

export function createJobWriting(deps: {
  prisma: PrismaClient
  artifacts: ArtifactService
  schedules: ScheduleService
  actions: ActionRegistry
  datasets: DatasetPort
  seal: Seal
  rights: JobRights
}) {
  const { prisma, artifacts, schedules, seal, rights } = deps
  const parse = workParser(deps)

  /** The artifact that a job is put on: one that the viewer may change. */
  async function requireArtifact(viewer: SignedIn, id: string): Promise<string> {
    const artifact = await artifacts.find(viewer, { id })
    if (!artifact) throw noSuchArtifact()
    if (!mayEditArtifact(viewer, artifact)) throw notAnEditor()
    return artifact.id
  }

  /**
   * A job that the viewer may change, or at the given level more.
   * @throws ConflictError OF_STACK for the hidden job of a stack: whoever sees it in a run is told where to change it
   */
  async function requireJob(viewer: Viewer, id: string, level: Level = LEVEL.EDIT): Promise<Job> {
    requireScope(viewer, 'jobs:write')
    const job = await prisma.job.findFirst({ where: { id, deletedAt: null } })
    if (!job) throw noSuchJob()
    await rights.require(viewer, job, level)
    if (job.hidden) throw new ConflictError('it belongs to a stack: change that', 'OF_STACK')
    return job
  }

  /** Changes a job under its row lock. `change` gets it as it is then. */
  async function change(viewer: Viewer, jobId: string, change: Change, version?: number | null): Promise<Job> {
    await requireJob(viewer, jobId)
    return changeJob(prisma, jobId, change, version)
  }

  return {
    /** A job that the viewer may change. */
    requireJob,

    /** Changes a job that the viewer may change, under its row lock. */
    change,

    async create(
      viewer: Viewer,
      input: CreateJobInput & Parts & { artifactId?: string | null | undefined },
      surface: Surface = 'GRAPHQL',
    ): Promise<Job> {
      const owner = requireScope(viewer, 'jobs:write')
      const spec = validate(createJobSpec, input)
      const recurrence = input.schedule ? schedules.parse(input.schedule) : null
      const trigger = triggerOf(recurrence !== null, spec.eventType ?? null)
      const artifactId = input.artifactId ? await requireArtifact(owner, input.artifactId) : null
      const subject = { ownerId: owner.principalId, artifactId }
      const datasets = await parseDatasets(deps.datasets, subject, input.datasets ?? [])
      requireScopes(viewer, datasets)
      const aliases = aliasesOf(datasets)
      const { type = null, data = null } = spec
      const work =
        type === null
          ? await parse(viewer, input, { ...subject, datasets: aliases })
          : { steps: [firstStep(deps.actions, viewer, { type, data: data ?? {} })] }
      const enabled = spec.enabled ?? true
      const defaults = defaultsOf(surface)
      const { name, description, notes, eventType, startOn, endOn, source, sourceId, tags } = spec
      const usual = schedules.defaultTimezone

      return prisma.$transaction(async (tx) => {
        if (artifactId && !(await holdArtifact(tx, artifactId))) throw noSuchArtifact()
        if (artifactId && !(await mayHaveJobsOn(tx, artifactId, owner.principalId))) throw notAnEditor()
        const now = await databaseNow(tx)
        const window = {
          anchor: now,
          startOn: startOn ?? null,
          endOn: endOn ?? null,
          dstGap: spec.dstGap ?? defaults.dstGap,
        }
        requireWindow(window)
        const spread = spec.spread ?? defaults.spread
        requireSpread(spread, recurrence)
        const nextRunAt = recurrence && firstSlot(recurrence, window, now)
        const jobId = newId()
        const job = await tx.job.create({
          data: {
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
            ...(recurrence && {
              schedule: {
                create: { id: newId(), ownerId: owner.principalId, ...storedWith(recurrence, input.schedule) },
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
          },
        })
        if (tags) await setTags(tx, jobId, tags)
        await setDatasets(tx, jobId, datasets)
        await tellJobsChanged(tx)
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
      { jobId, enabled, ...input }: UpdateJobInput & Parts & { jobId: string; enabled?: boolean | undefined },
    ): Promise<Job> {
      requireScope(viewer, 'jobs:write')
      const spec = validate(updateJobSpec, input)
      const recurrence = input.schedule ? schedules.parse(input.schedule) : null
      const before = await requireJob(viewer, jobId)
      const { artifactId, stackId } = before
      const { asOwner } = await rights.require(viewer, before, LEVEL.EDIT)
      // What a job does it does with the rights of its owner: whoever else says what that is, owns it from then on.
      const ownerId = asOwner ? before.ownerId : requireSignedIn(viewer).principalId
      const subject = { ownerId, artifactId }
      const known = await prisma.jobDataset.findMany({ where: { jobId } })
      const datasets =
        input.datasets === undefined ? null : await parseDatasets(deps.datasets, subject, input.datasets ?? [])
      requireScopes(viewer, datasets ?? [])
      const aliases = aliasesOf(datasets ?? known)
      const work = changesWork(input, stackId) ? await parse(viewer, input, { ...subject, datasets: aliases }) : null
      const { name, description, notes, source, sourceId, tags, startOn, endOn, dstGap } = spec
      const defaults = defaultsOf(before.surface)
      const usual = schedules.defaultTimezone

      return change(
        viewer,
        jobId,
        async (tx, job) => {
          const kept = input.schedule === undefined && job.schedule ? recurrenceOf(job.schedule) : null
          const next = recurrence ?? kept
          const eventType = spec.eventType === undefined ? job.eventType : spec.eventType
          const trigger = triggerOf(next !== null, eventType)
          const rescheduled = [input.schedule, startOn, endOn, dstGap].some((field) => field !== undefined)
          const window = {
            anchor: job.anchor,
            startOn: startOn === undefined ? job.startOn : startOn,
            endOn: endOn === undefined ? job.endOn : endOn,
            dstGap: dstGap === undefined ? job.dstGap : (dstGap ?? defaults.dstGap),
          }
          if (rescheduled) requireWindow(window)
          const spread = spec.spread === undefined ? job.spread : (spec.spread ?? defaults.spread)
          requireSpread(spread, next)
          const steps = work ? ('steps' in work ? work.steps : null) : await stepsOf(tx, job)
          const named = name === undefined ? job.name : name || null
          const flaw = flawOfShape(job.surface, { ...window, name: named, recurrence: next, eventType, steps })
          if (flaw) throw new ConflictError(`a job of ${job.surface} ${flaw}`, 'SURFACE')
          const said = work && steps?.[0] && job.surface === 'INFORMER' ? informerStepOf(steps[0]) : typedBy(spec, job)
          const step = said && !work ? firstStep(deps.actions, viewer, said) : null
          const nextRunAt = next && rescheduled ? firstSlot(next, window, job.now) : null
          const fires = job.enabled && !job.heldAt && !job.draftOfId
          if (rescheduled) await skipUnfired(tx, job, 'MISFIRE')
          if (tags !== undefined) await setTags(tx, jobId, tags ?? [])
          if (datasets) await setDatasets(tx, jobId, datasets)
          if (step) await replaceFirstStep(tx, jobId, step)
          if (recurrence && job.scheduleId) {
            await tx.schedule.update({ where: { id: job.scheduleId }, data: storedWith(recurrence, input.schedule) })
          }
          return {
            name: named,
            ...(description !== undefined && { description: description || null }),
            ...(notes !== undefined && { notes: notes || null }),
            ...(source !== undefined && { source }),
            ...(sourceId !== undefined && { sourceId }),
            ...(said && { type: said.type, data: said.data as Prisma.InputJsonObject }),
            ...(recurrence &&
              !job.scheduleId && {
                schedule: { create: { id: newId(), ownerId: job.ownerId, ...storedWith(recurrence, input.schedule) } },
              }),
            ...(input.schedule === null && { schedule: { disconnect: true } }),
            trigger,
            eventType,
            ...window,
            endOfLife: endOfLifeOf(job.surface, next),
            timezone: timezoneOf(job.surface, next, { given: spec.timezone, before: job.timezone, usual }),
            ...(rescheduled && { nextRunAt: fires ? nextRunAt : null }),
            ...policiesOf(spec, defaults),
            spreadOffsetMs: spreadOffsetMs(jobId, spread),
            ...(enabled === false && (await pause()(tx, job))),
            ...(enabled === true && (await resumed(tx, { ...job, ...window }, next, nextRunAt))),
            ...(work && (await replaceWork(tx, jobId, work))),
            ...(work && ownerId !== before.ownerId && { owner: { connect: { id: ownerId } } }),
          }
        },
        spec.version,
      )
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

    /** Goes on with the first slot after now: what fell into the pause is not made up for. */
    resume: (viewer: Viewer, jobId: string): Promise<Job> =>
      change(viewer, jobId, (tx, job) => resumed(tx, job, job.schedule && recurrenceOf(job.schedule))),

    /** It is gone from every list; what waits is skipped, what runs finishes, and its runs can still be read. */
    async remove(viewer: Viewer, jobId: string): Promise<Job> {
      await requireJob(viewer, jobId, LEVEL.OWN)
      return changeJob(prisma, jobId, remove)
    },
  }
}

/** What makes a paused job go on with the first slot after now, which is `nextRunAt` if that is known; null: it is not paused. */
async function resumed(
  tx: Prisma.TransactionClient,
  job: LockedJob,
  recurrence: Recurrence | null,
  nextRunAt?: Date | null,
): Promise<Prisma.JobUpdateInput | null> {
  if (job.enabled) return null
  if (job.artifactId && !(await holdArtifact(tx, job.artifactId))) {
    throw new ConflictError('its artifact is deleted: restore that first')
  }
  if (job.artifactId && !(await mayHaveJobsOn(tx, job.artifactId, job.ownerId))) {
    throw new ForbiddenError('its owner is no longer an editor of its artifact')
  }
  const [next = null] = recurrence ? nextSlots(recurrence, job, job.now, 1) : []
  if (recurrence?.kind === 'ONCE' && !next && job.endOfLife !== 'KEEP') {
    throw new ConflictError('its one time is past: give it another', 'ENDED')
  }
  const fires = !job.heldAt && !job.draftOfId
  return { enabled: true, nextRunAt: fires ? (nextRunAt ?? next) : null, pausedAt: null, pauseReason: null }
}

/** The steps that a job has of its own; null: it has those of a stack. */
const stepsOf = (tx: Prisma.TransactionClient, { id, stackId }: Job) =>
  stackId ? null : tx.action.findMany({ where: { jobId: id }, orderBy: { position: 'asc' } })

const typed = (type: string, data: unknown) => ({ type, data: (data ?? {}) as Record<string, unknown> })

/** What an update says of the first step in the words of Informer; null: nothing. */
const typedBy = ({ type, data }: { type?: string | undefined; data?: unknown }, job: Job) =>
  type === undefined && data === undefined ? null : typed(type ?? job.type ?? '', data === undefined ? job.data : data)

const storedWith = (recurrence: Recurrence, input: ScheduleInput | null | undefined) => ({
  ...storedOf(recurrence),
  text: input?.every?.text ?? null,
})

function triggerOf(scheduled: boolean, eventType: string | null): JobTrigger {
  if (scheduled && eventType) throw ValidationError.at('eventType', 'cannot be combined with a schedule')
  return scheduled ? 'SCHEDULE' : eventType ? 'EVENT' : 'MANUAL'
}
