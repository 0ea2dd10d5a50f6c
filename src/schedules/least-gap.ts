/**
 * How close together a cron expression of Quartz fires in UTC, over all the time that it has: found by the calendar, not
 * by going from slot to slot. The times of a day are the same on each of its days, so what remains to be known is which
 * days follow each other. Pure. At worst some 10 ms.
 */
import { parseCron } from './cron-dialect.ts'

const DAY = 86_400
/** The calendar repeats every 400 years; no day is rarer than the fifth Monday of a February, every 40 at most. */
const SPAN_YEARS = 450
/** Where slots end. */
const LAST_YEAR = 2999

/**
 * The least number of seconds from a firing after `after` to the one that follows it; null where there are no two.
 * Throws RecurrenceError (`expression`) for what is no cron expression of Quartz.
 */
export function leastGap(expression: string, after: Date): number | null {
  const { patterns } = parseCron(expression, 'QUARTZ')
  const [second = '', minute = '', hour = ''] = patterns[0]?.split(' ') ?? []
  const times = timesOf(numbers(hour, 0, 23), numbers(minute, 0, 59), numbers(second, 0, 59))
  const [first = 0, last = 0] = [times[0], times.at(-1)]
  const within = closest(times)
  const conceivable = Math.min(within, DAY - last + first)
  const today = Math.floor(after.getTime() / (DAY * 1000))
  const now = after.getTime() / 1000 - today * DAY
  let least = Number.POSITIVE_INFINITY
  let previous = Number.NEGATIVE_INFINITY
  for (const day of daysOf(patterns, after.getUTCFullYear())) {
    if (day < today) continue
    const left = day === today ? times.filter((time) => time > now) : times
    if (left.length === 0) continue
    least = Math.min(least, left === times ? within : closest(left), day * DAY + (left[0] ?? 0) - previous)
    if (least === conceivable) break
    previous = day * DAY + last
  }
  return least === Number.POSITIVE_INFINITY ? null : least
}

/** Seconds of the day, in order. */
function timesOf(hours: number[], minutes: number[], seconds: number[]): number[] {
  const times = []
  for (const hour of hours) {
    for (const minute of minutes) for (const second of seconds) times.push((hour * 60 + minute) * 60 + second)
  }
  return times
}

function closest(times: number[]): number {
  let least = Number.POSITIVE_INFINITY
  for (let at = 1; at < times.length; at++) least = Math.min(least, (times[at] ?? 0) - (times[at - 1] ?? 0))
  return least
}

/** The numbers of a field of a pattern, in order. */
const numbers = (text: string, min: number, max: number): number[] =>
  text === '*' ? Array.from({ length: max - min + 1 }, (_, at) => min + at) : text.split(',').map(Number)

/** A month: of how many days, and the weekday of its first, 0 = Sunday. */
type Month = { length: number; first: number }
type Matches = (day: number, month: Month) => boolean

/** Days since 1970, in order, from the first of a year on. */
function* daysOf(patterns: readonly string[], fromYear: number): Generator<number> {
  const plans = patterns.map((pattern) => {
    const [, , , date = '', month = '', weekday = '', year = ''] = pattern.split(' ')
    return {
      months: new Set(numbers(month, 1, 12)),
      years: year === '*' ? null : new Set(numbers(year, 0, 0)),
      isDate: dateMatcher(date),
      isWeekday: weekdayMatcher(weekday),
    }
  })
  for (let year = fromYear; year <= Math.min(fromYear + SPAN_YEARS, LAST_YEAR); year++) {
    for (let at = 1; at <= 12; at++) {
      const wanted = plans.filter(({ months, years }) => months.has(at) && (years === null || years.has(year)))
      if (wanted.length === 0) continue
      const start = Date.UTC(year, at - 1, 1) / (DAY * 1000)
      const month = { length: Date.UTC(year, at, 1) / (DAY * 1000) - start, first: (start + 4) % 7 }
      for (let day = 1; day <= month.length; day++) {
        const matches = wanted.some(({ isDate, isWeekday }) => isDate(day, month) && isWeekday(day, month))
        if (matches) yield start + day - 1
      }
    }
  }
}

const weekdayOf = (day: number, { first }: Month): number => (first + day - 1) % 7

/** `*`, numbers, `L`, `LW` or `15W`. */
function dateMatcher(text: string): Matches {
  if (text === 'L') return (day, { length }) => day === length
  if (text === 'LW') return (day, month) => day === nearestWorkday(month.length, month)
  if (text.endsWith('W')) {
    const wanted = Number(text.slice(0, -1))
    return (day, month) => wanted <= month.length && day === nearestWorkday(wanted, month)
  }
  const days = new Set(numbers(text, 1, 31))
  return (day) => days.has(day)
}

/** From Monday to Friday, in the same month. */
function nearestWorkday(day: number, month: Month): number {
  const weekday = weekdayOf(day, month)
  if (weekday === 6) return day > 1 ? day - 1 : day + 2
  if (weekday === 0) return day < month.length ? day + 1 : day - 2
  return day
}

/** `*`, numbers, `5L` or `5#3`. */
function weekdayMatcher(text: string): Matches {
  const [, weekday, which] = /^(\d)(?:L|#(\d))$/.exec(text) ?? []
  if (weekday === undefined) {
    const weekdays = new Set(numbers(text, 0, 6))
    return (day, month) => weekdays.has(weekdayOf(day, month))
  }
  const isIt: Matches = (day, month) => weekdayOf(day, month) === Number(weekday)
  if (which === undefined) return (day, month) => isIt(day, month) && day + 7 > month.length
  return (day, month) => isIt(day, month) && Math.ceil(day / 7) === Number(which)
}
