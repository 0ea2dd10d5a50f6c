/**
 * Due slots → runs. One transaction locks a batch of due jobs, writes the runs of their slots (or why there is none) and
 * moves them to their next slot: a node that dies in the middle leaves nothing. That a slot has at most one run is for
 * the unique index on (job, slot) to say, whatever nodes and clocks do.
 *
 * The alarm is only a hint. It is set for the earliest slot, `NOTIFY` wakes the loop when a job changes, and a sweep
 * looks every few seconds at what both may have missed.
 */
import type { Sql } from '../db/sql.ts'
import { newId } from '../kernel/ids.ts'
import { createLoop, type Loop } from '../kernel/loop.ts'
import { enqueueRuns, unblocked, type WantedRun } from '../runs/enqueue.ts'
import { DEFAULT_OVERLAP } from '../runs/overlap.ts'
import { skippedRange } from '../runs/skip-range.ts'
import type { Start, StartHere } from '../runs/start-here.ts'
import type { SkippedRun } from '../runs/transition/record.ts'
import { skipWaitingRuns } from '../runs/transition/waiting.ts'
import { countSkipped } from './meter.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import { type DueJob, deleteJobs, lockDueJobs, nextSlotDue, setNextSlots } from './queries.ts'
import { type DueSlots, dueSlots, scheduleOf, slotsToDrop } from './slots.ts'

/** Small, so that the first of many slots that are due together need not wait for the last. */
const BATCH = 50
const SWEEP_MS = 5_000
/** Another node has the due jobs in hand; it is quick. */
const BUSY_MS = 20
/** A job whose slots cannot be computed (its zone left the tz database, say) is tried again after this. */
const BROKEN_MS = 300_000

export function createFire(
  ports: EnginePorts,
  settings: EngineSettings,
  startHere: StartHere,
  onHealth: (error: unknown) => void,
): Loop {
  const { clock, alarm, transaction, meter, log } = ports
  let cancel: (() => void) | undefined

  async function work(): Promise<number> {
    const { fired, made, wait } = await startHere((start) =>
      transaction(async (sql) => {
        const due = await lockDueJobs(sql, BATCH)
        const made = due.length > 0 ? await fire(due, sql, start) : []
        return { fired: due.length, made, wait: due.length < BATCH ? await nextSlotDue(sql) : 0 }
      }),
    )
    countSkipped(meter, made)
    if (fired > 0 && wait !== null && wait <= 0) return 0
    setAlarm(wait !== null && wait <= 0 ? BUSY_MS : wait)
    return SWEEP_MS
  }

  function setAlarm(wait: number | null) {
    cancel?.()
    cancel = wait !== null && wait < SWEEP_MS ? alarm(new Date(clock.now() + Math.ceil(wait)), loop.wake) : undefined
  }

  async function fire(due: DueJob[], sql: Sql, start: Start) {
    const runs: (WantedRun | SkippedRun)[] = []
    const slots: { jobId: string; next: Date | null }[] = []
    const leaving = due.filter(({ deletionQueued }) => deletionQueued).map(({ jobId }) => jobId)
    for (const job of due) {
      const { fire, missed, next } = plan(job)
      if (missed) {
        const { recurrence, grid } = scheduleOf(job)
        const skipReason = job.deletionQueued ? ('DELETED' as const) : ('MISFIRE' as const)
        const range = await skippedRange(sql, recurrence, grid, { jobId: job.jobId, skipReason, ...missed })
        if (range) runs.push(range)
      }
      if (job.deletionQueued) continue
      slots.push({ jobId: job.jobId, next })
      // Slots that are caught up together wait for each other: they would all run at once, or all but one be lost.
      const policy = job.overlap ?? (fire.length > 1 ? 'QUEUE_ALL' : DEFAULT_OVERLAP.SCHEDULE)
      for (const instant of fire) runs.push({ ...slot(job, instant), policy })
    }
    const made = await enqueueRuns(sql, runs, settings)
    await setNextSlots(sql, slots)
    for (const jobId of leaving) await skipWaitingRuns(sql, jobId, 'DELETED')
    if (leaving.length > 0) await deleteJobs(sql, leaving)
    await start(sql, unblocked(made))
    return made
  }

  function plan(job: DueJob): DueSlots {
    try {
      if (job.deletionQueued)
        return { fire: [], missed: slotsToDrop(scheduleOf(job), job.nextRunAt, job.now), next: null }
      return dueSlots(scheduleOf(job), job.nextRunAt, job.now)
    } catch (error) {
      log.error({ err: error, jobId: job.jobId }, 'the next slots of a job cannot be computed')
      return { fire: [], missed: null, next: new Date(job.now.getTime() + BROKEN_MS) }
    }
  }

  const loop = createLoop({ name: 'fire', clock, log, work, onHealth })
  const unsubscribe = ports.bus.subscribe('jobs', loop.wake)
  return {
    wake: loop.wake,
    async stop() {
      unsubscribe()
      cancel?.()
      await loop.stop()
      cancel?.()
    },
  }
}

const slot = (job: DueJob, scheduledFor: Date) => ({
  id: newId(),
  jobId: job.jobId,
  trigger: 'SCHEDULE' as const,
  scheduledFor,
})
