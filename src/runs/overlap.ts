/**
 * What a new run does beside others of its job that are not final. Pure, and only true under the job's row lock: runs
 * are counted, decided about and recorded without letting go of it.
 */
import type { OverlapPolicy, SkipReason } from '../db/generated/prisma/enums.ts'

/** Runs of one job that are not final, and how many of them wait for another. */
export type ActiveCount = { active: number; waiting: number }

/** Runs of one job that may wait for each other. */
export const MAX_WAITING = 1000

export type Admission =
  | { /** Queued behind another run. */ waits: boolean }
  | { skipReason: SkipReason; skippedCount: 1 }

/** Decides about one new run, and counts it in. */
export function admit(policy: OverlapPolicy, count: ActiveCount): Admission {
  const admission = decide(policy, count)
  if ('waits' in admission) {
    count.active++
    if (admission.waits) count.waiting++
  }
  return admission
}

function decide(policy: OverlapPolicy, { active, waiting }: ActiveCount): Admission {
  if (policy === 'ALLOW' || active === 0) return { waits: false }
  if (policy === 'SKIP') return { skipReason: 'OVERLAP', skippedCount: 1 }
  if (policy === 'QUEUE_ONE') return waiting === 0 ? { waits: true } : { skipReason: 'OVERLAP', skippedCount: 1 }
  return waiting < MAX_WAITING ? { waits: true } : { skipReason: 'QUEUE_FULL', skippedCount: 1 }
}
