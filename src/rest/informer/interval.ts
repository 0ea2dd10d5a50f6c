/** When a job runs, in the words of Informer: `interval` and `intervalType`. Pure. */
import type { Schedule } from '../../db/generated/prisma/client.ts'

type IntervalView = { interval: string | null; intervalType: 'cron' | 'simple' | 'once' | null; timezone: string }

export function intervalView(schedule: Schedule | null, defaultTimezone: string): IntervalView {
  const timezone = schedule?.timezone ?? defaultTimezone
  if (!schedule) return { interval: null, intervalType: null, timezone }
  const { kind, expression, intervalSeconds, text, at } = schedule
  if (kind === 'CRON') return { interval: expression, intervalType: 'cron', timezone }
  if (kind === 'ONCE') return { interval: at && at.toISOString(), intervalType: 'once', timezone }
  return { interval: text ?? simpleOf(intervalSeconds ?? 0), intervalType: 'simple', timezone }
}

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
