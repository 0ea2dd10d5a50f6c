/**
 * What a cron expression means, said a second time: slowly, by looking at every minute (or second) that the clocks of a
 * zone show, and without the product's parser, its calendar or its way to read a zone. Takes only what is well formed.
 *
 * A wall time is in milliseconds, as though the zone were UTC. Zones that are off UTC by parts of a minute are read by
 * the second.
 */
import type { CronDialect } from '../../src/schedules/cron-dialect.ts'
import type { DstGap } from '../../src/schedules/recurrence.ts'

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

/** The wall time that a zone's clocks show at an instant. */
export type Clock = (instant: number) => number

export function clockOf(zone: string): Clock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (instant) => {
    const [month = 0, date, year = 0, hours, minutes, seconds] = (format.format(instant).match(/\d+/g) ?? []).map(
      Number,
    )
    return Date.UTC(year, month - 1, date, hours, minutes, seconds)
  }
}

/** One look at the clocks: what they show, whether they showed it before, and what they left out just before. */
export type Look = { instant: number; wall: Date; again: boolean; lost: Date[] }

/** The looks in (from, until], one each `step`. What the clocks showed before `from` is forgotten. */
export function looks(clock: Clock, from: number, until: number, step: number): Look[] {
  const seen: Look[] = []
  const shown = new Set<number>()
  let highest = Number.NaN
  for (let instant = from; instant <= until; instant += step) {
    const wall = clock(instant)
    const lost: Date[] = []
    for (let missing = highest + step; missing < wall; missing += step) lost.push(new Date(missing))
    if (instant > from) seen.push({ instant, wall: new Date(wall), again: shown.has(wall), lost })
    shown.add(wall)
    highest = Number.isNaN(highest) ? wall : Math.max(highest, wall)
  }
  return seen
}

export type Reading = { fixed: boolean; matches: (wall: Date) => boolean }

/** The slots among the looks. A day that is left out whole is nobody's gap. */
export function slotsAmong(seen: readonly Look[], { fixed, matches }: Reading, dstGap: DstGap): number[] {
  return seen
    .filter(({ wall, again, lost }) => {
      if (!fixed) return matches(wall)
      const inGap = dstGap === 'RUN_AFTER_GAP' && lost.length > 0 && wall.getTime() - Number(lost[0]) < day
      return (!again && matches(wall)) || (inGap && lost.some(matches))
    })
    .map(({ instant }) => instant)
}

export function readExpression(expression: string, dialect: CronDialect): Reading {
  const words = expression.trim().split(/\s+/)
  if (dialect === 'VIXIE' && words.length === 5) words.unshift('0')
  const [seconds = '', minutes = '', hours = '', dates = '', months = '', weekdays = '', years = '*'] = words
  const inSeconds = numbers(seconds, 0, 59)
  const inMinutes = numbers(minutes, 0, 59)
  const inHours = numbers(hours, 0, 23)
  const inMonths = numbers(months, 1, 12, monthNames)
  const inYears = numbers(years, 1970, 2099)
  const onDay = dialect === 'VIXIE' ? vixieDay(dates, weekdays) : quartzDay(dates, weekdays)
  const days = new Map<number, boolean>()
  const isDay = (wall: Date) => {
    const key = Math.floor(wall.getTime() / day)
    const known = days.get(key)
    if (known !== undefined) return known
    const inYear = years === '*' || inYears.has(wall.getUTCFullYear())
    const answer = inYear && inMonths.has(wall.getUTCMonth() + 1) && onDay(wall)
    days.set(key, answer)
    return answer
  }
  return {
    fixed: !/[*/]/.test(seconds + minutes + hours),
    matches: (wall) =>
      inSeconds.has(wall.getUTCSeconds()) &&
      inMinutes.has(wall.getUTCMinutes()) &&
      inHours.has(wall.getUTCHours()) &&
      isDay(wall),
  }
}

const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const dayNames = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/** The numbers that a field's list of values, ranges and steps lets through. A range that goes backwards passes the end. */
function numbers(text: string, first: number, last: number, names: string[] = [], ring = last - first + 1) {
  const number = (word: string) => {
    const named = names.indexOf(word.toUpperCase())
    return named >= 0 ? first + named : Number(word)
  }
  const through = new Set<number>()
  for (const part of text.split(',')) {
    const [range = '', step = '1'] = part.split('/')
    const [low = '', high = part.includes('/') ? `${last}` : low] = range.split('-')
    const whole = low === '*' || low === ''
    const from = whole ? first : number(low)
    const to = whole ? first + ring - 1 : number(high)
    for (let n = from; n <= (to < from ? to + ring : to); n += Number(step)) {
      through.add(n >= first + ring ? n - ring : n)
    }
  }
  return through
}

/** crontab(5): 0 and 7 are Sunday; where both fields are restricted, either is enough. */
function vixieDay(dates: string, weekdays: string) {
  const inDates = numbers(dates, 1, 31)
  const inWeekdays = numbers(weekdays, 0, 7, dayNames, 7)
  const unrestricted = [dates, weekdays].some((text) => /(^|,)\*(\/1)?(,|$)/.test(text))
  return (wall: Date) => {
    const onDate = inDates.has(wall.getUTCDate())
    const onWeekday = inWeekdays.has(wall.getUTCDay())
    return unrestricted ? onDate && onWeekday : onDate || onWeekday
  }
}

/** Quartz's CronTrigger: weekdays are 1–7 from Sunday; `?` asks nothing; W stays within its month. */
function quartzDay(dates: string, weekdays: string) {
  const weekdayNumber = (word: string) => (/^\d$/.test(word) ? Number(word) - 1 : dayNames.indexOf(word.toUpperCase()))
  const onDate = (wall: Date) => {
    const month = datesOfMonth(wall)
    const [, fromEnd, offset = 0, date, nearest] = /^(?:(L)(?:-(\d+))?|(\d+))(W?)$/i.exec(dates) ?? []
    if (fromEnd || nearest) {
      const wanted = month.length - Number(offset)
      const target = fromEnd ? wanted : Number(date)
      if (target < 1 || target > month.length) return false
      return wall.getUTCDate() === (nearest ? nearestWorkday(month, target) : target)
    }
    return dates === '?' || numbers(dates, 1, 31).has(wall.getUTCDate())
  }
  const onWeekday = (wall: Date) => {
    const [, name = '', last, nth] = /^(\d|[a-z]{3})(?:(L)|#(\d))$/i.exec(weekdays) ?? []
    if (last || nth) {
      const same = datesOfMonth(wall).filter((date) => date.getUTCDay() === weekdayNumber(name))
      return same.at(last ? -1 : Number(nth) - 1)?.getUTCDate() === wall.getUTCDate()
    }
    if (/^L$/i.test(weekdays)) return wall.getUTCDay() === 6
    return weekdays === '?' || numbers(weekdays, 1, 7, dayNames).has(wall.getUTCDay() + 1)
  }
  return (wall: Date) => onDate(wall) && onWeekday(wall)
}

function datesOfMonth(wall: Date): Date[] {
  const dates = Array.from(
    { length: 31 },
    (_, i) => new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth(), i + 1)),
  )
  return dates.filter((date) => date.getUTCMonth() === wall.getUTCMonth())
}

function nearestWorkday(month: readonly Date[], target: number): number | undefined {
  const workdays = month.filter((date) => date.getUTCDay() % 6 !== 0).map((date) => date.getUTCDate())
  return workdays.sort((a, b) => Math.abs(a - target) - Math.abs(b - target))[0]
}
