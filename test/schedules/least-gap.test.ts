import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leastGap } from '../../src/schedules/least-gap.ts'
import { type Grid, nextSlot, type Recurrence } from '../../src/schedules/recurrence.ts'
import { restrictedDays } from './expressions.ts'

const START = new Date('2026-11-28T10:00:00Z')
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** From slot to slot, as far as there are any or for so many. */
function walked(expression: string, after: Date, most = Number.POSITIVE_INFINITY): number | null {
  const recurrence: Recurrence = { kind: 'CRON', expression, dialect: 'QUARTZ', timezone: 'UTC' }
  const grid: Grid = { anchor: after, startOn: null, endOn: null, dstGap: 'RUN_AFTER_GAP' }
  let least: number | null = null
  let slot = nextSlot(recurrence, grid, after)
  for (let count = 1; slot && count < most; count++) {
    const next = nextSlot(recurrence, grid, slot)
    const gap = next && (next.getTime() - slot.getTime()) / 1000
    if (gap !== null && (least === null || gap < least)) least = gap
    slot = next
  }
  return least
}

const some = (...values: number[]) => fc.subarray(values, { minLength: 1, maxLength: 2 }).map((some) => some.join(','))

/** Close to midnight on both sides, and to the ends of hours and minutes. */
const times = fc
  .tuple(some(0, 0, 30, 59), some(0, 1, 55, 59), some(0, 1, 12, 23))
  .map((fields) => fields.map((field) => [...new Set(field.split(','))].join(',')).join(' '))

const days = fc.oneof(
  fc.constantFrom('* * ?', '? * *', '1 * ?', 'L * ?', '1,31 * ?', '* 1,12 ?', '? * SAT-SUN'),
  restrictedDays.QUARTZ.map((fields) => fields.split(' ').slice(0, 3).join(' ')),
)

const years = fc.constantFrom('2027', '2027-2028', '2028', '2026-2027', '2027,2029', '2031-2032')

describe('the least time between two firings', () => {
  test('is that of a walk over all of them, however few are left', () => {
    const after = fc.oneof(
      fc.constant(START),
      fc.date({ min: new Date('2026-06-01T00:00:00Z'), max: new Date('2028-12-31T23:59:59Z'), noInvalidDate: true }),
      fc
        .constantFrom('2027-12-31T23:57:00Z', '2028-02-28T23:59:30.500Z', '2027-12-31T23:59:59Z')
        .map((at) => new Date(at)),
    )
    const property = fc.property(times, days, years, after, (time, day, year, after) => {
      const expression = `${time} ${day} ${year}`
      expect(leastGap(expression, after), expression).toBe(walked(expression, after))
    })
    fc.assert(property, { numRuns: 150, seed: 20261128 })
  })

  test('is no longer than any of a walk where there is no end to them', () => {
    const property = fc.property(times, days, (time, day) => {
      const expression = `${time} ${day}`
      const seen = walked(expression, START, 60)
      const least = leastGap(expression, START)
      if (seen === null) return expect(least, expression).toBeNull()
      expect(least, expression).toBeLessThanOrEqual(seen)
      // a gap that is said to be there is there: within the day, or from one day to a later one
      if (least !== null && least < 20 * HOUR) expect(walked(expression, START, 1200), expression).toBe(least)
    })
    fc.assert(property, { numRuns: 60, seed: 20261128 })
  })

  test.each<[expression: string, least: number | null, why: string]>([
    ['0 0/10 * * * ?', 600, 'every ten minutes, the hour included'],
    ['0 0,55 * ? * *', 300, 'over the hour'],
    ['0 0,50 * ? * *', 600, 'over the hour, just so'],
    ['0 5/10 * * * ?', 600, 'from minute to minute'],
    ['0 0/7 * * * ?', 240, 'the last of an hour and the first of the next'],
    ['0 0/25 * * * ?', 600, 'the last of an hour, ten minutes before the next'],
    ['* * * * * ?', 1, 'every second'],
    ['0,59 0 12 * * ?', 59, 'within the minute'],
    ['30 9,19 * ? * *', 600, 'not on the minute'],
    ['59 0 0/1 * * ?', HOUR, 'every hour'],
    ['0 0,55 0,23 * * ?', 300, 'over midnight'],
    ['0 5,55 0,23 * * ?', 600, 'over midnight, just so'],
    ['0 5,54 0,23 * * ?', 660, 'over midnight, with a minute to spare'],
    ['0 0,59 0,23 1,31 * ?', MINUTE, 'over the end of a month'],
    ['0 0,59 0,23 1,30 * ?', MINUTE, 'from the 30th to the 1st, of four months only'],
    ['0 0,59 0,23 1,29 * ?', MINUTE, 'from the 29th of February, in leap years'],
    ['0 0,59 0,23 1,29 1,3-12 ?', 59 * MINUTE, 'from the 29th of no February'],
    ['0 0,59 0,23 1,28 2,3 ?', MINUTE, 'from the 28th of February, in other years'],
    ['0 0,59 0,23 1,28 2,3 ? 2028', 59 * MINUTE, 'not in a leap year'],
    ['0 0,59 0,23 29 2 ?', 59 * MINUTE, 'on one day in four years'],
    ['0 0,59 0,23 1,31 1,12 ?', MINUTE, 'over the end of the year'],
    ['0 0,59 0,23 1,31 1,12 ? 2027', 59 * MINUTE, 'over the end of no year that is in it'],
    ['0 0,59 0,23 1,31 1,12 ? 2027,2028', MINUTE, 'over the one end of a year that is'],
    ['0 0,59 0,23 1,31 1,12 ? 2027,2029', 59 * MINUTE, 'years that do not follow each other'],
    ['0 0,59 0,23 L * ?', 59 * MINUTE, 'the last day of each month has no neighbour'],
    ['0 59 23 L * ?', 28 * DAY, 'once a month'],
    ['0 0 0 1 1 ?', 365 * DAY, 'once a year'],
    ['0 0 0 29 2 ?', 1461 * DAY, 'once in four years'],
    ['0 0 0 ? 2 2#5', 4382 * DAY, 'a fifth Monday of February, 2096 and 2108'],
    ['0 0,59 0,23 ? * SUN,MON', MINUTE, 'from Sunday to Monday'],
    ['0 0,59 0,23 ? * SAT,SUN', MINUTE, 'over the end of the week'],
    ['0 0,59 0,23 ? * 1,3', 59 * MINUTE, 'weekdays that do not follow each other'],
    ['0 0,59 0,23 ? * 6#3', 59 * MINUTE, 'one Friday a month'],
    ['0 0,59 0,23 ? * 1L', 59 * MINUTE, 'one Sunday a month'],
    ['0 0,59 0,23 15W * ?', 59 * MINUTE, 'one workday a month'],
    ['0 0,59 0,23 L-3 * ?', 59 * MINUTE, 'three days before the end'],
    ['0 0 12 1 1 ? 2027', null, 'once'],
    ['0 0 12 1 1 ? 2020', null, 'never any more'],
    ['0 0 0 30 2 ?', null, 'never at all'],
    ['0 0 12 1 1 ? 2027,2099', 72 * 365.25 * DAY, 'twice'],
  ])('of %s is %s s: %s', (expression, least) => {
    expect(leastGap(expression, START)).toBe(least)
  })

  test.each<[after: string, least: number | null]>([
    ['2026-12-30T12:00:00Z', 300],
    ['2026-12-31T23:54:59.999Z', 300],
    ['2026-12-31T23:55:00Z', 55 * MINUTE],
    ['2027-12-31T22:59:59Z', 55 * MINUTE],
    ['2027-12-31T23:00:00Z', null],
    ['2027-12-31T23:55:00Z', null],
  ])('counts from %s on', (after, least) => {
    expect(leastGap('0 55,0 23,0 31,1 12,1 ? 2026,2027', new Date(after))).toBe(least)
  })
})
