/**
 * When: the slots of a schedule. Pure: no clock is read, and the same question has the same answer on every node with
 * the same tz database. A slot depends on the grid alone, never on when the slot before it ran.
 */
import { createCache } from './cache.ts'
import { type CronDialect, type CronPlan, parseCron } from './cron-dialect.ts'
import { type DstGap, lastCronSlot, nextCronSlot } from './cron-slots.ts'
import { RecurrenceError } from './errors.ts'
import { type Zone, zoneOf } from './zones.ts'

export type { DstGap }
export { RecurrenceError }

export type Recurrence =
  | { kind: 'CRON'; expression: string; dialect: CronDialect; timezone: string }
  | { kind: 'INTERVAL'; seconds: number /** It has its first slot only. */; once?: boolean }
  | { kind: 'ONCE'; at: Date }

/**
 * `anchor`: an INTERVAL's slots are anchor + k·seconds, k ≥ 1. Slots before `startOn` or after `endOn` do not exist; one
 * at either does. `dstGap` is for a CRON's fixed times.
 */
export type Grid = { anchor: Date; startOn: Date | null; endOn: Date | null; dstGap: DstGap }

/** `count` stops at the limit, and `capped` says that there are more; `newest` is the newest all the same. */
export type SlotRange = { first: Date; newest: Date; count: number; capped: boolean }

const maxSeconds = 366 * 86_400
const maxInstant = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Jobs due at one slot ask the same question one after the other, so the last answer is kept with its question. */
type Timetable = { plan: CronPlan; zone: Zone; lastAsked: number; lastAnswer: number | null }
const timetables = createCache<Timetable>(1000)

/**
 * Throws RecurrenceError for what cannot be: a bad expression, an unknown zone, an expression that does not fire after
 * `now`, seconds that are no whole number of 1..31,622,400 (366 days), an instant that is none. ONCE in the past passes.
 * An expression that never fires takes up to 50 ms to find out.
 */
export function checkRecurrence(r: Recurrence, now: Date): void {
  if (r.kind === 'INTERVAL') checkSeconds(r.seconds)
  else if (r.kind === 'ONCE') checkInstant(r.at)
  else if (nextOfCron(r, 'RUN_AFTER_GAP', now.getTime()) === null) {
    throw new RecurrenceError('expression', `'${r.expression}' will never fire`)
  }
}

/** Whether it has one slot. */
export const isOneTime = (r: Recurrence): boolean => r.kind === 'ONCE' || (r.kind === 'INTERVAL' && r.once === true)

/** The first slot strictly after `after`, or null. Throws RecurrenceError as `checkRecurrence` does for bad input. */
export function nextSlot(r: Recurrence, grid: Grid, after: Date): Date | null {
  const from = Math.max(after.getTime(), grid.startOn ? grid.startOn.getTime() - 1 : -Infinity)
  const slot = nextOf(r, grid, from)
  return slot !== null && slot <= lastInstant(grid) ? new Date(slot) : null
}

/** The first `count` slots strictly after `after`; fewer if there are no more. */
export function nextSlots(r: Recurrence, grid: Grid, after: Date, count: number): Date[] {
  const slots: Date[] = []
  for (let last = after; slots.length < count; ) {
    const slot = nextSlot(r, grid, last)
    if (!slot) break
    slots.push(slot)
    last = slot
  }
  return slots
}

/**
 * The slots in (after, until], or null if there are none: an INTERVAL's by arithmetic, a CRON's counted one by one up to
 * the limit (some 30 µs each).
 */
export function slotsBetween(r: Recurrence, grid: Grid, after: Date, until: Date, limit = 1000): SlotRange | null {
  const end = Math.min(until.getTime(), lastInstant(grid))
  const first = nextSlot(r, grid, after)
  if (!first || first.getTime() > end) return null
  if (r.kind === 'ONCE' || isOneTime(r)) return { first, newest: first, count: 1, capped: false }
  if (r.kind === 'INTERVAL') {
    const step = r.seconds * 1000
    const further = Math.floor((end - first.getTime()) / step)
    const newest = new Date(first.getTime() + further * step)
    return { first, newest, count: Math.min(further + 1, limit), capped: further + 1 > limit }
  }
  let newest = first
  let count = 1
  for (;;) {
    const slot = nextSlot(r, grid, newest)
    if (!slot || slot.getTime() > end) return { first, newest, count, capped: false }
    if (count >= limit) break
    newest = slot
    count++
  }
  const { plan, zone } = timetable(r, grid.dstGap)
  const last = lastCronSlot(plan, zone, grid.dstGap, end)
  return { first, newest: last === null ? newest : new Date(last), count, capped: true }
}

const lastInstant = (grid: Grid) => Math.min(grid.endOn?.getTime() ?? Infinity, maxInstant)

function nextOf(r: Recurrence, grid: Grid, after: number): number | null {
  if (r.kind === 'CRON') return nextOfCron(r, grid.dstGap, after)
  if (r.kind === 'ONCE') return checkInstant(r.at) > after ? r.at.getTime() : null
  const anchor = grid.anchor.getTime()
  const step = checkSeconds(r.seconds) * 1000
  if (r.once) return anchor + step > after ? anchor + step : null
  return anchor + Math.max(1, Math.floor((after - anchor) / step) + 1) * step
}

function nextOfCron(r: Extract<Recurrence, { kind: 'CRON' }>, dstGap: DstGap, after: number): number | null {
  const table = timetable(r, dstGap)
  if (table.lastAsked !== after) {
    table.lastAnswer = nextCronSlot(table.plan, table.zone, dstGap, after)
    table.lastAsked = after
  }
  return table.lastAnswer
}

function timetable(
  { expression, dialect, timezone }: Extract<Recurrence, { kind: 'CRON' }>,
  dstGap: DstGap,
): Timetable {
  return timetables([dialect, dstGap, timezone, expression].join('|'), () => {
    const plan = parseCron(expression, dialect)
    return { plan, zone: zoneOf(timezone), lastAsked: Number.NaN, lastAnswer: null }
  })
}

function checkSeconds(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= maxSeconds) return seconds
  throw new RecurrenceError('seconds', `${seconds} is not a whole number of seconds from 1 to ${maxSeconds}`)
}

function checkInstant(at: Date): number {
  if (at.getTime() <= maxInstant) return at.getTime()
  throw new RecurrenceError('at', 'the instant is not a date before the year 10000')
}
