/** Random cron expressions that are well formed in their dialect, in all the words that it has. */
import fc from 'fast-check'
import type { CronDialect } from '../../src/schedules/cron-dialect.ts'

export type Expression = { expression: string; dialect: CronDialect }

const seed = 20270314

/** The same ones in every run. */
export const sample = <T>(of: fc.Arbitrary<T>, count: number, salt = 0): T[] =>
  fc.sample(of, { seed: seed + salt, numRuns: count })

type Bounds = { min: number; max: number; size: number; names?: string[] }

const monthNames = ['jan', 'FEB', 'Mar', 'apr', 'MAY', 'Jun', 'jul', 'AUG', 'Sep', 'oct', 'NOV', 'Dec']
const dayNames = ['sun', 'MON', 'Tue', 'wed', 'THU', 'Fri', 'SAT']
const seconds: Bounds = { min: 0, max: 59, size: 60 }
const hours: Bounds = { min: 0, max: 23, size: 24 }
const dates: Bounds = { min: 1, max: 31, size: 31 }
const months: Bounds = { min: 1, max: 12, size: 12, names: monthNames }
const weekdays: Record<CronDialect, Bounds> = {
  VIXIE: { min: 0, max: 7, size: 7, names: dayNames },
  QUARTZ: { min: 1, max: 7, size: 7, names: dayNames },
}

/** Anything that both dialects may say in a field, and in QUARTZ `5/2` and `/2`. */
function list({ min, max, size, names = [] }: Bounds, dialect: CronDialect, wraps = true): fc.Arbitrary<string> {
  const written = (n: number) =>
    fc.constantFrom(`${n}`, `${n}`.padStart(2, '0'), names[(n - min) % size] ?? `${n}`, `${n}`)
  const value = fc.integer({ min, max }).chain(written)
  const step = (most: number) => fc.integer({ min: 1, max: Math.min(most, 25) })
  const range = fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).chain(([a, b]) => {
    const [low, high] = wraps ? [a, b] : [Math.min(a, b), Math.max(a, b)]
    const most = dialect === 'QUARTZ' ? max : (high < low ? high + size : high) - low + 1
    const steps = fc.oneof(
      fc.constant(''),
      step(most).map((by) => `/${by}`),
    )
    return fc.tuple(written(low), written(high), steps).map(([from, to, by]) => `${from}-${to}${by}`)
  })
  const every = step(dialect === 'QUARTZ' ? max : size).map((by) => `*/${by}`)
  const onwards = fc.tuple(fc.oneof(value, fc.constant('')), step(max)).map(([from, by]) => `${from}/${by}`)
  const part = fc.oneof(
    { weight: 3, arbitrary: value },
    { weight: 2, arbitrary: range },
    { weight: 1, arbitrary: dialect === 'QUARTZ' ? fc.oneof(every, onwards) : every },
  )
  return fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(','))
}

const or = (weight: number, usual: string, field: fc.Arbitrary<string>) =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: field })

/** Most changes of the clocks are at night. */
const night = fc.constantFrom('0', '1', '2', '3', '1-3', '22-2', '0,2', '23', '0-4', '2,3')

const time = (dialect: CronDialect) =>
  fc
    .tuple(
      fc.oneof(fc.constantFrom('0', '30', '0,30', '59', '*/15', '15-45/15'), list(seconds, dialect)),
      fc.oneof(night, or(1, '*', list(hours, dialect))),
    )
    .map((fields) => fields.join(' '))

/** A day of the month and a month, a weekday, and in QUARTZ perhaps a year. */
export const restrictedDays: Record<CronDialect, fc.Arbitrary<string>> = {
  VIXIE: fc
    .tuple(
      or(1, '*', list(dates, 'VIXIE')),
      or(1, '*', list(months, 'VIXIE')),
      or(1, '*', list(weekdays.VIXIE, 'VIXIE')),
    )
    .map((fields) => fields.join(' ')),
  QUARTZ: fc
    .tuple(
      or(1, '*', list(months, 'QUARTZ')),
      fc.boolean(),
      fc.oneof(
        list(dates, 'QUARTZ'),
        fc.constantFrom('L', 'l', 'LW', 'lw', 'L-0', 'L-1W', 'L-30'),
        fc.integer({ min: 1, max: 31 }).map((n) => `${n}W`),
        fc.integer({ min: 1, max: 30 }).map((n) => `L-${n}`),
      ),
      fc.oneof(
        list(weekdays.QUARTZ, 'QUARTZ'),
        fc.constantFrom('L', 'FRIL', 'sunL', '7l', 'MON#1'),
        fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 5 })).map(([n, nth]) => `${n}#${nth}`),
        fc.integer({ min: 1, max: 7 }).map((n) => `${n}L`),
      ),
      or(
        3,
        '',
        list({ min: 2020, max: 2040, size: 21 }, 'QUARTZ', false).filter((years) => !/\//.test(years)),
      ),
    )
    .map(([month, byDate, date, weekday, year]) =>
      (byDate ? `${date} ${month} ? ${year}` : `? ${month} ${weekday} ${year}`).trim(),
    ),
}

/** Full of slots at night, on most days; seconds are 0. */
export const minuteExpressions: fc.Arbitrary<Expression> = fc.oneof(
  fc
    .tuple(time('VIXIE'), or(3, '* * *', restrictedDays.VIXIE))
    .map(([at, days]): Expression => ({ expression: `${at} ${days}`, dialect: 'VIXIE' })),
  fc
    .tuple(time('QUARTZ'), or(3, '* * ?', restrictedDays.QUARTZ))
    .map(([at, days]): Expression => ({ expression: `0 ${at} ${days}`, dialect: 'QUARTZ' })),
)

/** With seconds, every day. */
export const secondExpressions: fc.Arbitrary<Expression> = fc
  .constantFrom<CronDialect>('VIXIE', 'QUARTZ')
  .chain((dialect) =>
    fc
      .tuple(fc.oneof(fc.constantFrom('59', '0,59', '*/20'), list(seconds, dialect)), time(dialect))
      .map(([second, rest]) => ({ expression: `${second} ${rest} * * ${dialect === 'QUARTZ' ? '?' : '*'}`, dialect })),
  )
