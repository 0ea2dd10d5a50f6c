/** When a job runs, in the words of Informer: `interval`, `intervalType` and `timezone` ↔ a schedule. Pure. */
import type { Schedule } from '../../db/generated/prisma/client.ts'
import { ValidationError } from '../../kernel/errors.ts'
import { hasFiveFields } from '../../schedules/cron-dialect.ts'
import type { ScheduleInput } from '../../schedules/spec.ts'
import { instantOf } from './instant.ts'

export const INTERVAL_TYPES = ['cron', 'simple', 'once'] as const

type IntervalType = (typeof INTERVAL_TYPES)[number]

type IntervalView = { interval: string | null; intervalType: IntervalType | null }

/** Of a job without a schedule. */
export const NO_INTERVAL: IntervalView = { interval: null, intervalType: null }

/** What is shown of a schedule. */
export type Planned = Pick<Schedule, 'kind' | 'expression' | 'timezone' | 'intervalSeconds' | 'text' | 'at'>

/** `startOn`: of the job, whose one time that is, if it is the same. */
export function intervalView(schedule: Planned | null, startOn: Date | null): IntervalView {
  if (!schedule) return NO_INTERVAL
  const { kind, expression, intervalSeconds, text, at } = schedule
  if (kind === 'CRON') return { interval: expression, intervalType: 'cron' }
  if (kind === 'INTERVAL') return { interval: text ?? simpleOf(intervalSeconds ?? 0), intervalType: 'simple' }
  return { interval: at && at.getTime() !== startOn?.getTime() ? at.toISOString() : null, intervalType: 'once' }
}

export type Timing = {
  interval?: string | null | undefined
  intervalType?: IntervalType | null | undefined
  timezone: string
  startOn: Date | null
}

/**
 * The schedule that a client asks for; null: none. What it leaves out is as `before` says, and a type that it leaves out
 * is that of the interval which it gives.
 * @throws ValidationError
 */
export function scheduleOf(given: Timing, before: IntervalView): ScheduleInput | null {
  const { interval = before.interval, timezone } = given
  const type = typeOf(given, before)
  if (type === null) return null
  if (type === 'once') return { at: onceAt(given, before) ?? required('startOn', 'once, unless interval is a date') }
  if (interval === null) return required('interval', type)
  if (type === 'cron') return { cron: { expression: requireCron(interval), timezone, dialect: 'VIXIE' } }
  const seconds = secondsOf(interval)
  if (seconds === null) throw ValidationError.at('interval', `${quoted(interval)} is not like 30 minutes or 1 day`)
  return { every: { seconds, text: interval.trim() } }
}

function typeOf({ interval, intervalType }: Timing, before: IntervalView): IntervalType | null {
  if (interval === null) return intervalType === 'once' ? 'once' : null
  if (interval === undefined) return intervalType === undefined ? before.intervalType : intervalType
  return intervalType ?? inferred(interval)
}

function inferred(interval: string): IntervalType {
  if (secondsOf(interval) !== null) return 'simple'
  if (instantOf(interval)) return 'once'
  if (hasFiveFields(interval)) return 'cron'
  const message = `${quoted(interval)} is neither a cron expression of five fields, nor like 30 minutes, nor a date`
  throw ValidationError.at('interval', message)
}

/** What was stored as an interval of another type says nothing of the one time. */
function onceAt({ interval, startOn }: Timing, before: IntervalView): Date | null {
  if (interval == null) {
    const kept = interval === undefined && before.intervalType === 'once' ? before.interval : null
    return kept === null ? startOn : instantOf(kept)
  }
  const at = instantOf(interval)
  if (!at) throw ValidationError.at('interval', `${quoted(interval)} is not a date, which it has to be for once`)
  return at
}

function requireCron(interval: string): string {
  if (hasFiveFields(interval)) return interval.trim()
  const message = `${quoted(interval)} is not a cron expression of five fields (minute hour day month weekday)`
  throw ValidationError.at('interval', message)
}

/** @throws ValidationError */
export function required(field: string, type = ''): never {
  throw ValidationError.at(field, `is required${type && ` for ${type}`}`)
}

const quoted = (text: string) => `'${text.slice(0, 100)}'`

const UNITS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** `90` → `90 seconds`, `7200` → `2 hours`. */
function simpleOf(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? UNITS[4]
  const count = seconds / size
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** `30 minutes` → `1800`; null: it is no such text. */
function secondsOf(text: string): number | null {
  const [, count, name] = /^\s*(\d{1,9})\s+(second|minute|hour|day|week)s?\s*$/i.exec(text) ?? []
  const [, size] = UNITS.find(([unit]) => unit === name?.toLowerCase()) ?? []
  return size === undefined ? null : Number(count) * size
}
