/**
 * The product against the oracle, in a window of a zone's time: the same slots, whether they are walked one by one,
 * counted, asked for from any instant between two of them, or looked back for. Throws an AssertionError that names the
 * expression, the zone and the policy.
 */
import assert from 'node:assert/strict'
import { parseCron } from '../../src/schedules/cron-dialect.ts'
import { lastCronSlot } from '../../src/schedules/cron-slots.ts'
import { type DstGap, type Grid, nextSlot, type Recurrence, slotsBetween } from '../../src/schedules/recurrence.ts'
import { zoneOf } from '../../src/schedules/zones.ts'
import type { Expression } from './expressions.ts'
import { type Look, minute, readExpression, slotsAmong } from './oracle.ts'

/** Slots before and after the middle of the window that are asked for one by one. */
const NEIGHBOURS = 4

export type Window = { zone: string; from: number; middle: number; until: number; looks: Look[] }

/** How many slots were compared. */
export function agree({ zone, from, middle, until, looks }: Window, asked: Expression, dstGap: DstGap): number {
  const { expression, dialect } = asked
  const what = `${dialect} '${expression}' in ${zone}, ${dstGap}, around ${new Date(middle).toISOString()}`
  const r: Recurrence = { kind: 'CRON', expression, dialect, timezone: zone }
  const grid: Grid = { anchor: new Date(0), startOn: null, endOn: null, dstGap }
  const expected = slotsAmong(looks, readExpression(expression, dialect), dstGap)
  const next = (after: number) => nextSlot(r, grid, new Date(after))?.getTime() ?? Number.POSITIVE_INFINITY

  const walked: number[] = []
  for (let slot = next(from); slot <= until && walked.length <= expected.length; slot = next(slot)) walked.push(slot)
  assert.deepEqual(walked, expected, `slots of ${what}`)

  const range = slotsBetween(r, grid, new Date(from), new Date(until), expected.length + 1)
  assert.equal(range?.count ?? 0, expected.length, `count of ${what}`)
  assert.equal(range?.newest.getTime(), expected.at(-1), `newest of ${what}`)

  const plan = parseCron(expression, dialect)
  for (const instant of instantsToAsk(expected, middle)) {
    if (instant < from || instant > until) continue
    const at = `${what}, asked at ${new Date(instant).toISOString()}`
    const later = expected.find((slot) => slot > instant)
    if (later !== undefined) assert.equal(next(instant), later, `next of ${at}`)
    const newest = expected.findLast((slot) => slot <= instant)
    if (newest === undefined) continue
    assert.equal(lastCronSlot(plan, zoneOf(zone), dstGap, instant), newest, `last of ${at}`)
  }
  const newest = expected.findLast((slot) => slot <= middle)
  const capped = slotsBetween(r, grid, new Date(from), new Date(middle), 1)
  assert.equal(capped?.newest.getTime(), newest, `newest beyond the limit of ${what}`)
  return expected.length
}

/** On both sides of the change itself, and at, just before and between the slots that are nearest to it. */
function instantsToAsk(slots: readonly number[], middle: number): number[] {
  const first = slots.findIndex((slot) => slot >= middle)
  const at = first < 0 ? slots.length : first
  const near = slots.slice(Math.max(0, at - NEIGHBOURS), at + NEIGHBOURS)
  const between = near.map((slot, i) => Math.floor((slot + (near[i + 1] ?? slot)) / 2))
  const around = [-60, -45, -30, -1, 0, 1, 30, 45, 60].map((minutes) => middle + minutes * minute)
  return [...near.flatMap((slot) => [slot - 1, slot]), ...between, ...around, middle - 1, middle + 1]
}
