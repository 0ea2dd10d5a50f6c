/** What the engine of one node counts, in its own words; who shows it, and how, is for others to say. */
import type { RunStatus, SkipReason } from '../db/generated/prisma/enums.ts'
import { isFinal } from '../runs/states.ts'
import type { Outcome } from '../runs/transition/settle.ts'

export type Meter = {
  /** An attempt began, so many seconds after it might have. */
  began(delay: number): void
  /** A run became final. */
  ended(status: RunStatus): void
  /** So many slots, or one event, did not become work. */
  skipped(reason: SkipReason, count: number): void
  /** Attempts were taken over from a node that died or lost its leases. */
  lost(attempts: number): void
}

/** Counts nothing. */
export const UNMETERED: Meter = { began() {}, ended() {}, skipped() {}, lost() {} }

/** Those of the outcomes that were recorded and are final. */
export function countEnded(meter: Meter, outcomes: readonly Outcome[], recorded: ReadonlySet<string>): void {
  for (const { runId, status } of outcomes) if (recorded.has(runId) && isFinal(status)) meter.ended(status)
}

/** Those of the runs that were skipped. */
export function countSkipped(
  meter: Meter,
  runs: readonly ({ skipReason: SkipReason; skippedCount: number } | object)[],
): void {
  for (const run of runs) {
    if (!('skipReason' in run)) continue
    meter.ended('SKIPPED')
    meter.skipped(run.skipReason, run.skippedCount)
  }
}
