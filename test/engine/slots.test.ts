import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dueSlots, type Schedule, scheduleOf, slotsToDrop } from '../../src/engine/slots.ts'
import { nextSlot, type Recurrence } from '../../src/schedules/recurrence.ts'
import { storedOf } from '../../src/schedules/stored.ts'

const at = (text: string) => new Date(`2027-03-01T${text}Z`)
const anchor = at('00:00:00')
const everySecond: Recurrence = { kind: 'INTERVAL', seconds: 1 }
const everyMinute: Recurrence = { kind: 'INTERVAL', seconds: 60 }
const minutely: Recurrence = { kind: 'CRON', expression: '* * * * *', dialect: 'VIXIE', timezone: 'UTC' }

const schedule = (recurrence: Recurrence, more: Partial<Schedule> & { endOn?: Date } = {}): Schedule => {
  const { endOn = null, ...policies } = more
  const grid = { anchor, startOn: null, endOn, dstGap: 'RUN_AFTER_GAP' as const }
  return { recurrence, grid, catchUp: 'LATEST', catchUpWindow: 86_400, ...policies }
}

describe('a slot that is due', () => {
  it('fires when it is on time or a little late, whatever the policy, and the next one is told', () => {
    for (const catchUp of ['LATEST', 'ALL', 'NONE'] as const) {
      for (const now of [at('10:00:00'), at('10:00:14')]) {
        expect(dueSlots(schedule(minutely, { catchUp }), at('10:00:00'), now)).toEqual({
          fire: [at('10:00:00')],
          missed: null,
          next: at('10:01:00'),
        })
      }
    }
  })

  it('is the last one when the window ends', () => {
    const due = dueSlots(schedule(everyMinute, { endOn: at('10:00:30') }), at('10:00:00'), at('10:00:05'))
    expect(due).toMatchObject({ fire: [at('10:00:00')], next: null })
  })

  it.each<[string, Recurrence]>([
    ['a ONCE schedule', { kind: 'ONCE', at: at('10:00:00') }],
    ['an interval that comes once', { kind: 'INTERVAL', seconds: 36_000, once: true }],
  ])('of %s fires however late, under NONE and past every window too', (_, once) => {
    const late = new Date('2031-01-01T00:00:00Z')
    for (const catchUp of ['LATEST', 'ALL', 'NONE'] as const) {
      const due = dueSlots(schedule(once, { catchUp, catchUpWindow: 0 }), at('10:00:00'), late)
      expect(due).toEqual({ fire: [at('10:00:00')], missed: null, next: null })
    }
  })

  it('is none when the grid has changed and has no slot there', () => {
    const hourly: Recurrence = { kind: 'INTERVAL', seconds: 3600 }
    const due = dueSlots(schedule(hourly), at('10:00:30'), at('10:01:00'))
    expect(due).toEqual({ fire: [], missed: null, next: at('11:00:00') })
  })
})

describe('slots of a job that they delete', () => {
  it.each<[string, Recurrence, Date, Date, number]>([
    ['one that is on time', everyMinute, at('10:00:00'), at('10:00:00'), 1],
    ['all since a downtime', everyMinute, at('10:10:30'), at('10:10:00'), 11],
    ['those of a cron', minutely, at('10:02:59'), at('10:02:00'), 3],
    ['the only one', { kind: 'ONCE', at: at('10:00:00') }, at('12:00:00'), at('10:00:00'), 1],
    [
      'the only one of an interval',
      { kind: 'INTERVAL', seconds: 36_000, once: true },
      at('12:00:00'),
      at('10:00:00'),
      1,
    ],
    ['one that its grid has no more', { kind: 'INTERVAL', seconds: 50_000 }, at('10:05:00'), at('10:00:00'), 1],
  ])('are %s, whatever its policy', (_, recurrence, now, until, count) => {
    for (const catchUp of ['LATEST', 'ALL', 'NONE'] as const) {
      const dropped = slotsToDrop(schedule(recurrence, { catchUp, catchUpWindow: 0 }), at('10:00:00'), now)
      expect(dropped).toEqual({ first: at('10:00:00'), until, count })
    }
  })
})

describe('slots that were missed', () => {
  const due = at('10:00:00')
  const now = at('10:10:30')

  it('run as the newest one under LATEST, and the rest is one range', () => {
    expect(dueSlots(schedule(minutely, { catchUp: 'LATEST' }), due, now)).toEqual({
      fire: [at('10:10:00')],
      missed: { first: due, until: at('10:09:00'), count: 10 },
      next: at('10:11:00'),
    })
  })

  it('do not run at all when even the newest is older than the window', () => {
    expect(dueSlots(schedule(minutely, { catchUp: 'LATEST', catchUpWindow: 20 }), due, now)).toEqual({
      fire: [],
      missed: { first: due, until: at('10:10:00'), count: 11 },
      next: at('10:11:00'),
    })
  })

  it('each run under ALL, as far as the window reaches', () => {
    const slots = dueSlots(schedule(minutely, { catchUp: 'ALL', catchUpWindow: 150 }), due, now)
    expect(slots).toEqual({
      fire: [at('10:08:00'), at('10:09:00'), at('10:10:00')],
      missed: { first: due, until: at('10:07:00'), count: 8 },
      next: at('10:11:00'),
    })
  })

  it('are all left out under NONE', () => {
    expect(dueSlots(schedule(minutely, { catchUp: 'NONE' }), due, now)).toEqual({
      fire: [],
      missed: { first: due, until: at('10:10:00'), count: 11 },
      next: at('10:11:00'),
    })
  })

  it('fire in portions under ALL, none of which is a single slot', () => {
    for (const count of [99, 100, 101, 102, 201]) {
      const end = new Date(at('10:00:00').getTime() + (count - 1) * 1000)
      const portions: number[] = []
      for (let next: Date | null = at('10:00:00'); next && next <= end; ) {
        const slots = dueSlots(schedule(everySecond, { catchUp: 'ALL' }), next, end)
        portions.push(slots.fire.length)
        next = slots.next
      }
      expect(portions.reduce((sum, each) => sum + each, 0)).toBe(count)
      expect(Math.min(...portions)).toBeGreaterThan(1)
      expect(Math.max(...portions)).toBeLessThanOrEqual(101)
    }
  })

  it('are counted up to 1,000, while the range reaches to the newest', () => {
    const { missed } = dueSlots(schedule(everySecond), at('10:00:00'), at('12:00:00'))
    expect(missed).toEqual({ first: at('10:00:00'), until: at('11:59:59'), count: 1000 })
  })
})

it('reads a schedule as it is stored', () => {
  const grid = { anchor, startOn: null, endOn: null, dstGap: 'SKIP' as const }
  const policies = { catchUp: 'ALL' as const, catchUpWindow: 60 }
  for (const recurrence of [minutely, everyMinute, { kind: 'ONCE', at: at('10:00:00') } satisfies Recurrence]) {
    const stored = scheduleOf({ ...storedOf(recurrence), ...grid, ...policies })
    expect(stored).toEqual({ recurrence, grid, ...policies })
  }
})

/** Every slot from `due` to `now`, one by one: slow, and obviously right. */
function allSlots({ recurrence, grid }: Schedule, due: Date, now: Date): Date[] {
  const slots: Date[] = []
  for (let slot = nextSlot(recurrence, grid, new Date(due.getTime() - 1)); slot && slot <= now; ) {
    slots.push(slot)
    slot = nextSlot(recurrence, grid, slot)
  }
  return slots
}

describe('whatever the schedule, the policy and the lateness', () => {
  const recurrences = fc.oneof(
    fc.integer({ min: 1, max: 400 }).map((seconds): Recurrence => ({ kind: 'INTERVAL', seconds })),
    fc
      .tuple(
        fc.constantFrom('* * * * *', '*/7 * * * *', '30 2 * * *', '*/20 * * * * *', '0,30 1-3 * * *'),
        fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin'),
      )
      .map(([expression, timezone]): Recurrence => ({ kind: 'CRON', expression, dialect: 'VIXIE', timezone })),
  )
  const worlds = fc.record({
    recurrence: recurrences,
    catchUp: fc.constantFrom('LATEST' as const, 'ALL' as const, 'NONE' as const),
    catchUpWindow: fc.constantFrom(0, 60, 900, 86_400),
    dstGap: fc.constantFrom('RUN_AFTER_GAP' as const, 'SKIP' as const),
    /** Around the night when New York's clock goes forward; Berlin's follows two weeks later. */
    start: fc.integer({ min: -5_000_000, max: 5_000_000 }).map((ms) => new Date(Date.UTC(2027, 2, 14, 7) + ms)),
    end: fc.option(fc.integer({ min: 1, max: 6_000_000 })),
    /** How long it takes from look to look, in ms: from punctual to hours of downtime. */
    looks: fc.array(fc.oneof(fc.nat(2_000), fc.nat(60_000), fc.nat(5_000_000)), { minLength: 1, maxLength: 8 }),
  })

  it('each slot is fired or in a missed range, exactly once and in order', () => {
    fc.assert(
      fc.property(worlds, ({ recurrence, catchUp, catchUpWindow, dstGap, start, end, looks }) => {
        const endOn = end === null ? null : new Date(start.getTime() + end)
        const grid = { anchor: new Date(start.getTime() - 1_234), startOn: null, endOn, dstGap }
        const given: Schedule = { recurrence, grid, catchUp, catchUpWindow }
        let next = nextSlot(recurrence, grid, start)
        const first = next
        let now = start
        const accounted: Date[] = []
        for (const wait of looks) {
          now = new Date(now.getTime() + wait)
          while (next && next <= now) {
            const { fire, missed, next: following } = dueSlots(given, next, now)
            if (missed) {
              const range = allSlots(given, missed.first, missed.until)
              expect(range[0]).toEqual(missed.first)
              expect(range.at(-1)).toEqual(missed.until)
              expect(missed.count).toBe(Math.min(range.length, 1000))
              accounted.push(...range)
            }
            accounted.push(...fire)
            if (catchUp !== 'ALL') expect(fire.length).toBeLessThanOrEqual(1)
            if (catchUp === 'NONE') for (const slot of fire) expect(now.getTime() - slot.getTime()).toBeLessThan(15_001)
            expect(following === null || following > next).toBe(true)
            next = following
          }
        }
        expect(accounted).toEqual(first ? allSlots(given, first, now) : [])
      }),
      { numRuns: 300 },
    )
  })
})
