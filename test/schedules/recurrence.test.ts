import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CronDialect } from '../../src/schedules/cron-dialect.ts'
import {
  checkRecurrence,
  type DstGap,
  type Grid,
  isOneTime,
  nextSlot,
  nextSlots,
  type Recurrence,
  RecurrenceError,
  slotsBetween,
} from '../../src/schedules/recurrence.ts'
import { recurrenceOf, storedOf } from '../../src/schedules/stored.ts'
import { minuteExpressions } from './expressions.ts'
import { day, minute, readExpression } from './oracle.ts'

const at = (text: string) => new Date(text)
const iso = (dates: (Date | null)[]) => dates.map((date) => date?.toISOString().replace('.000Z', 'Z') ?? null)
const fixedSeed = { seed: 20270314, numRuns: 100 }

const grid = (changes: Partial<Grid> = {}): Grid => {
  return { anchor: at('2027-01-01T00:00:00Z'), startOn: null, endOn: null, dstGap: 'RUN_AFTER_GAP', ...changes }
}

const cron = (expression: string, timezone = 'UTC', dialect: CronDialect = 'VIXIE'): Recurrence => {
  return { kind: 'CRON', expression, dialect, timezone }
}

const quartz = (expression: string, timezone = 'UTC') => cron(expression, timezone, 'QUARTZ')

/** Every slot in (from, until], one by one. */
const walk = (r: Recurrence, g: Grid, from: Date, until: Date) => {
  const slots: Date[] = []
  for (let slot = nextSlot(r, g, from); slot && slot <= until; slot = nextSlot(r, g, slot)) slots.push(slot)
  return slots
}

describe('a CRON recurrence', () => {
  const from = at('2027-01-01T00:00:00Z')
  const first = (r: Recurrence, count: number, after = from) => iso(nextSlots(r, grid(), after, count))

  it('is read in its zone', () => {
    expect(first(cron('0 9 * * *', 'Asia/Tokyo'), 2)).toEqual(['2027-01-02T00:00:00Z', '2027-01-03T00:00:00Z'])
    expect(first(cron('0 9 * * *', 'asia/calcutta'), 1)).toEqual(['2027-01-01T03:30:00Z'])
  })

  it('gives the first slot after an instant, never the instant itself', () => {
    expect(first(cron('0 0 * * *'), 1)).toEqual(['2027-01-02T00:00:00Z'])
    expect(first(cron('0 0 * * *'), 1, at('2026-12-31T23:59:59.999Z'))).toEqual(['2027-01-01T00:00:00Z'])
    expect(first(cron('0 0 * * *'), 1, at('2027-01-01T00:00:00.001Z'))).toEqual(['2027-01-02T00:00:00Z'])
    expect(first(cron('0 0 * * *', 'Europe/Berlin'), 1, at('2026-12-31T22:59:59.999Z'))).toEqual([
      '2026-12-31T23:00:00Z',
    ])
  })

  it('with six fields has seconds first', () => {
    expect(first(cron('*/30 0 0 * * *'), 2)).toEqual(['2027-01-01T00:00:30Z', '2027-01-02T00:00:00Z'])
  })

  it('takes either day field when both are restricted', () => {
    expect(first(cron('0 0 13 * FRI'), 4)).toEqual([
      '2027-01-08T00:00:00Z',
      '2027-01-13T00:00:00Z',
      '2027-01-15T00:00:00Z',
      '2027-01-22T00:00:00Z',
    ])
  })

  it('takes either day field also when one begins with *, unlike Vixie’s own cron', () => {
    expect(first(cron('0 0 */20 * MON'), 4)).toEqual([
      '2027-01-04T00:00:00Z',
      '2027-01-11T00:00:00Z',
      '2027-01-18T00:00:00Z',
      '2027-01-21T00:00:00Z',
    ])
  })

  it('knows leap days and the ends of months', () => {
    expect(first(cron('0 0 29 2 *'), 2)).toEqual(['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z'])
    expect(first(cron('0 0 29 2 *'), 1, at('2096-03-01T00:00:00Z'))).toEqual(['2104-02-29T00:00:00Z'])
    expect(first(cron('0 0 31 * *'), 3, at('2027-01-31T00:00:00Z'))).toEqual([
      '2027-03-31T00:00:00Z',
      '2027-05-31T00:00:00Z',
      '2027-07-31T00:00:00Z',
    ])
    expect(first(quartz('0 0 0 L 2 ?'), 2)).toEqual(['2027-02-28T00:00:00Z', '2028-02-29T00:00:00Z'])
    expect(first(quartz('0 0 0 ? 2 1#5'), 2)).toEqual(['2032-02-29T00:00:00Z', '2060-02-29T00:00:00Z'])
  })

  it.each([
    ['0 0 0 ? * 1', ['2027-01-03', '2027-01-10', '2027-01-17']],
    ['0 0 0 ? * L', ['2027-01-02', '2027-01-09', '2027-01-16']],
    ['0 0 0 ? * FRIL', ['2027-01-29', '2027-02-26', '2027-03-26']],
    ['0 0 0 ? * 6#3', ['2027-01-15', '2027-02-19', '2027-03-19']],
    ['0 0 0 ? * FRI-MON', ['2027-01-02', '2027-01-03', '2027-01-04']],
    ['0 0 0 LW * ?', ['2027-01-29', '2027-02-26', '2027-03-31']],
    ['0 0 0 L-3 * ?', ['2027-01-28', '2027-02-25', '2027-03-28']],
    ['0 0 0 L-3W * ?', ['2027-01-28', '2027-02-25', '2027-03-29']],
    ['0 0 0 1W * ?', ['2027-02-01', '2027-03-01', '2027-04-01']],
    ['0 0 0 15W * ?', ['2027-01-15', '2027-02-15', '2027-03-15']],
    ['0 0 0 31W * ?', ['2027-01-29', '2027-03-31', '2027-05-31']],
    ['0 0 0 1 1 ? 2030/9', ['2030-01-01', '2039-01-01', '2048-01-01']],
  ])('in Quartz’s words: %s', (expression, days) => {
    expect(first(quartz(expression), 3)).toEqual(days.map((date) => `${date}T00:00:00Z`))
  })

  it('ends with its last year', () => {
    expect(first(quartz('0 0 0 1 1,7 ? 2027-2028'), 9)).toEqual([
      '2027-07-01T00:00:00Z',
      '2028-01-01T00:00:00Z',
      '2028-07-01T00:00:00Z',
    ])
  })

  it('answers the same however it was asked before', () => {
    const r = cron('*/7 3-9 * * *', 'Europe/Berlin')
    const asked = Array.from({ length: 50 }, (_, i) => new Date(from.getTime() + i * 3_333_333))
    const forwards = asked.map((after) => nextSlot(r, grid(), after)?.getTime())
    for (let minute = 0; minute < 60; minute++) {
      for (let hour = 0; hour < 20; hour++) nextSlot(cron(`${minute} ${hour} * * *`), grid(), from)
    }
    expect(asked.toReversed().map((after) => nextSlot(r, grid(), after)?.getTime())).toEqual(forwards.toReversed())
  })
})

const instant = fc.date({ min: at('2024-01-01T00:00:00Z'), max: at('2036-01-01T00:00:00Z'), noInvalidDate: true })

describe('any expression', () => {
  it('has in UTC as its slots the minutes that match it, no more and no fewer', () => {
    let slotsSeen = 0
    fc.assert(
      fc.property(minuteExpressions, instant, ({ expression, dialect }, from) => {
        const { matches } = readExpression(expression, dialect)
        const until = new Date(from.getTime() + 3 * day)
        const expected: string[] = []
        for (let time = Math.floor(from.getTime() / minute + 1) * minute; time <= until.getTime(); time += minute) {
          if (matches(new Date(time))) expected.push(new Date(time).toISOString())
        }
        slotsSeen += expected.length
        const slots = walk(cron(expression, 'UTC', dialect), grid(), from, until)
        expect(slots.map((slot) => slot.toISOString())).toEqual(expected)
      }),
      fixedSeed,
    )
    expect(slotsSeen).toBeGreaterThan(1000)
  })

  it('has slots that only rise', () => {
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe')
    fc.assert(
      fc.property(minuteExpressions, zone, instant, ({ expression, dialect }, timezone, from) => {
        const r = cron(expression, timezone, dialect)
        const slots = [from, ...nextSlots(r, grid(), from, 20)].map((slot) => slot.getTime())
        expect(slots.toSorted((a, b) => a - b)).toEqual(slots)
        expect(new Set(slots).size).toBe(slots.length)
      }),
      { ...fixedSeed, numRuns: 60 },
    )
  })
})

describe('an INTERVAL', () => {
  const every = (seconds: number): Recurrence => ({ kind: 'INTERVAL', seconds })

  it('has its first slot one interval after the anchor', () => {
    const anchor = at('2027-01-01T00:00:00.250Z')
    expect(iso(nextSlots(every(90), grid({ anchor }), at('2020-01-01T00:00:00Z'), 2))).toEqual([
      '2027-01-01T00:01:30.250Z',
      '2027-01-01T00:03:00.250Z',
    ])
    expect(iso([nextSlot(every(90), grid({ anchor }), at('2027-01-01T00:01:30.250Z'))])).toEqual([
      '2027-01-01T00:03:00.250Z',
    ])
  })

  it('never leaves its grid, wherever it is asked from', () => {
    fc.assert(
      fc.property(instant, instant, fc.integer({ min: 1, max: 366 * 86_400 }), (anchor, after, seconds) => {
        const slot = nextSlot(every(seconds), grid({ anchor }), after)?.getTime() ?? Number.NaN
        expect((slot - anchor.getTime()) % (seconds * 1000)).toBe(0)
        expect(slot).toBeGreaterThan(after.getTime())
        expect(slot).toBeGreaterThan(anchor.getTime())
        const before = slot - seconds * 1000
        expect(before <= after.getTime() || before === anchor.getTime()).toBe(true)
      }),
      fixedSeed,
    )
  })
})

describe('ONCE', () => {
  const r: Recurrence = { kind: 'ONCE', at: at('2027-05-01T10:00:00.123Z') }

  it('has one slot, and none after it', () => {
    expect(nextSlots(r, grid(), at('2027-01-01T00:00:00Z'), 5)).toEqual([r.at])
    expect(nextSlot(r, grid(), r.at)).toBeNull()
    expect(slotsBetween(r, grid(), at('2027-01-01T00:00:00Z'), r.at)).toEqual({
      first: r.at,
      newest: r.at,
      count: 1,
      capped: false,
    })
  })
})

describe('startOn and endOn', () => {
  it.each<[string, Recurrence]>([
    ['CRON', cron('0 0 * * *')],
    ['INTERVAL', { kind: 'INTERVAL', seconds: 86_400 }],
  ])('bound the slots of a %s, and a slot at either counts', (_, r) => {
    const bounds = grid({ startOn: at('2027-03-02T00:00:00Z'), endOn: at('2027-03-04T00:00:00Z') })
    const days = ['2027-03-02T00:00:00Z', '2027-03-03T00:00:00Z', '2027-03-04T00:00:00Z']
    expect(iso(nextSlots(r, bounds, at('2027-01-01T00:00:00Z'), 9))).toEqual(days)
    expect(slotsBetween(r, bounds, at('2027-01-01T00:00:00Z'), at('2028-01-01T00:00:00Z'), 2)).toEqual({
      first: at('2027-03-02T00:00:00Z'),
      newest: at('2027-03-04T00:00:00Z'),
      count: 2,
      capped: true,
    })
  })

  it('hide a ONCE that is outside', () => {
    const r: Recurrence = { kind: 'ONCE', at: at('2027-05-01T00:00:00Z') }
    expect(nextSlot(r, grid({ startOn: at('2027-05-01T00:00:00.001Z') }), at('2027-01-01T00:00:00Z'))).toBeNull()
    expect(nextSlot(r, grid({ endOn: at('2027-04-30T00:00:00Z') }), at('2027-01-01T00:00:00Z'))).toBeNull()
    expect(nextSlot(r, grid({ startOn: r.at, endOn: r.at }), at('2027-01-01T00:00:00Z'))).toEqual(r.at)
  })
})

describe('slotsBetween', () => {
  it('says nothing where there is nothing', () => {
    expect(slotsBetween(cron('0 0 1 1 *'), grid(), at('2027-01-01T00:00:00Z'), at('2027-12-31T23:59:59Z'))).toBeNull()
    expect(slotsBetween(cron('* * * * *'), grid(), at('2027-01-02T00:00:00Z'), at('2027-01-01T00:00:00Z'))).toBeNull()
  })

  it('counts up to the limit and knows the newest all the same', () => {
    const [from, until] = [at('2027-01-01T00:00:00Z'), at('2027-02-01T00:00:00Z')]
    const expected = { first: at('2027-01-01T00:00:01Z'), newest: until, count: 1000, capped: true }
    expect(slotsBetween(cron('* * * * * *', 'Europe/Berlin'), grid(), from, until)).toEqual(expected)
    expect(slotsBetween({ kind: 'INTERVAL', seconds: 1 }, grid(), from, until)).toEqual(expected)
    expect(slotsBetween({ kind: 'INTERVAL', seconds: 1 }, grid(), from, at('2027-01-01T00:16:40Z'))).toMatchObject({
      count: 1000,
      capped: false,
    })
    expect(slotsBetween(cron('* * * * * *'), grid(), from, at('2027-01-01T00:16:40Z'))).toMatchObject({
      count: 1000,
      capped: false,
    })
  })

  it('agrees with a walk from slot to slot', () => {
    const zone = fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/Nuuk')
    const recurrence: fc.Arbitrary<Recurrence> = fc.oneof(
      fc
        .tuple(minuteExpressions, zone)
        .map(([{ expression, dialect }, timezone]) => cron(expression, timezone, dialect)),
      fc.integer({ min: 600, max: 400_000 }).map((seconds): Recurrence => ({ kind: 'INTERVAL', seconds })),
    )
    const bounds = fc.record({
      startOn: fc.option(instant),
      endOn: fc.option(instant),
      dstGap: fc.constantFrom<DstGap>('RUN_AFTER_GAP', 'SKIP'),
    })
    const days = fc.integer({ min: 0, max: 20 * day })
    fc.assert(
      fc.property(
        recurrence,
        bounds,
        instant,
        days,
        fc.integer({ min: 1, max: 40 }),
        (r, bound, from, length, limit) => {
          const g = grid({ anchor: at('2024-01-01T00:00:00Z'), ...bound })
          const until = new Date(from.getTime() + length)
          const slots: Date[] = []
          for (
            let slot = nextSlot(r, g, from);
            slot && slot <= until && slots.length < 300;
            slot = nextSlot(r, g, slot)
          ) {
            slots.push(slot)
          }
          fc.pre(slots.length < 300)
          const range = slotsBetween(r, g, from, until, limit)
          if (slots.length === 0) expect(range).toBeNull()
          else {
            expect(range).toEqual({
              first: slots[0],
              newest: slots.at(-1),
              count: Math.min(slots.length, limit),
              capped: slots.length > limit,
            })
          }
        },
      ),
      fixedSeed,
    )
  })
})

describe('checkRecurrence', () => {
  const now = at('2027-01-01T00:00:00Z')
  const refusal = (r: Recurrence) => {
    try {
      checkRecurrence(r, now)
    } catch (error) {
      if (error instanceof RecurrenceError) return `${error.field}: ${error.message}`
      throw error
    }
    return null
  }

  it.each<[Recurrence]>([
    [cron('0 9 * * MON-FRI', 'europe/berlin')],
    [quartz('0 0 0 1 1 ? 2028')],
    [quartz('0 0 0 29 2 ? 2096')],
    [{ kind: 'INTERVAL', seconds: 1 }],
    [{ kind: 'INTERVAL', seconds: 366 * 86_400 }],
    [{ kind: 'ONCE', at: at('2000-01-01T00:00:00Z') }],
  ])('lets %j pass', (r) => {
    expect(refusal(r)).toBeNull()
  })

  it.each<[Recurrence, string]>([
    [cron('61 * * * *'), 'expression: minute: 61 is not in 0–59'],
    [cron('0 9 * * *', ''), "timezone: '' is not an IANA time zone"],
    [cron('0 9 * * *', '+02:00'), "timezone: '+02:00' is not an IANA time zone"],
    [{ kind: 'INTERVAL', seconds: 0 }, 'seconds: 0 is not a whole number of seconds from 1 to 31622400'],
    [{ kind: 'INTERVAL', seconds: 1.5 }, 'seconds: 1.5 is not a whole number of seconds from 1 to 31622400'],
    [
      { kind: 'INTERVAL', seconds: 31_622_401 },
      'seconds: 31622401 is not a whole number of seconds from 1 to 31622400',
    ],
    [{ kind: 'INTERVAL', seconds: Number.NaN }, 'seconds: NaN is not a whole number of seconds from 1 to 31622400'],
    [{ kind: 'ONCE', at: new Date(Number.NaN) }, 'at: the instant is not a date before the year 10000'],
    [{ kind: 'ONCE', at: at('+010000-01-01T00:00:00Z') }, 'at: the instant is not a date before the year 10000'],
  ])('refuses %j', (r, message) => {
    expect(refusal(r)).toBe(message)
    if (r.kind !== 'ONCE') expect(() => nextSlot(r, grid(), now)).toThrow(RecurrenceError)
  })

  it('refuses what never fires', () => {
    expect(refusal(cron('0 0 30 2 *'))).toBe("expression: '0 0 30 2 *' will never fire")
  })
})

describe('an interval that comes once', () => {
  const second = fc.integer({ min: 1, max: 366 * 86_400 })

  it('has the first slot of the interval, and no other', () => {
    fc.assert(
      fc.property(second, instant, instant, fc.option(instant), (seconds, anchor, after, startOn) => {
        const once: Recurrence = { kind: 'INTERVAL', seconds, once: true }
        const window = grid({ anchor, startOn })
        const only = new Date(anchor.getTime() + seconds * 1000)
        const isThere = only > after && !(startOn && only < startOn)
        expect(nextSlot(once, window, after)).toEqual(isThere ? only : null)
        expect(nextSlots(once, window, after, 3)).toEqual(isThere ? [only] : [])
        const far = new Date('2100-01-01T00:00:00Z')
        expect(slotsBetween(once, window, after, far)).toEqual(
          isThere ? { first: only, newest: only, count: 1, capped: false } : null,
        )
        if (isThere) expect(slotsBetween(once, window, after, new Date(only.getTime() - 1))).toBeNull()
        expect(isOneTime(once)).toBe(true)
        expect(isOneTime({ kind: 'INTERVAL', seconds })).toBe(false)
      }),
      fixedSeed,
    )
  })

  it('is stored and read as all others are', () => {
    for (const recurrence of [
      { kind: 'INTERVAL', seconds: 60, once: true },
      { kind: 'INTERVAL', seconds: 60 },
      { kind: 'ONCE', at: at('2027-01-01T00:00:00Z') },
      cron('0 0 * * *', 'Europe/Berlin'),
      quartz('0 0 0 L * ?'),
    ] satisfies Recurrence[]) {
      expect(recurrenceOf(storedOf(recurrence))).toEqual(recurrence)
    }
  })
})
