import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Failure, retryDelay } from '../../src/engine/retry.ts'
import type { RetryPolicy } from '../../src/runs/plan.ts'

const policy = (more: Partial<RetryPolicy> = {}): RetryPolicy => ({
  maxAttempts: 10,
  backoff: 'FIXED',
  initialDelay: 10,
  maxDelay: 3600,
  jitter: false,
  retryOn: 'TRANSIENT',
  ...more,
})

const transient: Failure = { transient: true }
const permanent: Failure = { transient: false }

/** The delays after the first five tries. */
const delays = (more: Partial<RetryPolicy>) =>
  [1, 2, 3, 4, 5].map((tries) => retryDelay(policy(more), transient, tries, 0))

describe('how long it waits before the next try', () => {
  it('is the same each time under FIXED', () => {
    expect(delays({ backoff: 'FIXED' })).toEqual([10, 10, 10, 10, 10])
  })

  it('grows by the initial delay under LINEAR', () => {
    expect(delays({ backoff: 'LINEAR' })).toEqual([10, 20, 30, 40, 50])
  })

  it('doubles under EXPONENTIAL', () => {
    expect(delays({ backoff: 'EXPONENTIAL' })).toEqual([10, 20, 40, 80, 160])
  })

  it('is never longer than the longest delay', () => {
    expect(delays({ backoff: 'EXPONENTIAL', maxDelay: 45 })).toEqual([10, 20, 40, 45, 45])
  })

  it('varies by a fifth to either side with jitter', () => {
    const at = (random: number) => retryDelay(policy({ jitter: true }), transient, 1, random)
    expect(at(0)).toBeCloseTo(8)
    expect(at(0.5)).toBeCloseTo(10)
    expect(at(0.999999)).toBeCloseTo(12)
  })

  it('is what the receiver asked for, if that is longer, whatever the policy allows', () => {
    const asked = (retryAfter: number) => retryDelay(policy({ maxDelay: 30 }), { transient: true, retryAfter }, 1, 0)
    expect(asked(5)).toBe(10)
    expect(asked(120)).toBe(120)
  })

  it('is a finite number of seconds from 0 to the longest delay, for every policy and try', () => {
    const policies = fc.record({
      maxAttempts: fc.constant(101),
      backoff: fc.constantFrom('FIXED' as const, 'LINEAR' as const, 'EXPONENTIAL' as const),
      initialDelay: fc.nat(86_400),
      maxDelay: fc.nat(7 * 86_400),
      jitter: fc.boolean(),
      retryOn: fc.constant('ANY' as const),
    })
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 100 }), random, (given, tries, chance) => {
        const delay = retryDelay(given, permanent, tries, chance)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(given.maxDelay)
      }),
    )
  })
})

describe('whether it tries again at all', () => {
  it('stops when the attempts are used up, the first one counted', () => {
    expect(retryDelay(policy({ maxAttempts: 1 }), transient, 1, 0)).toBeNull()
    expect(retryDelay(policy({ maxAttempts: 3 }), transient, 2, 0)).toBe(10)
    expect(retryDelay(policy({ maxAttempts: 3 }), transient, 3, 0)).toBeNull()
  })

  it('tries a failure that will stay only under ANY', () => {
    expect(retryDelay(policy({ retryOn: 'TRANSIENT' }), permanent, 1, 0)).toBeNull()
    expect(retryDelay(policy({ retryOn: 'ANY' }), permanent, 1, 0)).toBe(10)
  })

  it('leaves a receiver alone that is gone, whatever the policy', () => {
    expect(retryDelay(policy({ retryOn: 'ANY' }), { transient: false, gone: true }, 1, 0)).toBeNull()
    expect(retryDelay(policy({ retryOn: 'ANY' }), { transient: true, gone: true, retryAfter: 5 }, 1, 0)).toBeNull()
  })
})
