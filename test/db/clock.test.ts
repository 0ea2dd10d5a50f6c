import type pg from 'pg'
import { expect, it } from 'vitest'
import { createDatabaseClock } from '../../src/db/clock.ts'

const NOON = Date.UTC(2026, 0, 1, 12)

/** A database whose clock says noon, and how often it was asked; and a clock of the process that is set by hand. */
function createClocks() {
  const seen = { asked: 0, ms: 0 }
  const query = async () => {
    seen.asked++
    return { rows: [{ at: new Date(NOON) }] }
  }
  const clock = createDatabaseClock({ query } as unknown as pg.Pool, () => seen.ms)
  const now = async () => ({ now: (await clock.now()).getTime() - NOON, asked: seen.asked })
  return { ...clock, seen, now }
}

it('asks the database what time it is, once for all who want to know it at the same time and for a moment after that', async () => {
  const { now, seen } = createClocks()
  expect(await Promise.all([now(), now()])).toEqual(Array(2).fill({ now: 0, asked: 1 }))
  seen.ms = 4_999
  expect(await now()).toEqual({ now: 4_999, asked: 1 })
  seen.ms = 5_000
  expect(await now()).toEqual({ now: 0, asked: 2 })
})

it('asks nothing while it is told what time it is, and takes the last that it was told, also after a step back', async () => {
  const { tell, now, seen } = createClocks()
  tell(new Date(NOON + 60_000))
  seen.ms = 100.7
  expect(await now()).toEqual({ now: 60_100, asked: 0 })
  tell(new Date(NOON))
  expect(await now()).toEqual({ now: 0, asked: 0 })
})
