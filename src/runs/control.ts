/** Starting, stopping and doing over: what people do with runs. Each change holds the rows of the jobs it is about. */
import type pg from 'pg'
import type { Job, PrismaClient, Run } from '../db/generated/prisma/client.ts'
import { inTransaction, type Sql, sqlOn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { type JobRights, LEVEL, requireNoDraft } from '../jobs/rights.ts'
import { PRIORITY } from '../jobs/spec.ts'
import { ConflictError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { presentSlots, slotsToBackfill } from './backfill.ts'
import { enqueueRuns, type WantedRun } from './enqueue.ts'
import { type RunFilter, runsWhere } from './filter.ts'
import { held, lockJobs, refusalOf } from './lock-jobs.ts'
import { DEFAULT_OVERLAP, OVERLAPPED } from './overlap.ts'
import { createQueueing } from './queueing.ts'
import { requireRun } from './require-run.ts'
import { type BackfillInput, backfillSpec, MANY_LIMIT, manySpec, type RunJobInput, runJobSpec } from './spec.ts'
import type { StartHere } from './start-here.ts'
import { isFinal } from './states.ts'
import { cancelRuns } from './transition/cancel.ts'
import { unblockRuns } from './transition/waiting.ts'

/** What became of the slots of a range. */
export type Backfill = {
  job: Job
  /** Slots in the range. */
  slots: number
  /** Those that have succeeded or are under way, and were left alone. */
  present: number
  queued: number
  /** Those that the overlap policy did not let in. */
  skipped: number
}

export type ManyRuns = { runs: Run[] /** There are others that match. */; hasMore: boolean }

/** Rows of one statement, so that none is very long. */
const PART = 500
/** Made-up runs let those of the day go first. */
const BACKFILL_PRIORITY = 10

export function createRunControl(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  rights: JobRights
  startHere: StartHere
  settings: { cancelGraceSeconds: number }
}) {
  const { prisma, pool, rights, startHere, settings } = deps
  const sql = sqlOn(pool)
  const transaction = <Result>(work: (sql: Sql) => Promise<Result>) => inTransaction(pool, work)
  const queueRun = createQueueing({ prisma, transaction, startHere, settings })

  /** A job that is not deleted and that the viewer may run. */
  async function requireJob(viewer: Viewer, jobId: string): Promise<Job> {
    const job = await rights.requireJob(viewer, jobId, LEVEL.EDIT)
    requireNoDraft(job)
    return job
  }

  /** The oldest first; one more than asked for, to see whether there are more. */
  async function select(viewer: Viewer, filter: RunFilter, where: object, limit: number | null | undefined) {
    const reader = requireScope(viewer, 'jobs:run')
    requireScope(viewer, 'jobs:read')
    const size = limit ?? MANY_LIMIT
    const rows = await prisma.run.findMany({
      where: { AND: [runsWhere(reader.isAdmin ? null : { ownedBy: reader }, filter), where] },
      orderBy: { id: 'asc' },
      take: size + 1,
    })
    return { rows: rows.slice(0, size), hasMore: rows.length > size }
  }

  async function inOrder(ids: string[]): Promise<Run[]> {
    const rows = await prisma.run.findMany({ where: { id: { in: ids } } })
    const byId = new Map(rows.map((run) => [run.id, run]))
    return ids.flatMap((id) => byId.get(id) ?? [])
  }

  async function cancelAll(runs: Pick<Run, 'id' | 'jobId'>[]): Promise<void> {
    const cancelled = await cancelRuns(
      sql,
      runs.map(({ id, jobId }) => ({ runId: id, jobId })),
      settings.cancelGraceSeconds,
    )
    const freed = cancelled.filter(({ ended }) => ended).map(({ jobId }) => jobId)
    await unblockRuns({ sql, transaction }, [...new Set(freed)])
  }

  /** Each final run that is given becomes a new one of its job as that is now. Passes over jobs that are deleted or held. */
  async function redo(runs: Run[], { once }: { once: boolean }): Promise<string[]> {
    return transaction(async (sql) => {
      const jobs = await lockJobs(
        sql,
        runs.map(({ jobId }) => jobId),
      )
      const done = once
        ? await sql<{ id: string }>('select retry_of_id as id from run where retry_of_id = any($1::uuid[])', [
            runs.map(({ id }) => id),
          ])
        : []
      const left = runs.filter(({ id, jobId }) => !refusalOf(jobs.get(jobId)) && !done.some((other) => other.id === id))
      const wanted = left.map(
        (run): WantedRun => ({
          id: newId(),
          jobId: run.jobId,
          trigger: 'RETRY',
          retryOfId: run.id,
          input: run.input ?? undefined,
          ...(run.scheduledFor && { scheduledFor: run.scheduledFor }),
          ...(run.domainEventId && { domainEventId: run.domainEventId }),
          policy: jobs.get(run.jobId)?.overlap ?? DEFAULT_OVERLAP.RETRY,
        }),
      )
      await enqueueRuns(sql, wanted, settings)
      return wanted.map(({ id }) => id)
    })
  }

  return {
    /**
     * Queues a run now, of a paused job too. What overlaps is decided as for any run; a skipped one is answered as such.
     * @throws ConflictError DRAFT, HELD by an administrator and, if `most` of the job are under way already, RUNNING
     */
    async start(
      viewer: Viewer,
      input: RunJobInput & { jobId: string },
      most: number = Number.POSITIVE_INFINITY,
    ): Promise<Run> {
      requireScope(viewer, 'jobs:run')
      const { payload, overlap, priority } = validate(runJobSpec, input)
      const job = await requireJob(viewer, input.jobId)
      return queueRun({
        ...{ jobId: job.id, input: payload, most },
        ...{ overlap: overlap ?? null, priority: priority ?? null },
      })
    },

    /**
     * Queues a run for each slot from `from` up to, not including, `to`: all of them, or those that have no run that
     * succeeded or may still do so. All or none.
     * @throws ConflictError HELD by an administrator, VERSION
     */
    async backfill(viewer: Viewer, input: BackfillInput & { jobId: string }): Promise<Backfill> {
      requireScope(viewer, 'jobs:run')
      const { from, to, onlyMissing, overlap, priority } = validate(backfillSpec, input)
      const job = await requireJob(viewer, input.jobId)
      const schedule = job.scheduleId && (await prisma.schedule.findUnique({ where: { id: job.scheduleId } }))
      if (!schedule) throw ValidationError.at('jobId', 'the job has no schedule, so there are no slots to backfill')
      const [clock] = await sql<{ now: Date }>('select clock_timestamp() as now')
      if (!clock || to > clock.now) {
        throw ValidationError.at('to', 'must not be in the future: those slots will fire by themselves')
      }
      const slots = await slotsToBackfill(recurrenceOf(schedule), job, from, to)
      return transaction(async (sql) => {
        const locked = (await lockJobs(sql, [job.id])).get(job.id)
        const refused = refusalOf(locked)
        if (refused) throw refused
        if (locked?.version !== job.version)
          throw new ConflictError('the job was changed meanwhile: try again', 'VERSION')
        const present = onlyMissing === false ? new Set<number>() : await presentSlots(sql, job.id, from, to)
        const missing = slots.filter((slot) => !present.has(slot.getTime()))
        const fields = {
          jobId: job.id,
          trigger: 'BACKFILL' as const,
          priority: priority ?? Math.min(job.priority + BACKFILL_PRIORITY, PRIORITY.highest),
        }
        const policy = overlap ?? job.overlap ?? DEFAULT_OVERLAP.BACKFILL
        const last = missing.length - 1
        const wanted = missing.map((scheduledFor, index) => ({
          ...{ id: newId(), scheduledFor, ...fields },
          // Else each part would make one, for the next part to cancel.
          ...(policy === 'CANCEL_RUNNING' && index < last ? OVERLAPPED : { policy }),
        }))
        let queued = 0
        for (let start = 0; start < wanted.length; start += PART) {
          const made = await enqueueRuns(sql, wanted.slice(start, start + PART), settings)
          queued += made.filter((run) => !('skipReason' in run)).length
        }
        return {
          ...{ job, slots: slots.length, present: slots.length - missing.length },
          ...{ queued, skipped: missing.length - queued },
        }
      })
    },

    /** What waits ends at once, and what runs is asked to stop; asking twice is no error. */
    async cancel(viewer: Viewer, runId: string): Promise<Run> {
      requireScope(viewer, 'jobs:run')
      const run = await requireRun(deps, viewer, runId)
      if (isFinal(run.status)) throw new ConflictError(`the run is ${run.status} already`, 'FINAL')
      await cancelAll([run])
      return prisma.run.findUniqueOrThrow({ where: { id: runId } })
    },

    /** Of the runs that match those that are not final, the oldest first. */
    async cancelMany(viewer: Viewer, filter: RunFilter, limit?: number | null): Promise<ManyRuns> {
      validate(manySpec, { limit })
      const open = { status: { in: ['QUEUED', 'RUNNING', 'RETRYING'] }, cancelRequestedAt: null }
      const { rows, hasMore } = await select(viewer, filter, open, limit)
      await cancelAll(rows)
      return { runs: await inOrder(rows.map(({ id }) => id)), hasMore }
    },

    /** A new run of the job as it is now, with the same slot, event and input. */
    async retry(viewer: Viewer, runId: string): Promise<Run> {
      requireScope(viewer, 'jobs:run')
      const run = await requireRun(deps, viewer, runId)
      if (!isFinal(run.status)) throw new ConflictError(`the run is ${run.status}: it is not over yet`, 'NOT_FINAL')
      const [id] = await redo([run], { once: false })
      if (!id) {
        const { deletedAt } = await prisma.job.findUniqueOrThrow({ where: { id: run.jobId } })
        throw deletedAt ? new ConflictError('its job is deleted', 'DELETED') : held()
      }
      return prisma.run.findUniqueOrThrow({ where: { id } })
    },

    /** Of the runs that match those that nobody has done over, the oldest first; FAILED ones, if the filter does not say. */
    async retryMany(viewer: Viewer, filter: RunFilter, limit?: number | null): Promise<ManyRuns> {
      validate(manySpec, { limit })
      const status = filter.status ?? 'FAILED'
      if (!isFinal(status)) throw ValidationError.at('filter.status', 'must be one that a run ends in')
      const where = { retries: { none: {} }, job: { deletedAt: null, heldAt: null } }
      const { rows, hasMore } = await select(viewer, { ...filter, status }, where, limit)
      return { runs: await inOrder(await redo(rows, { once: true })), hasMore }
    },
  }
}
