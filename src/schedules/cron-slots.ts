/**
 * The slots of a cron plan in a zone. croner answers only which wall times match, as though in UTC; how these lie in the
 * zone is decided here. (Its own zone handling takes 5 times as long, and drops a fixed time in a gap that ends at
 * midnight, as each spring in America/Nuuk: `30 23 * * *` has to run at 00:00 then.)
 *
 * A fixed time (`CronPlan.fixed`) that comes twice is a slot the first time only; one in a gap runs as the gap ends, or
 * not at all (`SKIP`); several in one gap are one slot. A day that a zone leaves out whole (Apia, 2011-12-30) is no gap:
 * nothing that was due on it runs. All other plans follow elapsed time: both times of an overlap, nothing in a gap.
 *
 * Instants and wall times (see `wall-clock.ts`) are in milliseconds; slots are whole seconds.
 */
import { Cron } from 'croner'
import { createCache } from './cache.ts'
import type { CronPlan } from './cron-dialect.ts'
import { readWall, type Shift } from './wall-clock.ts'
import type { Zone } from './zones.ts'

export type DstGap = 'RUN_AFTER_GAP' | 'SKIP'

const second = 1000
const day = 86_400_000

/** What falls into a gap this often in a row and is skipped will for ever: `0 30 2 ? 3 1#2` in New York. */
const maxGaps = 100

/** croner keeps 80 KB for each pattern and takes 60 µs to make one. */
const calendars = createCache<Cron>(256)

/** The first slot after `after`, or null if there is none before the year 3000, where croner ends. At worst some 50 ms, for one that never comes. */
export function nextCronSlot(plan: CronPlan, zone: Zone, dstGap: DstGap, after: number): number | null {
  const now = floor(after)
  let wall = now + zone.offsetAt(now)
  const { shift } = readWall(zone, wall)
  if (shift && plan.fixed && now >= shift.at) wall = shift.to - second
  if (shift && !plan.fixed && now < shift.at) {
    const firstPass = nextWall(plan, wall)
    if (firstPass !== null && firstPass < shift.to) return firstPass - shift.before
    const secondPass = nextWall(plan, shift.from - second)
    if (secondPass !== null && secondPass < shift.to) return secondPass - shift.after
    wall = shift.to - second
  }
  for (let gaps = 0; gaps < maxGaps; gaps++) {
    const next = nextWall(plan, wall)
    if (next === null) return null
    const { instants, shift } = readWall(zone, next)
    const slot = instants.find((instant) => instant > now)
    if (slot !== undefined || !shift) return slot ?? null
    if (runsAfter(shift, plan, dstGap)) return shift.at
    wall = shift.to - second
  }
  return null
}

/** The last slot not after `until`, or null. */
export function lastCronSlot(plan: CronPlan, zone: Zone, dstGap: DstGap, until: number): number | null {
  const now = floor(until)
  let wall = now + zone.offsetAt(now) + second
  const { shift } = readWall(zone, wall - second)
  if (shift && now >= shift.at) {
    const secondPass = plan.fixed ? null : previousWall(plan, wall)
    if (secondPass !== null && secondPass >= shift.from) return secondPass - shift.after
    wall = shift.to
  }
  for (let gaps = 0; gaps < maxGaps; gaps++) {
    const previous = previousWall(plan, wall)
    if (previous === null) return null
    const { instants, shift } = readWall(zone, previous)
    const slot = plan.fixed ? instants[0] : instants.findLast((instant) => instant <= now)
    if (slot !== undefined || !shift) return slot ?? null
    if (runsAfter(shift, plan, dstGap)) return shift.at
    wall = shift.from
  }
  return null
}

const runsAfter = (gap: Shift, plan: CronPlan, dstGap: DstGap) =>
  plan.fixed && dstGap === 'RUN_AFTER_GAP' && gap.to - gap.from < day

/** The first wall time after `wall` that matches. */
function nextWall(plan: CronPlan, wall: number): number | null {
  const found = plan.patterns.flatMap((pattern) => calendar(pattern).nextRun(new Date(wall))?.getTime() ?? [])
  return found.length > 0 ? Math.min(...found) : null
}

/** The last wall time before `wall` that matches. */
function previousWall(plan: CronPlan, wall: number): number | null {
  const found = plan.patterns.flatMap(
    (pattern) => calendar(pattern).previousRuns(1, new Date(wall))[0]?.getTime() ?? [],
  )
  return found.length > 0 ? Math.max(...found) : null
}

const calendar = (pattern: string) =>
  calendars(pattern, () => new Cron(pattern, { mode: '7-part', utcOffset: 0, paused: true }))

const floor = (instant: number) => Math.floor(instant / second) * second
