/** Edits of jobs: what is to change, checked before, and put on the job under its row lock. */
import type { z } from 'zod'
import type { DatasetPort } from '../actions/ports.ts'
import type { ActionRegistry } from '../actions/registry.ts'
import type { Job, JobTrigger, Prisma, PrismaClient, Surface } from '../db/generated/prisma/client.ts'
import { requireScope, requireSignedIn } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { isOneTime, nextSlots, type Recurrence } from '../schedules/recurrence.ts'
import type { ScheduleService } from '../schedules/service.ts'
import { requireWindow, type ScheduleInput } from '../schedules/spec.ts'
import { spreadOffsetMs } from '../schedules/spread.ts'
import { recurrenceOf, storedOf } from '../schedules/stored.ts'
import { holdSchedule } from '../schedules/use.ts'
import { stepsIn } from '../stacks/use.ts'
import {
  type Change,
  changeJob,
  firstSlot,
  holdArtifact,
  type LockedJob,
  mayHaveJobsOn,
  pause,
  requireSpread,
  skipUnfired,
} from './change.ts'
import {
  aliasesOf,
  type JobDatasetInput,
  type JobDatasetRow,
  parseDatasets,
  requireScopes,
  setDatasets,
} from './datasets.ts'
import { handedTo } from './handing.ts'
import { type InformerStep, informerStepOf } from './informer-step.ts'
import { type JobRights, LEVEL, type Level } from './rights.ts'
import { policiesOf, type UpdateJobInput, updateJobSpec } from './spec.ts'
import { defaultsOf, endOfLifeOf, flawOfShape, startsAnew, timezoneOf } from './surface.ts'
import { setTags } from './tags.ts'
import { changesWork, firstStep, replaceFirstStep, replaceWork, type Work, type WorkInput, workParser } from './work.ts'

/** What is given beside the settings of a job. `scheduleId`: of a shared one, in the place of one of its own. */
export type Parts = WorkInput & {
  schedule?: ScheduleInput | null | undefined
  scheduleId?: string | undefined
  datasets?: readonly JobDatasetInput[] | null | undefined
}

/**
 * What a job shares and what is its own exclude each other.
 * @throws ValidationError
 */
export function requireOneSchedule({ schedule, scheduleId }: Pick<Parts, 'schedule' | 'scheduleId'>): void {
  if (schedule && scheduleId !== undefined) throw ValidationError.at('scheduleId', 'not together with schedule')
}

/** A schedule, and its interval as a client wrote it. */
type Planned = { recurrence: Recurrence; text: string | null | undefined }

/** A change of a job, checked. What is absent stays as it is. */
export type Edit = {
  spec: z.output<typeof updateJobSpec>
  enabled: boolean | undefined
  /** Null: it has none any more. */
  schedule: Planned | null | undefined
  /** A shared one. */
  scheduleId: string | undefined
  /** Null: those that it has. */
  datasets: JobDatasetRow[] | null
  /** Null: what it does now. */
  work: Work | null
  /** Its first step in the words of Informer, where the step itself does not say it. */
  said: InformerStep | null
  /** Whose it is with other work. */
  ownerId: string
}

export type JobEditing = ReturnType<typeof createJobEditing>

export function createJobEditing(deps: {
  prisma: PrismaClient
  schedules: ScheduleService
  actions: ActionRegistry
  datasets: DatasetPort
  rights: JobRights
}) {
  const { prisma, schedules, actions, rights } = deps
  const parse = workParser({ actions, findSteps: stepsIn(prisma) })

  /**
   * A job that the viewer may change, or at the given level more.
   * @throws ConflictError OF_STACK for the hidden job of a stack: whoever sees it in a run is told where to change it
   */
  async function requireJob(viewer: Viewer, id: string, level: Level = LEVEL.EDIT): Promise<Job> {
    requireScope(viewer, 'jobs:write')
    const job = await rights.requireJob(viewer, id, level)
    if (job.hidden) throw new ConflictError('it belongs to a stack: change that', 'OF_STACK')
    return job
  }

  /** Changes a job that the viewer may change, under its row lock. `change` gets it as it is then. */
  async function change(viewer: Viewer, jobId: string, change: Change, version?: number | null): Promise<Job> {
    await requireJob(viewer, jobId)
    return changeJob(prisma, jobId, change, version)
  }

  /** What an update says, checked for the job. What a draft will do is checked for the job that it is of. */
  async function parseEdit(
    viewer: Viewer,
    jobId: string,
    { enabled, ...input }: UpdateJobInput & Parts & { enabled?: boolean | undefined },
  ): Promise<Edit> {
    const spec = validate(updateJobSpec, input)
    requireOneSchedule(input)
    const schedule = input.schedule && { recurrence: schedules.parse(input.schedule), text: input.schedule.every?.text }
    const before = await requireJob(viewer, jobId)
    const { artifactId, stackId } = before
    const subject = { ownerId: await actsFor(viewer, before), artifactId }
    const known = await prisma.jobDataset.findMany({ where: { jobId } })
    const datasets =
      input.datasets === undefined ? null : await parseDatasets(deps.datasets, subject, input.datasets ?? [])
    requireScopes(viewer, datasets ?? [])
    const aliases = aliasesOf(datasets ?? known)
    const work = changesWork(input, stackId) ? await parse(viewer, input, { ...subject, datasets: aliases }) : null
    const { scheduleId } = input
    return { spec, enabled, schedule, scheduleId, datasets, work, said: null, ownerId: subject.ownerId }
  }

  /** Whose job it is once the viewer says what it does: that is done with the rights of its owner. */
  async function actsFor(viewer: Viewer, job: Job): Promise<string> {
    const real = job.draftOfId ? await requireJob(viewer, job.draftOfId) : job
    const { asOwner } = await rights.require(viewer, real, LEVEL.EDIT)
    return asOwner ? real.ownerId : requireSignedIn(viewer).principalId
  }

  /**
   * Whose rights the job has, for a viewer who may say what it does in their name.
   * @throws ForbiddenError to those who would have to take it over, as only a change of all that it does lets them
   */
  async function requireTrust(viewer: Viewer, job: Job): Promise<string> {
    const ownerId = await actsFor(viewer, job)
    if (job.draftOfId || ownerId === job.ownerId) return ownerId
    throw new ForbiddenError('only its owner, and those it is shared with, may change a part of what it does')
  }

  /** The change that an edit comes to. */
  const applied =
    (viewer: Viewer, { spec, enabled, schedule, scheduleId, datasets, work, said: toldAs, ownerId }: Edit): Change =>
    async (tx, job) => {
      const { name, description, notes, source, sourceId, tags, startOn, endOn, dstGap } = spec
      const defaults = defaultsOf(job.surface)
      const usual = schedules.defaultTimezone
      const shared =
        scheduleId === undefined || scheduleId === job.scheduleId ? null : await holdSchedule(tx, scheduleId)
      const kept = schedule === undefined && job.schedule ? recurrenceOf(job.schedule) : null
      const next = shared ? recurrenceOf(shared) : (schedule?.recurrence ?? kept)
      const eventType = spec.eventType === undefined ? job.eventType : spec.eventType
      const trigger = triggerOf(next !== null, eventType)
      const rescheduled = shared !== null || [schedule, startOn, endOn, dstGap].some((field) => field !== undefined)
      const isAnew = rescheduled && startsAnew(job.surface)
      const window = {
        anchor: isAnew ? job.now : job.anchor,
        startOn: startOn === undefined ? job.startOn : startOn,
        endOn: endOn === undefined ? job.endOn : endOn,
        dstGap: dstGap === undefined ? job.dstGap : (dstGap ?? defaults.dstGap),
      }
      if (rescheduled) requireWindow(window)
      const spread = spec.spread === undefined ? job.spread : (spec.spread ?? defaults.spread)
      requireSpread(spread, next)
      const steps = work ? ('steps' in work ? work.steps : null) : await stepsOf(tx, job)
      const named = name === undefined ? job.name : name || null
      const { now } = job
      const flaw = flawOfShape(job.surface, { ...window, name: named, recurrence: next, eventType, steps, now })
      if (flaw) throw new ConflictError(`a job of ${job.surface} ${flaw}`, 'SURFACE')
      const shown = work && steps?.[0] && job.surface === 'INFORMER' ? informerStepOf(steps[0]) : typedBy(spec, job)
      const said = toldAs ?? shown
      const step = said && !work ? firstStep(deps.actions, viewer, said) : null
      const changesHands = (work || step || datasets) && ownerId !== job.ownerId && !job.draftOfId
      const nextRunAt = next && rescheduled ? firstSlot(job.surface, next, window, job.now) : null
      const fires = job.enabled && !job.heldAt && !job.draftOfId
      if (rescheduled) await skipUnfired(tx, job, 'MISFIRE')
      if (tags !== undefined) await setTags(tx, job.id, tags ?? [])
      if (datasets) await setDatasets(tx, job.id, datasets)
      if (step) await replaceFirstStep(tx, job.id, step)
      const own = job.schedule?.shared ? null : job.scheduleId
      if (schedule && own) await tx.schedule.update({ where: { id: own }, data: storedWith(schedule) })
      return {
        name: named,
        ...(description !== undefined && { description: description || null }),
        ...(notes !== undefined && { notes: notes || null }),
        ...(source !== undefined && { source }),
        ...(sourceId !== undefined && { sourceId }),
        ...(said && { type: said.type, data: said.data as Prisma.InputJsonObject }),
        ...(schedule && !own && { schedule: { create: newSchedule(job.surface, job.ownerId, schedule) } }),
        ...(shared && { schedule: { connect: { id: shared.id } } }),
        ...(schedule === null && { schedule: { disconnect: true } }),
        trigger,
        eventType,
        ...window,
        endOfLife: endOfLifeOf(job.surface, next),
        timezone: timezoneOf(job.surface, next, { given: spec.timezone, before: job.timezone, usual }),
        ...(rescheduled && { nextRunAt: fires ? nextRunAt : null }),
        ...(isAnew && nextRunAt === null && { enabled: false }),
        ...policiesOf(spec, defaults),
        spreadOffsetMs: spreadOffsetMs(job.id, spread),
        ...(enabled === false && (await pause()(tx, job))),
        ...(enabled === true && (await resumed(tx, { ...job, ...window }, next, nextRunAt))),
        ...(work && (await replaceWork(tx, job.id, work))),
        ...(changesHands && (await handedTo(tx, job, ownerId))),
      }
    }

  return {
    requireJob,
    change,
    parseEdit,
    actsFor,
    requireTrust,
    applied,
  }
}

/** A job that would end at once, were it to go on. */
export const ended = (recurrence: Recurrence | null) =>
  new ConflictError(
    recurrence && isOneTime(recurrence)
      ? 'its one time is past: give it another'
      : 'its schedule has no slots any more: give it another',
    'ENDED',
  )

/** What makes a paused job go on with the first slot after now, which is `nextRunAt` if that is known; null: it is not paused. */
export async function resumed(
  tx: Prisma.TransactionClient,
  job: LockedJob,
  recurrence: Recurrence | null,
  nextRunAt?: Date | null,
): Promise<Prisma.JobUpdateInput | null> {
  if (job.enabled) return null
  if (job.draftOfId) return { enabled: true }
  if (job.artifactId && !(await holdArtifact(tx, job.artifactId))) {
    throw new ConflictError('its artifact is deleted: restore that first')
  }
  if (job.artifactId && !(await mayHaveJobsOn(tx, job.artifactId, job.ownerId))) {
    throw new ForbiddenError('its owner is no longer an editor of its artifact')
  }
  const anchor = startsAnew(job.surface) ? job.now : job.anchor
  const [next = null] = recurrence ? nextSlots(recurrence, { ...job, anchor }, job.now, 1) : []
  if (startsAnew(job.surface) && !next) return null
  if (recurrence && !next && job.endOfLife !== 'KEEP') throw ended(recurrence)
  const fires = !job.heldAt
  return { enabled: true, anchor, nextRunAt: fires ? (nextRunAt ?? next) : null, pausedAt: null, pauseReason: null }
}

/** The steps that a job has of its own; null: it has those of a stack. */
const stepsOf = (tx: Prisma.TransactionClient, { id, stackId }: Job) =>
  stackId ? null : tx.action.findMany({ where: { jobId: id }, orderBy: { position: 'asc' } })

const typed = (type: string, data: unknown) => ({ type, data: (data ?? {}) as Record<string, unknown> })

/** What an update says of the first step in the words of Informer; null: nothing. */
const typedBy = ({ type, data }: { type?: string | undefined; data?: unknown }, job: Job) =>
  type === undefined && data === undefined ? null : typed(type ?? job.type ?? '', data === undefined ? job.data : data)

const storedWith = ({ recurrence, text }: Planned) => ({ ...storedOf(recurrence), text: text ?? null })

/** One of its own. Clients of some surfaces look schedules up by themselves, so theirs are there for everybody. */
export const newSchedule = (surface: Surface, ownerId: string, planned: Planned) => ({
  ...{ id: newId(), ownerId, shared: surface === 'KRAGLE', ...storedWith(planned) },
})

export function triggerOf(scheduled: boolean, eventType: string | null): JobTrigger {
  if (scheduled && eventType) throw ValidationError.at('eventType', 'cannot be combined with a schedule')
  return scheduled ? 'SCHEDULE' : eventType ? 'EVENT' : 'MANUAL'
}
