/** When histories take place, many of them while a clock is put forward or back, and the schedules that fit. */
import type { Recurrence } from './product.ts'
import type { Random } from './random.ts'

export type Calendar = { base: Date; zone: string; fixed: string }

/** A second before the offset changes, and a fixed wall-clock time that falls into the gap or comes twice. */
const TRANSITIONS: [zone: string, instant: string, fixed: string][] = [
  ['America/New_York', '2027-03-14T07:00:00Z', '1,3 30 2 * * *'],
  ['America/New_York', '2027-11-07T06:00:00Z', '1,3 0 1 * * *'],
  ['Europe/Berlin', '2027-03-28T01:00:00Z', '2 15 2 * * *'],
  ['Europe/Berlin', '2027-10-31T01:00:00Z', '0,2 0 2 * * *'],
  ['Australia/Lord_Howe', '2027-10-02T15:30:00Z', '1 10 2 * * *'],
  ['Africa/Cairo', '2027-04-29T22:00:00Z', '3 30 0 * * *'],
]

export function calendarOf(random: Random): Calendar {
  const [zone, instant, fixed] = random.pick(TRANSITIONS)
  if (random.chance(0.6))
    return { base: new Date(Date.UTC(2027, 0, 15, 12) + random.int(0, 999)), zone: 'UTC', fixed: '*/4 * * * * *' }
  return { base: new Date(Date.parse(instant) - random.int(0, 3_000)), zone, fixed }
}

export function recurrenceOf(random: Random, { base, zone, fixed }: Calendar): Recurrence {
  const kind = random.pick(['INTERVAL', 'INTERVAL', 'CRON', 'CRON', 'FIXED', 'ONCE'] as const)
  if (kind === 'INTERVAL') return { kind, seconds: random.int(1, 3) }
  if (kind === 'ONCE') return { kind, at: new Date(base.getTime() + random.int(500, 5_000)) }
  if (kind === 'FIXED') return { kind: 'CRON', expression: fixed, dialect: 'VIXIE', timezone: zone }
  const [expression, dialect] = random.pick([
    ['* * * * * *', 'VIXIE'],
    ['*/2 * * * * *', 'VIXIE'],
    ['1/3 * * * * ?', 'QUARTZ'],
  ] as const)
  return { kind, expression, dialect, timezone: zone }
}
