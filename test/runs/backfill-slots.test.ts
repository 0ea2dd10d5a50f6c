/** Which slots a range has, without a database. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ValidationError } from '../../src/kernel/errors.ts'
import { BACKFILL_LIMIT, slotsToBackfill } from '../../src/runs/backfill.ts'
import type { Grid, Recurrence } from '../../src/schedules/recurrence.ts'

const at = (text: string) => new Date(text)
const grid = (more: Partial<Grid> = {}): Grid => ({
  anchor: at('2024-06-01T12:00:00Z'),
  startOn: null,
  endOn: null,
  dstGap: 'RUN_AFTER_GAP',
  ...more,
})
const every = (seconds: number): Recurrence => ({ kind: 'INTERVAL', seconds })
const cron = (expression: string, timezone = 'UTC'): Recurrence => ({
  kind: 'CRON',
  expression,
  dialect: 'VIXIE',
  timezone,
})
const slots = async (recurrence: Recurrence, from: string, to: string, more: Partial<Grid> = {}) =>
  (await slotsToBackfill(recurrence, grid(more), at(from), at(to))).map((slot) => slot.toISOString())
const refusal = async (recurrence: Recurrence, from: Date, to: Date) => {
  const error = await slotsToBackfill(recurrence, grid(), from, to).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ValidationError)
  return (error as ValidationError).issues
}

describe('a range', () => {
  it('has the slot at its beginning, and not the one at its end', async () => {
    const wanted = ['2024-03-01T00:00:00.000Z', '2024-03-01T01:00:00.000Z', '2024-03-01T02:00:00.000Z']
    expect(await slots(cron('0 * * * *'), '2024-03-01T00:00:00Z', '2024-03-01T03:00:00Z')).toEqual(wanted)
    expect(await slots(every(3600), '2024-03-01T00:00:00Z', '2024-03-01T03:00:00Z')).toEqual(wanted)
    expect(await slots(cron('0 * * * *'), '2024-03-01T00:00:00.001Z', '2024-03-01T00:59:59Z')).toEqual([])
  })

  it('of an interval lies on the grid of the job, before and after that was made', async () => {
    const anchor = at('2024-06-01T12:34:56.789Z')
    const around = await slots(every(7200), '2024-06-01T09:00:00Z', '2024-06-01T17:00:00Z', { anchor })
    expect(around).toEqual(['10', '12', '14', '16'].map((hour) => `2024-06-01T${hour}:34:56.789Z`))
    expect(await slots(every(7200), '2001-01-01T00:00:00Z', '2001-01-01T04:00:00Z', { anchor })).toHaveLength(2)
  })

  it('of an interval has each point of the grid once, wherever it lies', async () => {
    const seconds = fc.integer({ min: 1, max: 5_000 })
    const offset = fc.integer({ min: -5_000_000, max: 5_000_000 })
    await fc.assert(
      fc.asyncProperty(seconds, offset, fc.integer({ min: 1, max: 4_000_000 }), async (step, start, length) => {
        const { anchor } = grid()
        const from = new Date(anchor.getTime() + start)
        const to = new Date(from.getTime() + length)
        const found = await slotsToBackfill(every(step), grid(), from, to)
        const first = Math.ceil(start / (step * 1000))
        const points = Array.from({ length: found.length + 1 }, (_, k) => anchor.getTime() + (first + k) * step * 1000)
        expect(found.map((slot) => slot.getTime())).toEqual(points.slice(0, -1))
        expect(points.at(-1)).toBeGreaterThanOrEqual(to.getTime())
      }),
    )
  })

  it('has no slot outside of the job’s window', async () => {
    const window = { startOn: at('2024-03-02T00:00:00Z'), endOn: at('2024-03-04T00:00:00Z') }
    const days = ['02', '03', '04'].map((day) => `2024-03-${day}T00:00:00.000Z`)
    expect(await slots(cron('0 0 * * *'), '2024-03-01T00:00:00Z', '2024-03-09T00:00:00Z', window)).toEqual(days)
    expect(
      await slots(every(86_400), '2024-03-01T00:00:00Z', '2024-03-09T00:00:00Z', {
        ...window,
        anchor: at('2024-06-01T00:00:00Z'),
      }),
    ).toEqual(days)
  })

  it('has a fixed time once on the day that the clock goes back, and right after the gap when it goes forward', async () => {
    const berlin = cron('30 2 * * *', 'Europe/Berlin')
    expect(await slots(berlin, '2024-03-30T00:00:00Z', '2024-04-02T00:00:00Z')).toEqual([
      '2024-03-30T01:30:00.000Z',
      '2024-03-31T01:00:00.000Z',
      '2024-04-01T00:30:00.000Z',
    ])
    expect(await slots(berlin, '2024-03-31T00:00:00Z', '2024-04-01T00:00:00Z', { dstGap: 'SKIP' })).toEqual([])
    expect(await slots(berlin, '2024-10-27T00:00:00Z', '2024-10-28T00:00:00Z')).toEqual(['2024-10-27T00:30:00.000Z'])
    expect(
      await slots(cron('0 * * * *', 'Europe/Berlin'), '2024-10-26T22:00:00Z', '2024-10-27T23:00:00Z'),
    ).toHaveLength(25)
    expect(
      await slots(cron('0 * * * *', 'Europe/Berlin'), '2024-03-30T23:00:00Z', '2024-03-31T22:00:00Z'),
    ).toHaveLength(23)
  })

  it('has the one slot of a schedule that fires once, if that lies in it', async () => {
    const once: Recurrence = { kind: 'ONCE', at: at('2024-03-01T00:00:00Z') }
    expect(await slots(once, '2024-03-01T00:00:00Z', '2024-03-02T00:00:00Z')).toEqual(['2024-03-01T00:00:00.000Z'])
    expect(await slots(once, '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z')).toEqual([])
  })
})

describe('a range with too many slots', () => {
  const from = at('2001-01-01T00:00:00Z')
  const instant = (seconds: number) => new Date(from.getTime() + seconds * 1000)
  const only = BACKFILL_LIMIT

  it('is one with more than 10,000', async () => {
    expect(await slotsToBackfill(every(1), grid(), from, instant(only))).toHaveLength(only)
    expect(await slotsToBackfill(cron('* * * * * *'), grid(), from, instant(only))).toHaveLength(only)
  })

  it('says exactly how many it would be of an interval', async () => {
    for (const count of [only + 1, only + 2, 100_001, 700_000_000]) {
      expect(await refusal(every(1), from, instant(count))).toEqual([
        { path: 'to', message: `the range has ${count} slots; one request may backfill at most 10000` },
      ])
    }
  })

  it('says exactly how many it would be of an expression, as far as it counts', { timeout: 60_000 }, async () => {
    const perSecond = cron('* * * * * *')
    for (const count of [only + 1, 100_000]) {
      expect(await refusal(perSecond, from, instant(count))).toMatchObject([
        { message: expect.stringContaining(`has ${count} slots`) },
      ])
    }
    for (const count of [100_001, 700_000_000]) {
      expect(await refusal(perSecond, from, instant(count))).toMatchObject([
        { message: expect.stringContaining('has more than 100000 slots') },
      ])
    }
  })

  it('lets others get their turn while it is counted', async () => {
    let turns = 0
    let counting = true
    const next = () => {
      turns++
      if (counting) setImmediate(next)
    }
    setImmediate(next)
    await refusal(cron('* * * * * *'), from, instant(50_000))
    counting = false
    expect(turns).toBeGreaterThan(20)
  })
})
