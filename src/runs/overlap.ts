/**
 * What a new run does beside others of its job that are not final. Pure, and only true under the job's row lock: runs
 * are counted, decided about and recorded without letting go of it.
 */
import type { OverlapPolicy, RunTrigger, SkipReason } from '../db/generated/prisma/enums.ts'

/**
 * Runs of one job that are not final, how many of them wait for another, and how many of those are behind the job's
 * priority, as backfilled ones are: they hold up none of the others.
 */
export type ActiveCount = { active: number; waiting: number; behind: number }

/** Runs of one job that may wait for each other. A backfill may queue what it may name. */
export const MAX_WAITING: Record<RunTrigger, number> = {
  SCHEDULE: 1_000,
  EVENT: 1_000,
  MANUAL: 1_000,
  RETRY: 1_000,
  BACKFILL: 10_000,
}

/** What a trigger does when neither the job nor the request says. */
export const DEFAULT_OVERLAP: Record<RunTrigger, OverlapPolicy> = {
  SCHEDULE: 'SKIP',
  EVENT: 'QUEUE_ALL',
  MANUAL: 'QUEUE_ALL',
  RETRY: 'QUEUE_ALL',
  BACKFILL: 'QUEUE_ALL',
}

export type Admission =
  | { /** Queued behind another run. */ waits: boolean }
  | { skipReason: SkipReason; skippedCount: 1 }

export const OVERLAPPED = { skipReason: 'OVERLAP', skippedCount: 1 } as const

/** Decides about one new run, and counts it in. Under CANCEL_RUNNING the others have been asked to stop before. */
export function admit(policy: OverlapPolicy, count: ActiveCount, trigger: RunTrigger): Admission {
  const waiting = trigger === 'BACKFILL' ? count.waiting : count.waiting - count.behind
  const admission = decide[policy]({ active: count.active, waiting }, MAX_WAITING[trigger])
  if ('waits' in admission) {
    count.active++
    if (admission.waits) count.waiting++
    if (admission.waits && trigger === 'BACKFILL') count.behind++
  }
  return admission
}

const decide: Record<OverlapPolicy, (count: Omit<ActiveCount, 'behind'>, maxWaiting: number) => Admission> = {
  ALLOW: () => ({ waits: false }),
  SKIP: ({ active }) => (active === 0 ? { waits: false } : OVERLAPPED),
  CANCEL_RUNNING: ({ active }) => ({ waits: active > 0 }),
  QUEUE_ONE: ({ active, waiting }) => (waiting === 0 ? { waits: active > 0 } : OVERLAPPED),
  QUEUE_ALL: ({ active, waiting }, maxWaiting) =>
    waiting < maxWaiting ? { waits: active > 0 } : { skipReason: 'QUEUE_FULL', skippedCount: 1 },
}
