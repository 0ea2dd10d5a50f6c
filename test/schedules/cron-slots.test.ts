import { describe, expect, it } from 'vitest'
import {
  type DstGap,
  type Grid,
  nextSlot,
  nextSlots,
  type Recurrence,
  slotsBetween,
} from '../../src/schedules/recurrence.ts'

const day = 86_400_000
const at = (text: string) => new Date(text)
const iso = (dates: (Date | null)[]) => dates.map((date) => date?.toISOString().replace('.000Z', 'Z') ?? null)

const grid = (changes: Partial<Grid> = {}): Grid => {
  return { anchor: at('2027-01-01T00:00:00Z'), startOn: null, endOn: null, dstGap: 'RUN_AFTER_GAP', ...changes }
}

const cron = (expression: string, timezone = 'UTC'): Recurrence => {
  return { kind: 'CRON', expression, dialect: 'VIXIE', timezone }
}

const quartz = (expression: string, timezone = 'UTC'): Recurrence => {
  return { kind: 'CRON', expression, dialect: 'QUARTZ', timezone }
}

/** Every slot in (from, until], one by one. */
const walk = (r: Recurrence, g: Grid, from: Date, until: Date) => {
  const slots: Date[] = []
  for (let slot = nextSlot(r, g, from); slot && slot <= until; slot = nextSlot(r, g, slot)) slots.push(slot)
  return slots
}

const between = (expression: string, zone: string, from: string, until: string, dstGap: DstGap = 'RUN_AFTER_GAP') =>
  iso(walk(cron(expression, zone), grid({ dstGap }), at(from), at(until)))

describe('a change of the clocks in New York', () => {
  const spring = ['America/New_York', '2027-03-14T05:00:00Z', '2027-03-15T04:00:00Z'] as const
  const autumn = ['America/New_York', '2027-11-07T04:00:00Z', '2027-11-08T05:00:00Z'] as const

  it('a fixed time in the gap runs once, as the gap ends', () => {
    expect(between('30 2 * * *', ...spring)).toEqual(['2027-03-14T07:00:00Z'])
  })

  it('a fixed time in the gap does not run under SKIP', () => {
    expect(between('30 2 * * *', ...spring, 'SKIP')).toEqual([])
    expect(between('0 3 * * *', ...spring, 'SKIP')).toEqual(['2027-03-14T07:00:00Z'])
  })

  it('a fixed time beside the overlap runs once', () => {
    expect(between('30 2 * * *', ...autumn)).toEqual(['2027-11-07T07:30:00Z'])
    expect(between('59 0 * * *', ...autumn)).toEqual(['2027-11-07T04:59:00Z'])
  })

  it('a fixed time in the overlap runs the first time only', () => {
    expect(between('30 1 * * *', ...autumn)).toEqual(['2027-11-07T05:30:00Z'])
    expect(between('0,30 1 * * *', ...autumn)).toEqual(['2027-11-07T05:00:00Z', '2027-11-07T05:30:00Z'])
    expect(between('30 0-2 * * *', ...autumn)).toEqual([
      '2027-11-07T04:30:00Z',
      '2027-11-07T05:30:00Z',
      '2027-11-07T07:30:00Z',
    ])
  })

  it('several fixed times in one gap are one slot, and one with the time at which the gap ends', () => {
    expect(between('0,30 2 * * *', ...spring)).toEqual(['2027-03-14T07:00:00Z'])
    expect(between('0,30 2-3 * * *', ...spring)).toEqual(['2027-03-14T07:00:00Z', '2027-03-14T07:30:00Z'])
    expect(between('0,30 2-3 * * *', ...spring, 'SKIP')).toEqual(['2027-03-14T07:00:00Z', '2027-03-14T07:30:00Z'])
  })

  it('a wildcard or a step follows elapsed time: the lost hour has no slots, the repeated hour has them twice', () => {
    expect(between('30 * * * *', ...spring)).toHaveLength(23)
    expect(between('30 * * * *', ...autumn)).toHaveLength(25)
    expect(between('*/15 * * * *', ...spring)).toHaveLength(23 * 4)
    expect(between('*/15 * * * *', ...autumn)).toHaveLength(25 * 4)
    expect(between('0 */2 * * *', ...spring)).toHaveLength(11)
    expect(between('0 */2 * * *', ...autumn).slice(0, 2)).toEqual(['2027-11-07T07:00:00Z', '2027-11-07T09:00:00Z'])
    expect(between('*/30 1 * * *', ...autumn)).toEqual([
      '2027-11-07T05:00:00Z',
      '2027-11-07T05:30:00Z',
      '2027-11-07T06:00:00Z',
      '2027-11-07T06:30:00Z',
    ])
    expect(between('*/15 2 * * *', ...spring)).toEqual([])
    expect(between('* 30 2 * * *', ...spring)).toEqual([])
  })

  it('steps in seconds run through both passes of the repeated hour', () => {
    const range = slotsBetween(cron('*/20 59 1 * * *', 'America/New_York'), grid(), at(autumn[1]), at(autumn[2]))
    expect(range).toEqual({
      first: at('2027-11-07T05:59:00Z'),
      newest: at('2027-11-07T06:59:40Z'),
      count: 6,
      capped: false,
    })
  })

  it('an interval takes no notice', () => {
    const r: Recurrence = { kind: 'INTERVAL', seconds: 86_400 }
    expect(iso(nextSlots(r, grid(), at(spring[1]), 2))).toEqual(['2027-03-15T00:00:00Z', '2027-03-16T00:00:00Z'])
  })
})

describe('a change of the clocks elsewhere', () => {
  it.each<[string, string, string, string, string[]]>([
    ['Europe/Berlin', '30 2 * * *', '2027-03-27T12:00:00Z', '2027-03-28T12:00:00Z', ['2027-03-28T01:00:00Z']],
    ['Europe/Berlin', '30 2 * * *', '2027-10-30T12:00:00Z', '2027-10-31T12:00:00Z', ['2027-10-31T00:30:00Z']],
    ['Africa/Cairo', '0 0 * * *', '2027-04-29T12:00:00Z', '2027-04-30T12:00:00Z', ['2027-04-29T22:00:00Z']],
    ['Africa/Cairo', '30 23 * * *', '2027-10-28T12:00:00Z', '2027-10-29T12:00:00Z', ['2027-10-28T20:30:00Z']],
    ['America/Sao_Paulo', '0 0 * * *', '2017-10-14T12:00:00Z', '2017-10-15T12:00:00Z', ['2017-10-15T03:00:00Z']],
    ['America/Sao_Paulo', '30 23 * * *', '2018-02-17T12:00:00Z', '2018-02-18T12:00:00Z', ['2018-02-18T01:30:00Z']],
    ['Australia/Lord_Howe', '15 2 * * *', '2027-10-02T06:00:00Z', '2027-10-03T06:00:00Z', ['2027-10-02T15:30:00Z']],
    ['Australia/Lord_Howe', '45 1 * * *', '2027-04-03T06:00:00Z', '2027-04-04T06:00:00Z', ['2027-04-03T14:45:00Z']],
    ['Antarctica/Troll', '30 1,2 * * *', '2027-03-27T12:00:00Z', '2027-03-28T12:00:00Z', ['2027-03-28T01:00:00Z']],
    ['Antarctica/Troll', '30 2 * * *', '2027-10-30T12:00:00Z', '2027-10-31T12:00:00Z', ['2027-10-31T00:30:00Z']],
    ['Africa/Casablanca', '30 2 * * *', '2027-02-06T12:00:00Z', '2027-02-07T12:00:00Z', ['2027-02-07T01:30:00Z']],
    ['Africa/Casablanca', '30 2 * * *', '2027-03-13T12:00:00Z', '2027-03-14T12:00:00Z', ['2027-03-14T02:00:00Z']],
  ])('%s: `%s` after %s', (zone, expression, from, until, slots) => {
    expect(between(expression, zone, from, until)).toEqual(slots)
  })

  it.each(['America/Nuuk', 'America/Scoresbysund'])(
    '%s: a gap that ends at midnight is made up for on the next day',
    (zone) => {
      const weekend = [zone, '2027-03-27T12:00:00Z', '2027-03-29T12:00:00Z'] as const
      expect(between('30 23 * * *', ...weekend)).toEqual(['2027-03-28T01:00:00Z', '2027-03-29T00:30:00Z'])
      expect(between('30 23 * * SAT', ...weekend)).toEqual(['2027-03-28T01:00:00Z'])
      expect(between('30 23 * * *', ...weekend, 'SKIP')).toEqual(['2027-03-29T00:30:00Z'])
    },
  )

  it('Pacific/Apia: a day that was left out has no slots, not even after it', () => {
    const days = ['Pacific/Apia', '2011-12-29T12:00:00Z', '2011-12-31T12:00:00Z'] as const
    expect(between('0 9 * * *', ...days)).toEqual(['2011-12-29T19:00:00Z', '2011-12-30T19:00:00Z'])
    expect(between('0 9 30 12 *', ...days)).toEqual([])
    expect(between('0 */12 * * *', ...days)).toEqual([
      '2011-12-29T22:00:00Z',
      '2011-12-30T10:00:00Z',
      '2011-12-30T22:00:00Z',
      '2011-12-31T10:00:00Z',
    ])
  })

  it('what always falls into a gap and is skipped has no slot, and is found out', () => {
    const r = quartz('0 30 2 ? 3 1#2', 'America/New_York')
    expect(nextSlot(r, grid({ dstGap: 'SKIP' }), at('2027-01-01T00:00:00Z'))).toBeNull()
    expect(iso([nextSlot(r, grid(), at('2027-01-01T00:00:00Z'))])).toEqual(['2027-03-14T07:00:00Z'])
  })
})

describe('Quartz’s special days', () => {
  const [from, until] = [Date.UTC(2027, 0, 1) - 1, Date.UTC(2033, 0, 1)]
  const lastDate = (time: Date) => new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 0)).getUTCDate()

  /** The working day nearest to a date of the month of `time`, within that month; 0 if the month lacks the date. */
  const nearestWorkday = (time: Date, date: number) => {
    const last = lastDate(time)
    if (date < 1 || date > last) return 0
    const weekday = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), date)).getUTCDay()
    if (weekday === 6) return date > 1 ? date - 1 : 3
    if (weekday === 0) return date < last ? date + 1 : date - 2
    return date
  }

  const numbers = (low: number, high: number) => Array.from({ length: high - low + 1 }, (_, i) => low + i)
  const rules: [string, (time: Date) => boolean][] = [
    ['L * ?', (time) => time.getUTCDate() === lastDate(time)],
    ['LW * ?', (time) => time.getUTCDate() === nearestWorkday(time, lastDate(time))],
    ...numbers(1, 31).map((n): (typeof rules)[number] => [
      `${n}W * ?`,
      (time) => time.getUTCDate() === nearestWorkday(time, n),
    ]),
    ...numbers(0, 30).map((n): (typeof rules)[number] => [
      `L-${n} * ?`,
      (time) => time.getUTCDate() === lastDate(time) - n,
    ]),
    ...numbers(0, 30).map((n): (typeof rules)[number] => [
      `L-${n}W 2/2 ?`,
      (time) => time.getUTCMonth() % 2 === 1 && time.getUTCDate() === nearestWorkday(time, lastDate(time) - n),
    ]),
    ...numbers(1, 7).map((n): (typeof rules)[number] => [
      `? * ${n}L`,
      (time) => time.getUTCDay() === n - 1 && time.getUTCDate() > lastDate(time) - 7,
    ]),
    ...numbers(1, 5).flatMap((nth) =>
      numbers(1, 7).map((n): (typeof rules)[number] => [
        `? * ${n}#${nth}`,
        (time) => time.getUTCDay() === n - 1 && Math.ceil(time.getUTCDate() / 7) === nth,
      ]),
    ),
  ]

  it('fall where the calendar says, over six years', () => {
    for (const [days, matches] of rules) {
      const expected = numbers(1, Math.floor((until - from) / day))
        .map((n) => new Date(from + 1 + n * day))
        .filter((time) => matches(time) && time.getTime() <= until)
      const r = quartz(`0 0 0 ${days}`)
      expect(iso(walk(r, grid(), new Date(from + day), new Date(until))), days).toEqual(iso(expected))
      const newest = expected.findLast((time) => time.getTime() < until - 400 * day)
      if (newest && expected.length > 2) {
        expect(slotsBetween(r, grid(), new Date(from + day), new Date(until - 400 * day - 1), 1)?.newest, days).toEqual(
          newest,
        )
      }
    }
  })
})
