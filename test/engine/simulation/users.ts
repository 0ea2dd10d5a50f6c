/**
 * What users do, through the product's own services: run, emit, pause, resume, reschedule, release, delete, now or later. Their statements
 * take part in the same time as those of the nodes. What a committed change means for a job is written down here.
 */
import { type Calendar, recurrenceOf } from './calendar.ts'
import { OWNER_ID } from './database.ts'
import { EVENT_TYPES, type Job, type Moment } from './jobs.ts'
import { CANCEL_GRACE_SECONDS } from './node.ts'
import type { Observer } from './observer.ts'
import { createPool } from './pool.ts'
import { createPrisma } from './prisma.ts'
import {
  createEventService,
  createJobRights,
  createJobRows,
  createJobService,
  createLogReader,
  createRunService,
  createScheduleService,
  type Recurrence,
  type SignedIn,
  sqlOn,
  startNothing,
} from './product.ts'
import { newProcess } from './timeline.ts'
import type { World } from './world.ts'

const settings = { cancelGraceSeconds: CANCEL_GRACE_SECONDS }

const OWNER: SignedIn = {
  ...{ principalId: OWNER_ID, handle: 'owner', isAdmin: false, tokenId: OWNER_ID, email: null },
  roles: new Map(),
  teams: new Map(),
  scopes: new Set(['jobs:read', 'jobs:write', 'jobs:run']),
}

const ADMIN: SignedIn = { ...OWNER, isAdmin: true, scopes: new Set([...OWNER.scopes, 'admin']) }

/** An event as it was emitted, in virtual time. */
export type Emitted = { id: string; type: string; at: number }

export type Users = ReturnType<typeof createUsers>

export function createUsers(world: World, calendar: Calendar, jobs: Job[], observer: Observer, horizon: number) {
  const { timeline } = world
  const random = world.random.stream('users')
  const process = newProcess('user')
  const emitted: Emitted[] = []
  /** Cancelled runs, and when. */
  const cancelled = new Map<string, number>()
  let open = 0

  type Services = ReturnType<typeof services>
  function services(hooks: { onExecute: (at: Date) => void; onCommit: () => void }) {
    const { pool } = createPool(world, process, { actor: 'user', isReliable: true, ...hooks })
    const prisma = createPrisma(pool) as unknown as Parameters<typeof createJobService>[0]['prisma']
    const schedules = createScheduleService({ prisma, defaultTimezone: 'UTC', now: world.databaseNow })
    const rights = createJobRights({ prisma, readJobs: createJobRows(pool) })
    const jobs = createJobService({ prisma, pool, schedules, settings, rights } as unknown as Parameters<
      typeof createJobService
    >[0])
    return {
      jobs,
      runs: createRunService({
        prisma,
        pool,
        jobs,
        rights,
        settings,
        startHere: startNothing,
        reader: createLogReader(sqlOn(pool)),
      } as unknown as Parameters<typeof createRunService>[0]),
      events: createEventService({ prisma } as unknown as Parameters<typeof createEventService>[0]),
    }
  }

  /** Does something, and calls `onCommit` with the time that it saw while it held what it changed. */
  async function act(
    what: string,
    deed: (services: Services) => Promise<unknown>,
    onCommit: (seen: Moment) => void = () => {},
  ) {
    const seen: Date[] = []
    open++
    world.note('user', what)
    const given = services({
      onExecute: (at) => seen.push(at),
      onCommit() {
        const held = seen.slice(1).sort((a, b) => a.getTime() - b.getTime())
        const [low = world.databaseNow()] = held
        onCommit({ low, high: held.at(-1) ?? low })
      },
    })
    try {
      await deed(given)
    } catch (error) {
      world.note('user', `${what}: ${(error as Error).message}`)
      if (error instanceof TypeError) world.violate('users can do what they do', `${what}: ${error.stack}`)
    }
    open--
  }

  function begin(job: Job, recurrence: Recurrence, from: Moment) {
    job.periods.push({ recurrence, grid: job.grid, from, to: job.leaving && untilDeleted(job, from) })
  }

  /** The slots that follow may be due, and none has to: the first deletes the job. */
  const untilDeleted = (job: Job, since: Moment) => ({ ...since, latest: job.grid.endOn ?? world.latest() })

  function end(job: Job, to: Moment) {
    const period = job.periods.at(-1)
    if (period && !period.to) period.to = { ...to, latest: world.latest() }
  }

  const deeds: Record<string, (job: Job) => Promise<void>> = {
    run: (job) => act('runs a job', ({ runs }) => runs.start(OWNER, { jobId: job.id })),
    /** One of those that were seen last. */
    cancel: () => {
      const runId = random.pick(seen().slice(-4)) ?? OWNER_ID
      return act(`cancels ${runId}`, async ({ runs }) => {
        await runs.cancel(OWNER, runId)
        if (!cancelled.has(runId)) cancelled.set(runId, timeline.now())
      })
    },
    retry: () => act('does a run over again', ({ runs }) => runs.retry(OWNER, random.pick(seen()) ?? OWNER_ID)),
    /** An event for a listener, and that run by hand while the event is dispatched. */
    both: async () => {
      const job = random.pick(jobs.filter(({ eventType }) => eventType))
      if (!job) return
      plan(0, 'emit', job)
      plan(random.between(3, 60), 'run', job)
    },
    release: (job) =>
      act('releases a job', async ({ runs }) => {
        world.releasing++
        await runs.release(ADMIN, job.id).finally(() => world.releasing--)
      }),
    emit: (job) => {
      const type = job.eventType ?? random.pick(EVENT_TYPES)
      const event: Emitted = { id: '', type, at: 0 }
      const emit = async ({ events }: Services) => {
        event.id = (await events.emit(OWNER, { type })).id
      }
      return act('emits an event', emit, () => {
        event.at = timeline.now()
        emitted.push(event)
      })
    },
    pause: (job) =>
      act(
        'pauses a job',
        ({ jobs }) => jobs.pause(OWNER, job.id),
        (seen) => {
          if (!job.isEnabled) return
          change(job, { isEnabled: false })
          end(job, seen)
        },
      ),
    resume: (job) =>
      act(
        'resumes a job',
        ({ jobs }) => jobs.resume(OWNER, job.id),
        (seen) => {
          if (job.isEnabled || job.isDeleted) return
          change(job, { isEnabled: true })
          if (job.recurrence) begin(job, job.recurrence, seen)
        },
      ),
    remove: (job) =>
      act(
        'deletes a job',
        ({ jobs }) => jobs.remove(OWNER, job.id),
        (seen) => {
          change(job, { isEnabled: false, isDeleted: true })
          end(job, seen)
        },
      ),
    leave: (job) =>
      act(
        'has the next slot of a job delete it',
        ({ jobs }) => jobs.removeAtNextSlot(OWNER, job.id),
        (seen) => {
          if (!job.recurrence || !job.isEnabled) change(job, { isEnabled: false, isDeleted: true })
          else job.leaving ??= seen
          const period = job.periods.at(-1)
          if (period && !period.to) period.to = untilDeleted(job, seen)
        },
      ),
    reschedule: (job) => {
      if (!job.recurrence) return deeds.run?.(job) ?? Promise.resolve()
      const recurrence = recurrenceOf(random, { ...calendar, base: world.databaseNow() })
      const schedule = inputOf(recurrence)
      return act(
        'reschedules a job',
        // One that ended by itself goes on with the new one.
        ({ jobs }) => jobs.update(OWNER, { jobId: job.id, schedule, ...(job.ends && { enabled: true }) }),
        (seen) => {
          end(job, seen)
          job.recurrence = recurrence
          if (job.ends) change(job, { isEnabled: true })
          if (job.isEnabled) begin(job, recurrence, seen)
        },
      )
    },
  }

  const seen = () => [...new Set(observer.followers[0]?.got.map(({ runId }) => runId))]

  function change(job: Job, to: Partial<Job>) {
    Object.assign(job, to, { changedAt: timeline.now() })
  }

  function plan(at: number, name: string, job: Job) {
    timeline.after(at, () => {
      deeds[name]?.(job)
    })
  }

  const nextSecond = (at: number) => Math.ceil((calendar.base.getTime() + at) / 1_000) * 1_000 - calendar.base.getTime()

  const KINDS = [
    'run',
    'run',
    'run',
    'emit',
    'emit',
    'emit',
    'pause',
    'pause',
    'reschedule',
    'remove',
    'cancel',
    'cancel',
    'retry',
    'both',
  ]
  const focus = world.mutant?.focus?.users
  const count = focus?.count ?? random.int(2, 6)
  for (let index = 0; index < count; index++) {
    // Slots are at whole seconds; that is when others are at work.
    const at = random.chance(0.5)
      ? nextSecond(random.between(200, horizon - 1_000)) + random.between(-2, 12)
      : random.between(200, horizon - 500)
    const job = random.pick(jobs)
    const name = random.pick(focus?.deeds ?? KINDS)
    plan(at, name, job)
    if (name === 'pause') plan(Math.min(at + random.between(50, 2_000), horizon), 'resume', job)
    // Many things at once are where it is hard.
    if (random.chance(0.4))
      plan(
        at + random.between(0, 6),
        random.pick(['run', 'emit', 'pause', 'remove', 'cancel']),
        random.chance(0.6) ? job : random.pick(jobs),
      )
    if (random.chance(0.3)) plan(at + random.between(0, 6), random.pick(['run', 'emit']), job)
  }

  // Chances of their own: what else happens is as it was.
  const releases = world.random.stream('releases')
  for (let left = world.mutant ? 0 : releases.int(0, 3); left > 0; left--) {
    plan(releases.between(300, horizon - 500), 'release', releases.pick(jobs))
  }

  const leavings = world.random.stream('leavings')
  for (let left = world.mutant ? 0 : leavings.pick([0, 0, 1, 2]); left > 0; left--) {
    plan(leavings.between(300, horizon - 500), 'leave', leavings.pick(jobs))
  }

  /** Changes the schedule of a job, or its being on, and back. */
  function touch() {
    const job = random.pick(jobs.filter(({ recurrence }) => recurrence))
    if (!job) return
    plan(0, random.chance(0.5) ? 'pause' : 'reschedule', job)
    plan(random.between(20, 400), 'resume', job)
  }

  return { touch, emitted, cancelled, isBusy: () => open > 0 }
}

function inputOf(recurrence: Recurrence) {
  if (recurrence.kind === 'INTERVAL') return { every: { seconds: recurrence.seconds } }
  if (recurrence.kind === 'ONCE') return { at: recurrence.at }
  const { expression, dialect, timezone } = recurrence
  return { cron: { expression, dialect, timezone } }
}
