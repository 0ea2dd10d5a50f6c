/**
 * Two dialects of cron, checked here and brought to one form, so that the library sees nothing it would refuse,
 * misread or take too kindly: seven fields, seconds first, numbers in lists, Sunday = 0.
 *
 * VIXIE   5 fields, or 6 with seconds first. Numbers, names, ranges, lists, `*`, steps. Weekday 0–7, 0 and 7 = Sunday.
 *         Both day fields restricted: either is enough. Vixie's own cron wants both when one of them begins with `*`
 *         (of which `*` then `/2` is the only case that matters); here only a whole `*` is no restriction.
 * QUARTZ  6 fields, or 7 with a year (1970–2099). Weekday 1–7, 1 = Sunday. One day field is `?`, or both are `*`.
 *         `L LW L-3 L-3W 15W` as day of month and `L 6L FRIL 6#3` as day of week, each alone in its field.
 *
 * In both a range may wrap around (`22-2`, `FRI-MON`; not years). A step must be ≥ 1 and, since a larger one is a slip
 * (every 90 minutes cannot be said), VIXIE: ≤ the values it steps over; QUARTZ, as Quartz does: ≤ the field's highest.
 */
import { RecurrenceError } from './errors.ts'

export type CronDialect = 'VIXIE' | 'QUARTZ'

/**
 * `patterns`: croner's 7-part form; a wall time is a slot if it matches any of them. More than one, or none, comes only
 * from `L-3`. `fixed`: no `*` and no step in second, minute and hour, which decides how a change of the clocks is met.
 */
export type CronPlan = { patterns: readonly string[]; fixed: boolean }

/** `size`: how many different values; of weekdays there are 7, though 0 and 7 are both taken in VIXIE. */
type Field = { name: string; min: number; max: number; size: number; names: readonly string[]; wraps: boolean }

/** `all`: unrestricted. `regular`: written with `*` or a step. */
type Parsed = { values: number[]; all: boolean; regular: boolean }

const field = (name: string, min: number, max: number, names: readonly string[] = []): Field => {
  return { name, min, max, size: max - min + 1, names, wraps: true }
}

const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const dayNames = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const seconds = field('second', 0, 59)
const minutes = field('minute', 0, 59)
const hours = field('hour', 0, 23)
const daysOfMonth = field('day of month', 1, 31)
const months = field('month', 1, 12, monthNames)
const weekdays: Record<CronDialect, Field> = {
  VIXIE: { ...field('day of week', 0, 7, dayNames), size: 7 },
  QUARTZ: field('day of week', 1, 7, dayNames),
}
const years = { ...field('year', 1970, 2099), wraps: false }

const maxLength = 1000

/** Throws RecurrenceError (`expression`) for what the dialect does not allow. Whether it ever fires is not asked here. */
export function parseCron(expression: string, dialect: CronDialect): CronPlan {
  if (expression.length > maxLength) throw bad(`a cron expression has at most ${maxLength} characters`)
  const fields = expression.trim().split(/[ \t]+/)
  if (fields[0]?.startsWith('@')) throw bad(`nicknames such as '${fields[0]}' are not taken; write the fields`)
  return dialect === 'VIXIE' ? parseVixie(fields) : parseQuartz(fields)
}

/** Whether an expression begins with the minute, and ends with the weekday. */
export const hasFiveFields = (expression: string): boolean => expression.trim().split(/\s+/).length === 5

/** Whether an expression is five fields of numbers, `*`, lists, ranges and steps, with 0 for Sunday and no 7. */
export function isPlainCron(expression: string): boolean {
  const fields = expression.trim().split(/[ \t]+/)
  return fields.length === 5 && fields.every((text) => /^[\d*,/-]+$/.test(text)) && !/(^|[,-])0*7/.test(fields[4] ?? '')
}

function parseVixie(fields: string[]): CronPlan {
  if (fields.length !== 5 && fields.length !== 6) {
    throw bad(`expected 5 fields, or 6 with seconds first; there are ${fields.length}`)
  }
  const [second = '', minute = '', hour = '', day = '', month = '', weekday = ''] =
    fields.length === 5 ? ['0', ...fields] : fields
  for (const text of [day, weekday]) {
    if (/[?#]|^L|\d[LW]$|^[a-z]{3}L$/i.test(text)) throw bad(`'${text}': L, W, # and ? belong to the QUARTZ dialect`)
  }
  const time = parseTime([second, minute, hour], 'VIXIE')
  const days = print(parseField(daysOfMonth, day, 'VIXIE'))
  const inMonths = print(parseField(months, month, 'VIXIE'))
  const onWeekdays = print(parseField(weekdays.VIXIE, weekday, 'VIXIE'))
  return { patterns: [`${time.text} ${days} ${inMonths} ${onWeekdays} *`], fixed: time.fixed }
}

function parseQuartz(fields: string[]): CronPlan {
  if (fields.length !== 6 && fields.length !== 7) {
    throw bad(`expected 6 fields (seconds first), or 7 with a year; there are ${fields.length}`)
  }
  const [second = '', minute = '', hour = '', day = '', month = '', weekday = '', year = '*'] = fields
  const open = [day, weekday].filter((text) => text === '?').length
  if (open !== 1 && !(day === '*' && weekday === '*')) {
    throw bad(`exactly one of day of month and day of week has to be '?' (or both '*')`)
  }
  for (const text of [day, weekday]) {
    if (/,/.test(text) && /[L#]|\dW/i.test(text)) throw bad(`'${text}': L, W and # stand alone in their field`)
  }
  const time = parseTime([second, minute, hour], 'QUARTZ')
  const inMonths = parseField(months, month, 'QUARTZ')
  const inYears = parseField(years, year, 'QUARTZ')
  const onWeekdays = parseQuartzWeekday(weekday)
  const countdown = /^L-(\d{1,2})(W?)$/i.exec(day)
  const days = countdown
    ? daysBeforeTheLast(Number(countdown[1]), countdown[2] ? 'W' : '', inMonths, inYears)
    : [`${parseQuartzDay(day)} ${print(inMonths)} ${onWeekdays} ${print(inYears)}`]
  return { patterns: days.map((rest) => `${time.text} ${rest}`), fixed: time.fixed }
}

function parseTime([second, minute, hour]: [string, string, string], dialect: CronDialect) {
  const parsed = [
    parseField(seconds, second, dialect),
    parseField(minutes, minute, dialect),
    parseField(hours, hour, dialect),
  ]
  return { text: parsed.map(print).join(' '), fixed: !parsed.some((part) => part.regular) }
}

function parseQuartzDay(text: string): string {
  if (text === '?') return '*'
  if (/^LW?$/i.test(text)) return text.toUpperCase()
  const nearest = /^(\d{1,2})W$/i.exec(text)?.[1]
  if (nearest !== undefined) return `${parseValue(daysOfMonth, nearest)}W`
  return print(parseField(daysOfMonth, text, 'QUARTZ'))
}

function parseQuartzWeekday(text: string): string {
  const days = weekdays.QUARTZ
  if (text === '?') return '*'
  const [, day, which] = /^(\d|[a-z]{3})(L|#\d+)$/i.exec(text) ?? []
  if (day !== undefined && which !== undefined) {
    if (/^#(?![1-5]$)/.test(which)) throw bad(`${days.name}: '${text}': a month has a 1st to 5th of each weekday`)
    return `${parseValue(days, day) - days.min}${which.toUpperCase()}`
  }
  const parsed = parseField(days, text.toUpperCase() === 'L' ? 'SAT' : text, 'QUARTZ')
  return print({ ...parsed, values: parsed.values.map((value) => value - days.min) })
}

/**
 * `L-3` for a library that has no word for it: one pattern for each length of month. February needs its years named,
 * so these fire until 2099, the last year that Quartz can name, even when no year is given.
 */
function daysBeforeTheLast(offset: number, nearest: 'W' | '', inMonths: Parsed, inYears: Parsed): string[] {
  if (offset > 30)
    throw bad(`${daysOfMonth.name}: 'L-${offset}': the first of a month is at most 30 days before its last`)
  const allYears = inYears.values
  const leapYears = allYears.filter((year) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0))
  const commonYears = allYears.filter((year) => !leapYears.includes(year))
  const lengths = [
    { last: 31, months: [1, 3, 5, 7, 8, 10, 12], years: allYears },
    { last: 30, months: [4, 6, 9, 11], years: allYears },
    { last: 29, months: [2], years: leapYears },
    { last: 28, months: [2], years: commonYears },
  ]
  return lengths.flatMap(({ last, months, years }) => {
    const wanted = months.filter((month) => inMonths.values.includes(month))
    if (last <= offset || wanted.length === 0 || years.length === 0) return []
    return [`${last - offset}${nearest} ${wanted.join(',')} * ${years.join(',')}`]
  })
}

function parseField(field: Field, text: string, dialect: CronDialect): Parsed {
  const parts = text.split(',').map((part) => parsePart(field, part, dialect))
  const values = [...new Set(parts.flatMap((part) => part.values))].sort((a, b) => a - b)
  return { values, all: parts.some((part) => part.all), regular: parts.some((part) => part.regular) }
}

/** One of `*`, `5`, `5-9`, each with or without `/step`; in QUARTZ `5/2` is `5-max/2` and `/2` is every second one. */
function parsePart(field: Field, text: string, dialect: CronDialect): Parsed {
  const match = /^(\*|[a-z0-9]*)(?:-([a-z0-9]+))?(?:\/(\d{1,4}))?$/i.exec(text)
  const [, start = '', end, stepText] = match ?? []
  const whole = start === '*' || (text.startsWith('/') && dialect === 'QUARTZ')
  if (!match || (start === '' && !whole)) {
    throw bad(`${field.name}: ${text === '' ? 'a value is missing' : `'${text}' is not understood`}`)
  }
  if (whole && end !== undefined) throw bad(`${field.name}: '${text}': a range goes from one value to another`)
  const low = whole ? field.min : parseValue(field, start)
  const step = stepText === undefined ? 1 : Number(stepText)
  let high = low
  if (whole) high = field.min + field.size - 1
  else if (end !== undefined) high = parseValue(field, end)
  else if (stepText !== undefined && dialect === 'QUARTZ') high = field.max
  else if (stepText !== undefined) throw bad(`${field.name}: '${text}': write '${start}-${field.max}/${step}'`)
  if (high < low && !field.wraps) throw bad(`${field.name}: '${text}' goes backwards`)
  if (high < low) high += field.size
  const most = dialect === 'QUARTZ' ? field.max : high - low + 1
  if (step < 1 || step > most) throw bad(`${field.name}: '${text}': the step has to be 1–${most}`)
  const values = []
  for (let value = low; value <= high; value += step) values.push(field.min + ((value - field.min) % field.size))
  return { values, all: whole && step === 1, regular: whole || stepText !== undefined }
}

function parseValue(field: Field, text: string): number {
  const named = field.names.indexOf(text.toUpperCase())
  if (named >= 0) return field.min + named
  if (!/^\d{1,4}$/.test(text)) throw bad(`${field.name}: '${text}' is not a value of it`)
  const value = Number(text)
  if (value < field.min || value > field.max) throw bad(`${field.name}: ${text} is not in ${field.min}–${field.max}`)
  return value
}

const print = (parsed: Parsed) => (parsed.all ? '*' : parsed.values.join(','))

const bad = (message: string) => new RecurrenceError('expression', message)
