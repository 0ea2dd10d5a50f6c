/** The oracle itself, held to dates from a calendar, and then the product to the oracle, day by day and for long. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CronDialect } from '../../src/schedules/cron-dialect.ts'
import { type Grid, nextSlot, type Recurrence } from '../../src/schedules/recurrence.ts'
import { restrictedDays } from './expressions.ts'
import { clockOf, day, hour, looks, minute, readExpression, slotsAmong } from './oracle.ts'

const span = { from: Date.UTC(2020, 0, 1), until: Date.UTC(2041, 0, 1) }

/** The days of the span that an expression with the time `0 0 0` lets through, in UTC: all, or so many. */
function daysOf(expression: string, dialect: CronDialect, most = Number.POSITIVE_INFINITY) {
  const { matches } = readExpression(expression, dialect)
  const days: string[] = []
  for (let time = span.from; time < span.until && days.length < most; time += day) {
    if (matches(new Date(time))) days.push(new Date(time).toISOString().slice(0, 10))
  }
  return days
}

describe('the oracle', () => {
  it.each<[string, CronDialect, string[]]>([
    ['0 0 0 29 2 ? 2020-2030', 'QUARTZ', ['2020-02-29', '2024-02-29', '2028-02-29']],
    ['0 0 0 LW 1-5 ? 2027', 'QUARTZ', ['2027-01-29', '2027-02-26', '2027-03-31', '2027-04-30', '2027-05-31']],
    ['0 0 0 1W 5,8 ? 2027', 'QUARTZ', ['2027-05-03', '2027-08-02']],
    ['0 0 0 15W MAY-aug ? 2027', 'QUARTZ', ['2027-05-14', '2027-06-15', '2027-07-15', '2027-08-16']],
    ['0 0 0 31W 1-6 ? 2027', 'QUARTZ', ['2027-01-29', '2027-03-31', '2027-05-31']],
    ['0 0 0 L-3 2-4 ? 2028', 'QUARTZ', ['2028-02-26', '2028-03-28', '2028-04-27']],
    ['0 0 0 ? 2 1#5', 'QUARTZ', ['2032-02-29']],
    ['0 0 0 ? 3 6#3 2027', 'QUARTZ', ['2027-03-19']],
    ['0 0 0 ? 1-2 FRIL 2027', 'QUARTZ', ['2027-01-29', '2027-02-26']],
    [
      '0 0 0 ? 3 FRI-MON/3 2027',
      'QUARTZ',
      ['01', '05', '08', '12', '15', '19', '22', '26', '29'].map((d) => `2027-03-${d}`),
    ],
  ])('reads %j as a calendar would', (expression, dialect, days) => {
    expect(daysOf(expression, dialect)).toEqual(days)
  })

  it('takes either day field in VIXIE when both are restricted, and Sunday as 0 and 7', () => {
    const in2027 = (expression: string) => daysOf(expression, 'VIXIE').filter((date) => date.startsWith('2027-08'))
    expect(in2027('0 0 13 8 FRI')).toEqual(['06', '13', '20', '27'].map((date) => `2027-08-${date}`))
    expect(in2027('0 0 1,2 8 6-0/2')).toEqual(['01', '02', '07', '14', '21', '28'].map((date) => `2027-08-${date}`))
    expect(in2027('0 0 * 8 7')).toEqual(in2027('0 0 * 8 0'))
  })

  it('knows the gap and the overlap', () => {
    const slots = (expression: string, at: string, dstGap: Grid['dstGap']) => {
      const seen = looks(clockOf('America/New_York'), Date.parse(at) - 2 * hour, Date.parse(at) + 2 * hour, minute)
      const found = slotsAmong(seen, readExpression(expression, 'VIXIE'), dstGap)
      return found.map((slot) => new Date(slot).toISOString().slice(11, 16))
    }
    const [spring, autumn] = ['2027-03-14T07:00:00Z', '2027-11-07T06:00:00Z']
    expect(slots('0,30 2 * * *', spring, 'RUN_AFTER_GAP')).toEqual(['07:00'])
    expect(slots('0,30 2 * * *', spring, 'SKIP')).toEqual([])
    expect(slots('*/30 2 * * *', spring, 'RUN_AFTER_GAP')).toEqual([])
    expect(slots('0,30 1 * * *', autumn, 'SKIP')).toEqual(['05:00', '05:30'])
    expect(slots('*/30 1 * * *', autumn, 'SKIP')).toEqual(['05:00', '05:30', '06:00', '06:30'])
  })
})

describe('the days of any expression from 2020 to 2040 are those of the oracle', () => {
  it.each<CronDialect>(['VIXIE', 'QUARTZ'])('in %s: all, or the first 200', (dialect) => {
    const grid: Grid = { anchor: new Date(0), startOn: null, endOn: null, dstGap: 'RUN_AFTER_GAP' }
    fc.assert(
      fc.property(restrictedDays[dialect], (days) => {
        const r: Recurrence = { kind: 'CRON', expression: `0 0 0 ${days}`, dialect, timezone: 'UTC' }
        const expected = daysOf(r.expression, dialect, 200)
        const walked: string[] = []
        let slot = nextSlot(r, grid, new Date(span.from - 1))
        for (; slot && slot.getTime() < span.until && walked.length < 200; slot = nextSlot(r, grid, slot)) {
          walked.push(slot.toISOString().slice(0, 10))
        }
        expect(walked).toEqual(expected)
      }),
      { seed: 20270314, numRuns: 40 },
    )
  })
})
