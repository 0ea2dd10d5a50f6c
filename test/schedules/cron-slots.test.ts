import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type DstGap,
  type Grid,
  nextSlot,
  nextSlots,
  type Recurrence,
  slotsBetween,
} from '../../src/schedules/recurrence.ts'

const hour = 3_600_000
const day = 24 * hour
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

type Shown = { instant: number; wall: number }

/** What a zone's clocks show at an instant, read from Intl's date and time; in milliseconds as though it were UTC. */
function clockOf(zone: string) {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  return (instant: number): Shown => {
    const [month = 0, date, year = 0, hours, minutes] = (format.format(instant).match(/\d+/g) ?? []).map(Number)
    return { instant, wall: Date.UTC(year, month - 1, date, hours, minutes) }
  }
}

type Clock = ReturnType<typeof clockOf>

const quarters = (clock: Clock, from: number, until: number) =>
  Array.from({ length: Math.floor((until - from) / (hour / 4)) + 1 }, (_, i) => clock(from + (i * hour) / 4))

/** `fixed`: neither `*` nor a step in it. */
type Written = { text: string; fixed: boolean; values: number[] }

type Times = { text: string; fixed: boolean; matches: (wall: number) => boolean }

/** Minutes on the quarter, any hours, perhaps not each weekday. */
const times: fc.Arbitrary<Times> = fc
  .tuple(
    fc.oneof<fc.Arbitrary<Written>[]>(
      fc.constant({ text: '*/15', fixed: false, values: [0, 15, 30, 45] }),
      fc.constant({ text: '15-45/30', fixed: false, values: [15, 45] }),
      fc.subarray([0, 15, 30, 45], { minLength: 1 }).map((values) => ({ text: values.join(), fixed: true, values })),
    ),
    fc.oneof<fc.Arbitrary<Written>[]>(
      fc.constant({ text: '*', fixed: false, values: Array.from({ length: 24 }, (_, i) => i) }),
      fc.constant({ text: '*/3', fixed: false, values: [0, 3, 6, 9, 12, 15, 18, 21] }),
      fc
        .subarray([0, 1, 2, 3, 4, 9, 22, 23], { minLength: 1, maxLength: 5 })
        .map((values) => ({ text: values.join(), fixed: true, values })),
    ),
    fc.oneof<fc.Arbitrary<number[]>[]>(
      fc.constant([0, 1, 2, 3, 4, 5, 6]),
      fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 2 }),
    ),
  )
  .map(([minutes, hours, weekdays]) => ({
    text: `${minutes.text} ${hours.text} * * ${weekdays.join()}`,
    fixed: minutes.fixed && hours.fixed,
    matches: (wall) => {
      const time = new Date(wall)
      return (
        minutes.values.includes(time.getUTCMinutes()) &&
        hours.values.includes(time.getUTCHours()) &&
        weekdays.includes(time.getUTCDay())
      )
    },
  }))

/** The rule said another way, by a look at each quarter of an hour: the slots among `shown`, the first of which only says where the clocks stood. */
function expectedSlots(shown: Shown[], { fixed, matches }: Times, dstGap: DstGap) {
  const slots = new Set<number>()
  const seen = new Set<number>()
  let highest = shown[0]?.wall ?? 0
  for (const { instant, wall } of shown.slice(1)) {
    const missing = wall - highest - hour / 4
    if (fixed && dstGap === 'RUN_AFTER_GAP' && missing > 0 && missing < day) {
      for (let lost = highest + hour / 4; lost < wall; lost += hour / 4) if (matches(lost)) slots.add(instant)
    }
    if (matches(wall) && !(fixed && seen.has(wall))) slots.add(instant)
    seen.add(wall)
    highest = Math.max(highest, wall)
  }
  return [...slots].map((slot) => new Date(slot).toISOString())
}

function agree(zone: string, clock: Clock, around: number, expression: Times, dstGap: DstGap) {
  const [from, until] = [around - 1.5 * day, around + 1.5 * day]
  const shown = quarters(clock, from - 12 * hour, until)
  const expected = expectedSlots(shown, expression, dstGap).filter((slot) => Date.parse(slot) > from)
  const r = cron(expression.text, zone)
  const g = grid({ dstGap })
  const slots = walk(r, g, new Date(from), new Date(until))
  expect(
    slots.map((slot) => slot.toISOString()),
    `${expression.text} in ${zone}, ${dstGap}`,
  ).toEqual(expected)
  for (let end = around - 3 * hour; end <= around + 3 * hour; end += hour / 4) {
    const newest = slots.findLast((slot) => slot.getTime() <= end) ?? null
    const range = slotsBetween(r, g, new Date(from), new Date(end), 1)
    expect(range?.newest ?? null, `newest of ${expression.text} in ${zone}, ${dstGap}`).toEqual(newest)
    const after = slots.find((slot) => slot.getTime() > end + 1) ?? null
    if (after) expect(nextSlot(r, g, new Date(end + 1))).toEqual(after)
  }
}

describe('any expression around any change of the clocks', () => {
  const changes: [string, string][] = [
    ['America/New_York', '2027-03-14T07:00:00Z'],
    ['America/New_York', '2027-11-07T06:00:00Z'],
    ['Europe/Berlin', '2027-03-28T01:00:00Z'],
    ['Europe/Berlin', '2027-10-31T01:00:00Z'],
    ['Africa/Cairo', '2027-04-29T22:00:00Z'],
    ['Africa/Cairo', '2027-10-28T21:00:00Z'],
    ['America/Sao_Paulo', '2017-10-15T03:00:00Z'],
    ['America/Sao_Paulo', '2017-02-19T02:00:00Z'],
    ['Australia/Lord_Howe', '2027-10-02T15:30:00Z'],
    ['Australia/Lord_Howe', '2027-04-03T15:00:00Z'],
    ['Pacific/Apia', '2011-12-30T10:00:00Z'],
    ['Antarctica/Troll', '2027-03-28T01:00:00Z'],
    ['Antarctica/Troll', '2027-10-31T01:00:00Z'],
    ['Africa/Casablanca', '2027-02-07T02:00:00Z'],
    ['Africa/Casablanca', '2027-03-14T02:00:00Z'],
    ['America/Nuuk', '2027-03-28T01:00:00Z'],
    ['America/Nuuk', '2027-10-31T01:00:00Z'],
  ]

  it('has the slots that the rule says', () => {
    const dstGap = fc.constantFrom<DstGap>('RUN_AFTER_GAP', 'SKIP')
    fc.assert(
      fc.property(fc.constantFrom(...changes), times, dstGap, ([zone, change], expression, gap) => {
        agree(zone, clockOf(zone), Date.parse(change), expression, gap)
      }),
      { seed: 20270314, numRuns: 70 },
    )
  })

  it('has them at each change of any zone in 2027', () => {
    const seen = new Set<string>()
    const samples = fc.sample(times, { seed: 20270314, numRuns: 40 })
    let drawn = 0
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const clock = clockOf(zone)
      for (const change of changesIn(clock, Date.UTC(2027, 0, 1), Date.UTC(2028, 0, 1))) {
        if (seen.has(change.key)) continue
        seen.add(change.key)
        for (let i = 0; i < 2; i++) {
          const expression = samples[drawn++ % samples.length]
          if (expression) agree(zone, clock, change.at, expression, drawn % 4 === 0 ? 'SKIP' : 'RUN_AFTER_GAP')
        }
      }
    }
    expect(seen.size).toBeGreaterThan(30)
  })
})

/** Changes that are the same for several zones have the same `key`. */
function changesIn(clock: Clock, from: number, until: number) {
  const changes: { at: number; key: string }[] = []
  const offset = (instant: number) => clock(instant).wall - instant
  for (let low = from; low < until; low += 7 * day) {
    const [before, after] = [offset(low), offset(low + 7 * day)]
    if (before === after) continue
    let [last, first] = [low, low + 7 * day]
    while (first - last > hour / 4) {
      const middle = last + Math.floor((first - last) / (hour / 2)) * (hour / 4)
      if (offset(middle) === before) last = middle
      else first = middle
    }
    changes.push({ at: first, key: `${first} ${before} ${after}` })
  }
  return changes
}

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
