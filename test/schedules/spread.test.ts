import { describe, expect, it } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { spreadOffsetMs } from '../../src/schedules/spread.ts'

describe('the place of a job within its spread', () => {
  it('is always the same for the same job', () => {
    const jobId = '01900000-0000-7000-8000-0123456789ab'
    expect(spreadOffsetMs(jobId, 600)).toBe(Math.floor((0x456789ab / 2 ** 32) * 600_000))
    expect(spreadOffsetMs(jobId, 600)).toBe(spreadOffsetMs(jobId, 600))
  })

  it('is from 0 up to, not including, the spread', () => {
    const at = (end: string, spread: number) => spreadOffsetMs(`01900000-0000-7000-8000-0000${end}`, spread)
    for (const spread of [0, 1, 60, 86_400]) {
      expect(at('00000000', spread)).toBe(0)
      expect(at('ffffffff', spread)).toBe(Math.max(0, spread * 1000 - 1))
    }
  })

  it('keeps its share when the spread grows', () => {
    for (let n = 0; n < 100; n++) {
      const jobId = newId()
      expect(Math.abs(spreadOffsetMs(jobId, 6_000) - 10 * spreadOffsetMs(jobId, 600))).toBeLessThanOrEqual(10)
    }
  })

  it('lies evenly over many jobs, also of those that were made in the same moment', () => {
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let n = 0; n < 20_000; n++) {
      const tenth = Math.floor(spreadOffsetMs(newId(), 3_600) / 360_000)
      tenths[tenth] = (tenths[tenth] ?? 0) + 1
    }
    expect(tenths).toHaveLength(10)
    // By chance it is beyond this less often than once in 10^18 runs.
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(400)
  })
})
