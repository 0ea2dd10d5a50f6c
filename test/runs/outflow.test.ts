import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOutflow, type Report } from '../../src/runs/outflow.ts'
import { lineOf, progressOf } from '../../src/runs/reporting.ts'

const INTERVAL = 500
const limits = { lines: 10, bytes: 60 }

/** What a step does, and what becomes of a report that goes out. */
const deed = fc.oneof(
  fc.record({ kind: fc.constant('log' as const), size: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ kind: fc.constant('progress' as const) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 900 }), isLost: fc.boolean() }),
)

type Deed = typeof deed extends fc.Arbitrary<infer Each> ? Each : never

function live(deeds: Deed[], mayLose: boolean) {
  const outflow = createOutflow(limits, INTERVAL)
  const said = { lines: 0, progress: 0 }
  const went: { at: number; report: Report }[] = []
  let lost = 0
  let now = 0
  const go = (last: boolean, isLost = false) => {
    const report = outflow.take(now, last)
    if (!report) return
    if (isLost) {
      lost += report.lines.length
      outflow.lost(report)
    } else went.push({ at: now, report })
  }
  for (const each of deeds) {
    if (each.kind === 'log') outflow.log(lineOf('INFO', `${said.lines++} `.padEnd(each.size, 'x')))
    if (each.kind === 'progress') outflow.progress(progressOf({ done: ++said.progress }))
    if (each.kind === 'pass') {
      now += each.ms
      if (outflow.wait(now) === 0) go(false, mayLose && each.isLost)
    }
  }
  go(true)
  return { said, went, lost }
}

describe('what goes out of all that a step says', () => {
  it('is at most one report in an interval, but for the last', () => {
    fc.assert(
      fc.property(fc.array(deed), (deeds) => {
        const { went } = live(deeds, false)
        const early = went.filter(({ at, report }, index) => {
          const before = went[index - 1]
          return !report.last && before !== undefined && at - before.at < INTERVAL
        })
        expect(early).toEqual([])
      }),
    )
  })

  it('has every line once, in order, or counts it; and ends with the newest progress', () => {
    fc.assert(
      fc.property(fc.array(deed), (deeds) => {
        const { said, went, lost } = live(deeds, true)
        const lines = went.flatMap(({ report }) => report.lines.map(({ message }) => Number.parseInt(message, 10)))
        expect(lines).toEqual(lines.toSorted((a, b) => a - b))
        expect(new Set(lines).size).toBe(lines.length)
        const dropped = went.reduce((sum, { report }) => sum + report.dropped, 0)
        expect(lines.length + dropped).toBe(said.lines)
        expect(dropped).toBeGreaterThanOrEqual(lost)
        const progress = went.flatMap(({ report }) => report.progress?.done ?? [])
        expect(progress.at(-1) ?? 0).toBe(said.progress)
        expect(progress).toEqual(progress.toSorted((a, b) => a - b))
      }),
    )
  })

  it('keeps to the limits, and to the first lines', () => {
    fc.assert(
      fc.property(fc.array(deed), (deeds) => {
        const { went } = live(deeds, false)
        const lines = went.flatMap(({ report }) => report.lines)
        expect(lines.length).toBeLessThanOrEqual(limits.lines)
        expect(Buffer.byteLength(lines.map(({ message }) => message).join(''))).toBeLessThanOrEqual(limits.bytes)
        expect(lines.map(({ message }) => Number.parseInt(message, 10))).toEqual(lines.map((_line, index) => index))
      }),
    )
  })
})

describe('what is said', () => {
  it('is cut, and what PostgreSQL cannot keep is replaced', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
        const hostile = `${text}\0\ud800`
        const { message } = lineOf('INFO', hostile)
        expect(message.isWellFormed() && !message.includes('\0')).toBe(true)
        expect(message.length).toBeLessThanOrEqual(2_000)
        expect(message.endsWith('…')).toBe(hostile.length > 2_000 || text.endsWith('…\0\ud800'))
      }),
      { numRuns: 20 },
    )
  })

  it.each([
    [{ done: 3, total: 12 }, { fraction: 0.25 }],
    [{ fraction: 0.5, done: 3, total: 12 }, { fraction: 0.5 }],
    [{ done: 3 }, { fraction: null, done: 3, total: null }],
    [{ done: 13, total: 12 }, { fraction: 1 }],
    [
      { done: 1, total: 0 },
      { fraction: null, total: 0 },
    ],
    [
      { fraction: Number.NaN, done: Number.POSITIVE_INFINITY },
      { fraction: null, done: null },
    ],
    [
      { fraction: -1, done: -1 },
      { fraction: 0, done: 0 },
    ],
  ])('of a progress makes %j to %j', (given, made) => {
    expect(progressOf(given)).toMatchObject(made)
  })
})
