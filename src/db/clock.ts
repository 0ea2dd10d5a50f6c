/**
 * What time it is by the database's clock, on which all nodes agree. Statements that are sent anyway tell it, and for a
 * moment after that this process's own clock knows how much later it is: most who need it ask nothing.
 */
import type pg from 'pg'
import { createBatch } from '../kernel/batch.ts'
import { sqlOn } from './sql.ts'

/** How long what was told is good for: two clocks drift apart by less than a millisecond meanwhile. */
const GOOD_MS = 5_000

const TOGETHER = { maxSize: 50, maxInFlight: 2 }
const NOW = 'select clock_timestamp() as at'

export type DatabaseClock = ReturnType<typeof createDatabaseClock>

/** `elapsed`: milliseconds since whenever, by a clock that nobody sets. */
export function createDatabaseClock(pool: pg.Pool, elapsed: () => number = () => performance.now()) {
  const sql = sqlOn(pool)
  let told: { at: number; when: number } | null = null

  const tell = (at: Date) => {
    told = { at: at.getTime(), when: elapsed() }
  }

  const ask = createBatch<null, Date>(async (asked) => {
    const [{ at } = { at: new Date() }] = await sql<{ at: Date }>(NOW)
    tell(at)
    return asked.map(() => at)
  }, TOGETHER)

  return {
    /** What a statement said that was answered just now. */
    tell,

    /** Never ahead of it; behind by no more than such an answer took. */
    async now(): Promise<Date> {
      const since = told ? elapsed() - told.when : Number.POSITIVE_INFINITY
      return told && since < GOOD_MS ? new Date(told.at + since) : ask(null)
    },
  }
}
