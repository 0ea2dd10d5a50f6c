/**
 * What of a step's reports goes out, and when: at most one report in an interval, with the newest progress and all lines
 * since the last. Lines behind the limits are only counted, and the count is told once, when the step ends; so is what
 * was on its way when PostgreSQL was away. Of a progress that was on its way, the next report tells.
 */
import { bytesOf, type LogLimits, type LogLine, type Progress } from './reporting.ts'

export type Report = {
  progress: Progress | null
  lines: LogLine[]
  /** Lines that nobody will see. */
  dropped: number
  /** The step has ended: nothing follows. */
  last: boolean
}

export function createOutflow(limits: LogLimits, intervalMs: number) {
  let progress: Progress | null = null
  let lines: LogLine[] = []
  let taken = { lines: 0, bytes: 0 }
  let isFull = false
  let dropped = 0
  /** The log in the database lacks lines, and does not say so yet. */
  let owes = false
  let wentAt: number | null = null

  return {
    progress(given: Progress) {
      progress = given
    },

    log(line: LogLine) {
      const bytes = taken.bytes + bytesOf(line)
      // What does not fit ends the log, even if a shorter line would fit.
      isFull ||= taken.lines >= limits.lines || bytes > limits.bytes
      if (isFull) {
        dropped++
        return
      }
      taken = { lines: taken.lines + 1, bytes }
      lines.push(line)
    },

    /** Milliseconds until something goes out; null: there is nothing. */
    wait(now: number): number | null {
      if (progress === null && lines.length === 0) return null
      return wentAt === null ? 0 : Math.min(Math.max(wentAt + intervalMs - now, 0), intervalMs)
    },

    /** What goes out now, null if there is nothing to say. */
    take(now: number, last: boolean): Report | null {
      const told = last ? dropped : 0
      if (progress === null && lines.length === 0 && told === 0 && !(last && owes)) return null
      const report: Report = { progress, lines, dropped: told, last }
      wentAt = now
      progress = null
      lines = []
      return report
    },

    /** It was written; `missing`: how many lines of the log are not kept by now. */
    wrote(missing: number) {
      owes = missing > 0
    },

    /** Nobody knows whether it was written: what may be said twice is, and lines are not. */
    lost(report: Report) {
      progress ??= report.progress
      dropped += report.lines.length
    },
  }
}
