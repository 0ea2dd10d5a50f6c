/** Slots that nobody will run → one SKIPPED run for all of them. */
import type { Sql } from '../db/sql.ts'
import { newId } from '../kernel/ids.ts'
import { type Grid, nextSlot, type Recurrence } from '../schedules/recurrence.ts'
import type { SkippedRun } from './transition/record.ts'

type Skip = Pick<SkippedRun, 'jobId' | 'skipReason'> & { first: Date; until: Date; count: number }

/**
 * The range begins at the first of the slots that has no run: where the database's clock went back, some have one. Null
 * when all have. The caller holds the job's row.
 */
export async function skippedRange(
  sql: Sql,
  recurrence: Recurrence,
  grid: Grid,
  { jobId, skipReason, first, until, count }: Skip,
): Promise<SkippedRun | null> {
  const taken = await sql<{ slot: Date }>(TAKEN, [jobId, first, until])
  const slots = new Set(taken.map(({ slot }) => slot.getTime()))
  let slot: Date | null = first
  let left = count
  for (; slot && slots.has(slot.getTime()); slot = nextSlot(recurrence, grid, slot)) left--
  if (!slot || slot > until) return null
  const range = { skippedCount: Math.max(left, 1), skippedUntil: until }
  return { id: newId(), jobId, trigger: 'SCHEDULE', scheduledFor: slot, skipReason, ...range }
}

const TAKEN = `
select scheduled_for as slot from run
where trigger = 'SCHEDULE' and job_id = $1::uuid and scheduled_for between $2 and $3`
