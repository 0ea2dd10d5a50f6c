/** Whether a failed attempt is followed by another, and after how long. Pure. */
import type { RetryPolicy } from '../runs/plan.ts'

export type Failure = {
  /** Whether the same may succeed later: network errors, 408, 425, 429, 5xx. */
  transient: boolean
  /** Seconds that the receiver asked to wait. */
  retryAfter?: number
  /** The receiver wants no more of it (410): retrying would be rude, whatever the policy. */
  gone?: boolean
}

/**
 * Seconds before the next attempt, or null when there is none. `tries` counts the attempts that were made, this one
 * included, without those whose worker was lost. `random` is from [0, 1).
 */
export function retryDelay(policy: RetryPolicy, failure: Failure, tries: number, random: number): number | null {
  if (failure.gone || tries >= policy.maxAttempts) return null
  if (policy.retryOn === 'TRANSIENT' && !failure.transient) return null
  const capped = Math.min(growth[policy.backoff](policy.initialDelay, tries), policy.maxDelay)
  const delay = policy.jitter ? Math.min(capped * (0.8 + 0.4 * random), policy.maxDelay) : capped
  return Math.max(delay, failure.retryAfter ?? 0)
}

const growth: Record<RetryPolicy['backoff'], (delay: number, tries: number) => number> = {
  FIXED: (delay) => delay,
  LINEAR: (delay, tries) => delay * tries,
  EXPONENTIAL: (delay, tries) => delay * 2 ** (tries - 1),
}
