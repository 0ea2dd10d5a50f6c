/**
 * Every change of the clocks of every zone from 2020 to 2040, with expressions of both dialects around each. The tests
 * do a few zones of it in every run; this does all, in some minutes, and says what it saw (`1/2` and `2/2` take half of
 * the zones each):
 *
 *     node --import tsx test/schedules/all-zones.ts [1/2]
 */
import assert from 'node:assert/strict'
import type { CronDialect } from '../../src/schedules/cron-dialect.ts'
import { type DstGap, nextSlot } from '../../src/schedules/recurrence.ts'
import { agree, type Window } from './agreement.ts'
import { type Expression, minuteExpressions, sample, secondExpressions } from './expressions.ts'
import { clockOf, day, hour, looks, minute, readExpression, second } from './oracle.ts'
import { type Transition, transitionsOf } from './transitions.ts'

const years: Span = { from: Date.UTC(2020, 0, 1), until: Date.UTC(2041, 0, 1) }

export type Span = { from: number; until: number }
export type Seen = { zones: number; transitions: number; expressions: number; slots: number }

const policies: DstGap[] = ['RUN_AFTER_GAP', 'SKIP']
const byMinute = sample(minuteExpressions, 997)
const bySecond = sample(secondExpressions, 499)

/** `perTransition`: how many random expressions, besides those that are made for the change. */
export function checkZone(zone: string, span: Span, perTransition: number): Seen {
  const clock = clockOf(zone)
  const transitions = transitionsOf(clock, span.from, span.until)
  const seen = { zones: 1, transitions: transitions.length, expressions: 0, slots: 0 }
  const check = (window: Window, expressions: Expression[]) => {
    for (const asked of expressions) {
      // A policy is for fixed times only, so each of the others is asked under one of them.
      const under = readExpression(asked.expression, asked.dialect).fixed ? policies : [policyOf(asked)]
      for (const dstGap of under) seen.slots += agree(window, asked, dstGap)
      seen.expressions++
    }
  }
  for (const [i, transition] of transitions.entries()) {
    const apart = transition.at - (transitions[i - 1]?.at ?? Number.NEGATIVE_INFINITY)
    assert.ok(apart > 2 * day, `${zone} changes its clocks twice within two days, which reading a wall time rules out`)
    const wide = windowAround(zone, transition, 36 * hour, minute)
    check(wide, madeFor(transition))
    check(wide, drawn(byMinute, transition, zone, perTransition))
    const jump = Math.abs(transition.after - transition.before)
    const narrow = windowAround(zone, transition, (jump < day ? jump : hour) + 5 * minute, second)
    check(narrow, madeToTheSecond(transition))
    check(narrow, drawn(bySecond, transition, zone, Math.ceil(perTransition / 3)))
    check(windowAround(zone, transition, jump + 5 * minute, minute), [vixie('* * * * *')])
  }
  return seen
}

const policyOf = ({ expression }: Expression): DstGap => (expression.length % 2 === 0 ? 'SKIP' : 'RUN_AFTER_GAP')

/** A fixed time has one slot on each date of the span, whatever the clocks do, and the walk ends. */
export function checkDates(zone: string, time: string, span: Span): number {
  const clock = clockOf(zone)
  const r = { kind: 'CRON' as const, expression: `${time} * * *`, dialect: 'VIXIE' as CronDialect, timezone: zone }
  const grid = { anchor: new Date(0), startOn: null, endOn: null, dstGap: 'RUN_AFTER_GAP' as DstGap }
  const dates: number[] = []
  const most = (span.until - span.from) / day + 2
  let slot = nextSlot(r, grid, new Date(span.from))
  for (; slot && slot.getTime() <= span.until && dates.length <= most; slot = nextSlot(r, grid, slot)) {
    dates.push(Math.floor(clock(slot.getTime()) / day))
  }
  const first = dates[0] ?? Number.NaN
  assert.deepEqual(
    dates,
    dates.map((_, i) => first + i),
    `${time} in ${zone} has one slot on each date`,
  )
  assert.ok(dates.length >= most - 3 && dates.length <= most, `${time} in ${zone} goes on to the end`)
  return dates.length
}

function windowAround(zone: string, { at }: Transition, reach: number, step: number): Window {
  const [from, until] = [at - reach, at + reach]
  return { zone, from, middle: at, until, looks: looks(clockOf(zone), from, until, step) }
}

const vixie = (expression: string): Expression => ({ expression, dialect: 'VIXIE' })

/** Fixed times and steps at the edges of what is missing or comes twice, in it, and on both sides of it. */
function madeFor({ at, before, after }: Transition): Expression[] {
  const [from, to] = [at + Math.min(before, after), at + Math.max(before, after)]
  const edges = [from - minute, from, from + Math.floor((to - from) / (2 * minute)) * minute, to - minute, to]
  const time = (wall: number) => new Date(wall)
  const hours = [...new Set(edges.map((wall) => time(wall).getUTCHours()))].join()
  return [
    ...edges.map((wall) => vixie(`${time(wall).getUTCMinutes()} ${time(wall).getUTCHours()} * * *`)),
    vixie(`${time(from).getUTCMinutes()},${time(to - minute).getUTCMinutes()} ${hours} * * *`),
    vixie(`*/20 ${hours} * * *`),
    vixie('17 * * * *'),
    vixie(`${time(from).getUTCMinutes()} ${time(from).getUTCHours()} ${time(from).getUTCDate()} * *`),
    { expression: `0 ${time(from).getUTCMinutes()}/13 ${hours} ? * ${time(from).getUTCDay() + 1}`, dialect: 'QUARTZ' },
  ]
}

/** The first and the last second of what is missing or comes twice. */
function madeToTheSecond({ at, before, after }: Transition): Expression[] {
  const edges = [at + Math.min(before, after), at + Math.max(before, after) - second]
  return edges.flatMap((wall) => {
    const [hours, minutes, seconds] = new Date(wall).toISOString().slice(11, 19).split(':').map(Number)
    return [vixie(`${seconds} ${minutes} ${hours} * * *`), vixie(`${seconds} ${minutes} * * * *`)]
  })
}

/** Others at each change and in each zone, and the same in each run. */
function drawn(from: Expression[], { at }: Transition, zone: string, count: number): Expression[] {
  let start = Math.floor(at / hour)
  for (const letter of zone) start = (start * 31 + letter.charCodeAt(0)) % 1_000_003
  return Array.from({ length: count }, (_, i) => from[(start + i) % from.length] ?? vixie('* * * * *'))
}

if (process.argv[1] === import.meta.filename) {
  const [part = 1, parts = 1] = (process.argv[2] ?? '1/1').split('/').map(Number)
  const zones = Intl.supportedValuesOf('timeZone').filter((_, i) => i % parts === part - 1)
  const total = { zones: 0, transitions: 0, expressions: 0, slots: 0, dates: 0 }
  const start = performance.now()
  for (const zone of zones) {
    const seen = checkZone(zone, years, 6)
    total.zones += seen.zones
    total.transitions += seen.transitions
    total.expressions += seen.expressions
    total.slots += seen.slots
    for (const time of ['30 2', '0 0', '59 12']) total.dates += checkDates(zone, time, years)
  }
  const { node, tz } = process.versions
  console.log(JSON.stringify({ node, tz, ...total, seconds: Math.round((performance.now() - start) / 1000) }))
}
