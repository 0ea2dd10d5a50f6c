/**
 * From what a zone's clocks show to the instants at which they show it. A wall time is in milliseconds, as though the
 * zone were UTC. Where the clocks go forward some wall times never come; where they go back some come twice.
 * Everything here is in whole seconds. It relies on a zone not changing twice within two days: none has since 1970.
 */
import type { Zone } from './zones.ts'

/** One change of the clocks: at `at` they jump from `before` to `after` ahead of UTC; the wall times `from` ≤ w < `to` are missing or come twice. */
export type Shift = { at: number; before: number; after: number; from: number; to: number }

/** `instants` in order: one (and then no shift), two in an overlap, none in a gap. */
export type Reading = { instants: number[]; shift: Shift | null }

const second = 1000
const day = 86_400_000

export function readWall(zone: Zone, wall: number): Reading {
  const before = zone.offsetAt(wall - day)
  const after = zone.offsetAt(wall + day)
  if (before === after) return { instants: [wall - before], shift: null }
  const instants = [wall - before, wall - after].filter((instant) => instant + zone.offsetAt(instant) === wall)
  if (instants.length === 1) return { instants, shift: null }
  const at = findShift(zone, wall - Math.max(before, after), wall - Math.min(before, after))
  return {
    instants,
    shift: { at, before, after, from: at + Math.min(before, after), to: at + Math.max(before, after) },
  }
}

/** The first second of the new offset, which is later than `low` and not later than `high`. */
function findShift(zone: Zone, low: number, high: number): number {
  const before = zone.offsetAt(low)
  let last = low
  let first = high
  while (first - last > second) {
    const middle = last + Math.floor((first - last) / (2 * second)) * second
    if (zone.offsetAt(middle) === before) last = middle
    else first = middle
  }
  return first
}
