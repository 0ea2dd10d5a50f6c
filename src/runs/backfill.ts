/** The slots of a range that is to be made up for. */
import { setImmediate } from 'node:timers/promises'
import type { Sql } from '../db/sql.ts'
import { ValidationError } from '../kernel/errors.ts'
import { type Grid, nextSlot, type Recurrence, slotsBetween } from '../schedules/recurrence.ts'

/** Slots of one request. */
export const BACKFILL_LIMIT = 10_000
/** Slots are counted so far, to say how many they would have been. */
const COUNT_LIMIT = 100_000
/** Slots that are computed before others get their turn: some 30 ms. */
const TURN = 1_000

/**
 * The slots from `from` up to, not including, `to`. An interval's grid goes on before the job was made.
 * @throws ValidationError when there are more than BACKFILL_LIMIT, saying how many
 */
export async function slotsToBackfill(recurrence: Recurrence, grid: Grid, from: Date, to: Date): Promise<Date[]> {
  const whole = recurrence.kind === 'INTERVAL' ? { ...grid, anchor: anchorBefore(recurrence, grid.anchor, from) } : grid
  const slots: Date[] = []
  let count = 0
  for (
    let slot = nextSlot(recurrence, whole, before(from));
    slot && slot < to;
    slot = nextSlot(recurrence, whole, slot)
  ) {
    count++
    if (slots.length < BACKFILL_LIMIT) slots.push(slot)
    else if (recurrence.kind === 'INTERVAL') {
      count += slotsBetween(recurrence, whole, slot, before(to), Number.POSITIVE_INFINITY)?.count ?? 0
      break
    } else if (count > COUNT_LIMIT) break
    if (count % TURN === 0) await setImmediate()
  }
  if (count > BACKFILL_LIMIT) {
    const many = count > COUNT_LIMIT && recurrence.kind === 'CRON' ? `more than ${COUNT_LIMIT}` : `${count}`
    throw ValidationError.at('to', `the range has ${many} slots; one request may backfill at most ${BACKFILL_LIMIT}`)
  }
  return slots
}

const before = (instant: Date) => new Date(instant.getTime() - 1)

/** A point of the same grid before `from`. */
function anchorBefore({ seconds }: { seconds: number }, anchor: Date, from: Date): Date {
  const step = seconds * 1000
  const steps = Math.max(0, Math.ceil((anchor.getTime() - from.getTime()) / step) + 1)
  return new Date(anchor.getTime() - steps * step)
}

/** Which of a job's slots have succeeded or are under way, in milliseconds. */
export async function presentSlots(sql: Sql, jobId: string, from: Date, to: Date): Promise<Set<number>> {
  const rows = await sql<{ slot: Date }>(PRESENT, [jobId, from, to])
  return new Set(rows.map(({ slot }) => slot.getTime()))
}

const PRESENT = ["trigger = 'SCHEDULE'", "trigger <> 'SCHEDULE' and scheduled_for is not null"]
  .map(
    (kind) => `
  select scheduled_for as slot from run
  where ${kind} and job_id = $1::uuid and scheduled_for >= $2 and scheduled_for < $3
    and status in ('SUCCEEDED', 'QUEUED', 'RUNNING', 'RETRYING')`,
  )
  .join(' union all ')
