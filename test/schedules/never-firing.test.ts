/**
 * What never fires is found out by a bounded amount of work: so many questions to the calendar, so many dates that it
 * makes up, so many looks at the zone. The most expensive known ones need some 100, 25,000 and 1,700.
 */
import { Cron } from 'croner'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type CronDialect, parseCron } from '../../src/schedules/cron-dialect.ts'
import { lastCronSlot, nextCronSlot } from '../../src/schedules/cron-slots.ts'
import { checkRecurrence, type Recurrence } from '../../src/schedules/recurrence.ts'
import { type Zone, zoneOf } from '../../src/schedules/zones.ts'

const now = new Date('2027-01-01T00:00:00Z')
const most = { questions: 100, dates: 40_000, offsets: 3000 }

let work: { questions: number; dates: number; offsets: number }

beforeEach(() => {
  work = { questions: 0, dates: 0, offsets: 0 }
  const { nextRun, previousRuns } = Cron.prototype
  const { UTC } = Date
  vi.spyOn(Cron.prototype, 'nextRun').mockImplementation(function (this: Cron, ...asked) {
    work.questions++
    return nextRun.apply(this, asked)
  })
  vi.spyOn(Cron.prototype, 'previousRuns').mockImplementation(function (this: Cron, ...asked) {
    work.questions++
    return previousRuns.apply(this, asked)
  })
  vi.spyOn(Date, 'UTC').mockImplementation((...parts) => {
    work.dates++
    return UTC(...parts)
  })
})
afterEach(() => vi.restoreAllMocks())

function counted(name: string): Zone {
  const zone = zoneOf(name)
  const offsetAt = (instant: number) => {
    work.offsets++
    return zone.offsetAt(instant)
  }
  return { name, offsetAt }
}

function expectBounded(patterns = 1) {
  expect(work.questions).toBeLessThanOrEqual(most.questions * Math.max(1, patterns))
  expect(work.dates).toBeLessThanOrEqual(most.dates * Math.max(1, patterns))
  expect(work.offsets).toBeLessThanOrEqual(most.offsets)
}

const never: [string, CronDialect, string][] = [
  ['0 0 30 2 *', 'VIXIE', 'UTC'],
  ['0 0 31 2,4,6,9,11 *', 'VIXIE', 'America/New_York'],
  ['* * * 31 2,4,6,9,11 *', 'VIXIE', 'UTC'],
  ['*/1 */1 */1 30-31 FEB */1', 'VIXIE', 'Europe/Berlin'],
  ['0 0 0 1 1 ? 2026', 'QUARTZ', 'UTC'],
  ['0 0 0 29 2 ? 2027,2029-2031', 'QUARTZ', 'UTC'],
  ['0 0 0 29 2 ? 2097-2099', 'QUARTZ', 'Europe/Berlin'],
  ['* * * 31W 2 ?', 'QUARTZ', 'UTC'],
  ['* * * L-29 2 ?', 'QUARTZ', 'UTC'],
  ['* * * L-28 2 ? 2029-2031', 'QUARTZ', 'Europe/Berlin'],
  ['* * * ? 2 1#5 2029-2031', 'QUARTZ', 'UTC'],
  ['59 59 23 ? 2 7#5 1970-2026', 'QUARTZ', 'Asia/Tokyo'],
  ['0/1 30 2 ? 3 1#2', 'QUARTZ', 'America/New_York'],
  ['0 0/15 2 ? 3 1L', 'QUARTZ', 'Europe/Berlin'],
]

describe('an expression that never fires', () => {
  const checkFoundOut = (expression: string, dialect: CronDialect, timezone: string) => {
    const r: Recurrence = { kind: 'CRON', expression, dialect, timezone }
    expect(() => checkRecurrence(r, now)).toThrow(/^'.*' will never fire$/)
    const plan = parseCron(expression, dialect)
    expectBounded(plan.patterns.length)
    expect(nextCronSlot(plan, counted(timezone), 'SKIP', now.getTime())).toBeNull()
    expectBounded(2 * plan.patterns.length)
  }

  it.each(never)('is found out with little work: %s (%s, %s)', checkFoundOut)

  it('is found out with little work however long its lists are', () => {
    checkFoundOut(`${Array(70).fill('*/2,58-3/2').join(',')} * * 30-31 2 *`, 'VIXIE', 'UTC')
    checkFoundOut(`* * ${'30,31,'.repeat(160)}30 2 *`, 'VIXIE', 'Europe/Berlin')
    checkFoundOut(`* * * 30,31 2 ? ${'2027-2099,'.repeat(90)}2030`, 'QUARTZ', 'Europe/Berlin')
  })

  it.each<[string, string]>([
    ['0 30 2 ? 3 1#2', 'America/New_York'],
    ['0 0-59 2 ? 3 1#2', 'America/New_York'],
    ['0 30 2 ? 3 1L', 'Europe/Berlin'],
    ['0 30 2 ? 3 1L 2027-2099', 'Europe/Berlin'],
    ['0 15 2 ? 10 1#1', 'Australia/Lord_Howe'],
  ])('because each of its times is in a gap and skipped is found out too: %s in %s', (expression, timezone) => {
    const plan = parseCron(expression, 'QUARTZ')
    const zone = counted(timezone)
    expect(nextCronSlot(plan, zone, 'SKIP', now.getTime())).toBeNull()
    expectBounded()
    expect(nextCronSlot(plan, zone, 'RUN_AFTER_GAP', now.getTime())).not.toBeNull()
  })

  it.each(never.filter(([expression]) => !/ (19|20)\d\d/.test(expression)))(
    'has no last slot either, and that is found out with little work: %s (%s, %s)',
    (expression, dialect, timezone) => {
      const plan = parseCron(expression, dialect)
      const last = lastCronSlot(plan, counted(timezone), 'SKIP', now.getTime())
      // Before 2007 New York changed its clocks in April, and before 1996 Berlin did in September.
      expect(last === null || last < Date.UTC(2007, 0, 1)).toBe(true)
      expectBounded(plan.patterns.length)
    },
  )
})
