/**
 * node-schedule as an alarm clock on absolute dates. It recurs for nobody: which slot is next is for the grid to say,
 * and whether it is due for the database.
 */
import { scheduleJob } from 'node-schedule'

/** Calls `ring` once at a date, at once if that is past; the answer cancels it. */
export type Alarm = (at: Date, ring: () => void) => () => void

export const systemAlarm: Alarm = (at, ring) => {
  const job = scheduleJob(at, ring)
  if (job) return () => job.cancel()
  const immediate = setImmediate(ring)
  return () => clearImmediate(immediate)
}
