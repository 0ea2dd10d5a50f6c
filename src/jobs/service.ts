/** Jobs: when × what. Every change of a schedule leaves the job with its next slot, or with none, in the same transaction. */
import type { ActionRegistry } from '../actions/registry.ts'
import { newSigningSecret } from '../actions/signature.ts'
import { withoutSecrets } from '../actions/steps.ts'
import { noSuchArtifact } from '../artifacts/rights.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import type {
  Action,
  Job,
  JobTrigger,
  Prisma,
  PrismaClient,
  RunStatus,
  Schedule,
  Surface,
} from '../db/generated/prisma/client.ts'
import { type ListOrder, listById } from '../db/keyset.ts'
import { mayEditArtifact, mayManage, requireScope, requireSignedIn } from '../identity/permissions.ts'
import type { SignedIn, Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import type { Connection, PageArgs } from '../kernel/pages.ts'
import type { Seal } from '../kernel/seal.ts'
import { validate } from '../kernel/validate.ts'
import { nextSlots, type Recurrence } from '../schedules/recurrence.ts'
import type { ScheduleService } from '../schedules/service.ts'
import type { ScheduleInput } from '../schedules/spec.ts'
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
  requireWindow,
  skipUnfired,
  tellJobsChanged,
} from './change.ts'
import { type JobRights, noSuchJob } from './rights.ts'
import { type ShareoutAction, shareoutConfigOf } from './shareout-actions.ts'
import { createSigningSecrets } from './signing-secrets.ts'
import {
  type CreateJobInput,
  createJobSpec,
  jobListSpec,
  policiesOf,
  type UpdateJobInput,
  updateJobSpec,
} from './spec.ts'
import { defaultsOf, flawOfShape, retriesSlotsOnly } from './surface.ts'
import { changesWork, newWork, replaceWork, type WorkInput, workParser } from './work.ts'

export type JobService = ReturnType<typeof createJobService>

export type JobFilter = {
  search?: string | null | undefined
  surface?: Surface | null | undefined
  enabled?: boolean | null | undefined
  artifactId?: string | null | undefined
  ownerHandle?: string | null | undefined
  lastStatus?: RunStatus | null | undefined
}

/** Surfaces whose jobs are paused when their receiver is gone for good. */
const RETIRING = new Set<Surface>(['GRAPHQL', 'SHAREOUT'])

/** `Job.upcoming` shows no more. */
const UPCOMING_LIMIT = 100

const notAnEditor = () => new ForbiddenError('only the owner and the editors of an artifact may put jobs on it')

export function createJobService(deps: {
  prisma: PrismaClient
  artifacts: ArtifactService
  schedules: ScheduleService
  actions: ActionRegistry
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
   * A job that the viewer may change.
   * @throws ConflictError OF_STACK for the hidden job of a stack: whoever sees it in a run is told where to change it
   */
  async function requireJob(viewer: Viewer, id: string): Promise<Job> {
    requireScope(viewer, 'jobs:write')
    const job = await prisma.job.findFirst({ where: { id, deletedAt: null } })
    if (!job) throw noSuchJob()
    await rights.requireChange(viewer, job)
    if (job.hidden) throw new ConflictError('it belongs to a stack: change that', 'OF_STACK')
    return job
  }

  /** Changes a job under its row lock. `change` gets it as it is then. */
  async function update(viewer: Viewer, jobId: string, change: Change, version?: number | null): Promise<Job> {
    await requireJob(viewer, jobId)
    return changeJob(prisma, jobId, change, version)
  }

  return {
    ...createSigningSecrets({ prisma, seal, rights, update }),

    async create(
      viewer: Viewer,
      input: CreateJobInput &
        WorkInput & { artifactId?: string | null | undefined; schedule?: ScheduleInput | null | undefined },
      surface: Surface = 'GRAPHQL',
    ): Promise<Job> {
      const owner = requireScope(viewer, 'jobs:write')
      const spec = validate(createJobSpec, input)
      const recurrence = input.schedule ? schedules.parse(input.schedule) : null
      const trigger = triggerOf(recurrence !== null, spec.eventType ?? null)
      const artifactId = input.artifactId ? await requireArtifact(owner, input.artifactId) : null
      const work = await parse(viewer, input, { ownerId: owner.principalId, artifactId })
      const enabled = spec.enabled ?? true
      const defaults = defaultsOf(surface)
      const { name, description, notes, eventType, startOn, endOn } = spec

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
            owner: { connect: { id: owner.principalId } },
            createdBy: { connect: { id: owner.principalId } },
            ...(artifactId && { artifact: { connect: { id: artifactId } } }),
            ...(recurrence && {
              schedule: { create: { id: newId(), ownerId: owner.principalId, ...storedOf(recurrence) } },
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
      {
        jobId,
        enabled,
        ...input
      }: UpdateJobInput &
        WorkInput & { jobId: string; schedule?: ScheduleInput | null | undefined; enabled?: boolean | undefined },
    ): Promise<Job> {
      requireScope(viewer, 'jobs:write')
      const spec = validate(updateJobSpec, input)
      const recurrence = input.schedule ? schedules.parse(input.schedule) : null
      const before = await requireJob(viewer, jobId)
      const { artifactId, stackId } = before
      // What a job does it does with the rights of its owner: whoever else says what that is, owns it from then on.
      const ownerId = mayManage(viewer, before) ? before.ownerId : requireSignedIn(viewer).principalId
      const work = changesWork(input, stackId) ? await parse(viewer, input, { ownerId, artifactId }) : null
      const { name, description, notes, startOn, endOn, dstGap } = spec
      const defaults = defaultsOf(before.surface)

      return update(
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
          const flaw = flawOfShape(job.surface, { ...window, recurrence: next, eventType, steps })
          if (flaw) throw new ConflictError(`a job of ${job.surface} ${flaw}`, 'SURFACE')
          const nextRunAt = next && rescheduled ? firstSlot(next, window, job.now) : null
          if (rescheduled) await skipUnfired(tx, job, 'MISFIRE')
          if (recurrence && job.scheduleId) {
            await tx.schedule.update({ where: { id: job.scheduleId }, data: storedOf(recurrence) })
          }
          return {
            ...(name !== undefined && { name: name || null }),
            ...(description !== undefined && { description: description || null }),
            ...(notes !== undefined && { notes: notes || null }),
            ...(recurrence &&
              !job.scheduleId && {
                schedule: { create: { id: newId(), ownerId: job.ownerId, ...storedOf(recurrence) } },
              }),
            ...(input.schedule === null && { schedule: { disconnect: true } }),
            trigger,
            eventType,
            ...window,
            ...(rescheduled && { nextRunAt: job.enabled ? nextRunAt : null }),
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
    pause: (viewer: Viewer, jobId: string): Promise<Job> => update(viewer, jobId, pause()),

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
      update(viewer, jobId, (tx, job) => resumed(tx, job, job.schedule && recurrenceOf(job.schedule))),

    /** It is gone from every list; what waits is skipped, what runs finishes, and its runs can still be read. */
    remove: (viewer: Viewer, jobId: string): Promise<Job> => update(viewer, jobId, remove),

    async find(viewer: Viewer, id: string): Promise<Job | null> {
      const job = await prisma.job.findFirst({ where: { id, deletedAt: null } })
      return job ? ((await rights.readable(viewer, [job]))[0] ?? null) : null
    },

    /** In the order of the ids, deleted ones too; null where there is none that the viewer may read. */
    async byIds(viewer: Viewer, ids: readonly string[]): Promise<(Job | null)[]> {
      const found = await prisma.job.findMany({ where: { id: { in: [...ids] } } })
      const byId = new Map((await rights.readable(viewer, found)).map((job) => [job.id, job]))
      return ids.map((id) => byId.get(id) ?? null)
    },

    async list(
      viewer: Viewer,
      args: PageArgs & { filter?: JobFilter | null | undefined; orderBy?: ListOrder | null | undefined },
    ): Promise<Connection<Job>> {
      const reader = requireScope(viewer, 'jobs:read')
      validate(jobListSpec, args)
      const filter = args.filter ?? {}
      const all = filter.artifactId ? await rights.seesAllOn(viewer, filter.artifactId) : reader.isAdmin
      const where = whereOf(all ? null : reader, filter)
      return listById(args, {
        rows: (query) => prisma.job.findMany({ ...query, where: { AND: [where, query.where] } }),
        count: () => prisma.job.count({ where }),
      })
    },

    /** The steps of each job, in order: its own, or those of its stack; as the viewer may see them. */
    async actionsOf(viewer: Viewer, jobs: readonly Pick<Job, 'id' | 'stackId'>[]): Promise<Action[][]> {
      const sources = [...new Set(jobs.map(({ id, stackId }) => stackId ?? id))]
      const actions = await prisma.action.findMany({
        where: { OR: [{ jobId: { in: sources } }, { stackId: { in: sources } }] },
        orderBy: { position: 'asc' },
      })
      const bySource = new Map(sources.map((id) => [id, [] as Action[]]))
      for (const action of withoutSecrets(deps.actions, viewer, actions)) {
        bySource.get(action.stackId ?? action.jobId ?? '')?.push(action)
      }
      return jobs.map(({ id, stackId }) => bySource.get(stackId ?? id) ?? [])
    },

    /**
     * The one action of each job that clients of ShareOut know, as it was given to its API; after a change through another,
     * and for tokens that may not see its secrets, as it is stored. Null: they know none like it.
     */
    async shareoutActions(viewer: Viewer, jobs: readonly Job[]): Promise<(ShareoutAction | null)[]> {
      const stored = await prisma.action.findMany({ where: { jobId: { in: jobs.map(({ id }) => id) }, position: 0 } })
      const shown = withoutSecrets(deps.actions, viewer, stored)
      const mayWrite = viewer?.scopes.has('jobs:write')
      const known = shown.map((action, index) => {
        const { given } = (stored[index]?.config ?? {}) as { given?: Record<string, unknown> }
        const inTheirs = shareoutConfigOf(action)
        return inTheirs && given && mayWrite ? { ...inTheirs, config: given } : inTheirs
      })
      const byJob = new Map(stored.map(({ jobId }, index) => [jobId, known[index]]))
      return jobs.map(({ id }) => byJob.get(id) ?? null)
    },

    /** The next slots of a job with this schedule, as far as they can be known; none while it is paused. */
    upcoming(job: Job, schedule: Schedule | null, count: number): Date[] {
      if (count < 1 || count > UPCOMING_LIMIT) throw ValidationError.at('count', `must be from 1 to ${UPCOMING_LIMIT}`)
      if (!job.enabled || !job.nextRunAt || !schedule) return []
      return nextSlots(recurrenceOf(schedule), job, new Date(job.nextRunAt.getTime() - 1), count)
    },

    mayChange: async (viewer: Viewer, job: Job): Promise<boolean> =>
      (await rights.accessTo(viewer, [job]))[0] === 'CHANGE',
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
  return { enabled: true, nextRunAt: nextRunAt ?? next, pausedAt: null, pauseReason: null }
}

/** The steps that a job has of its own; null: it has those of a stack. */
const stepsOf = (tx: Prisma.TransactionClient, { id, stackId }: Job) =>
  stackId ? null : tx.action.findMany({ where: { jobId: id }, orderBy: { position: 'asc' } })

function triggerOf(scheduled: boolean, eventType: string | null): JobTrigger {
  if (scheduled && eventType) throw ValidationError.at('eventType', 'cannot be combined with a schedule')
  return scheduled ? 'SCHEDULE' : eventType ? 'EVENT' : 'MANUAL'
}

/** `reader` null: of whomever. */
function whereOf(reader: SignedIn | null, filter: JobFilter): Prisma.JobWhereInput {
  const { search, surface, enabled, artifactId, ownerHandle, lastStatus } = filter
  // Prisma makes a pattern of it, and leaves what is special in patterns as it is.
  const contains = search ? { contains: search.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const } : null
  return {
    ...{ deletedAt: null, hidden: false },
    ...(reader && { ownerId: reader.principalId }),
    ...(contains && { OR: [{ name: contains }, { description: contains }] }),
    ...(surface && { surface }),
    ...(enabled != null && { enabled }),
    ...(artifactId && { artifactId }),
    ...(ownerHandle && { owner: { handle: { in: [ownerHandle, `team:${ownerHandle}`] } } }),
    ...(lastStatus && { lastStatus }),
  }
}
