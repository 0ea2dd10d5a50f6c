/**
 * Which slots of a job are due. Pure. A slot comes from the schedule's grid, never from "the previous run + x", so a
 * late node or a missed wake-up shifts nothing.
 */
import type { CatchUpPolicy } from '../db/generated/prisma/enums.ts'
import { type Grid, isOneTime, nextSlot, type Recurrence, slotsBetween } from '../schedules/recurrence.ts'
import { recurrenceOf, type StoredSchedule } from '../schedules/stored.ts'

export type Schedule = {
  recurrence: Recurrence
  grid: Grid
  catchUp: CatchUpPolicy
  /** Seconds; what was missed longer ago is not caught up. */
  catchUpWindow: number
}

export function scheduleOf(job: StoredSchedule & Grid & Pick<Schedule, 'catchUp' | 'catchUpWindow'>): Schedule {
  const { anchor, startOn, endOn, dstGap, catchUp, catchUpWindow } = job
  return { recurrence: recurrenceOf(job), grid: { anchor, startOn, endOn, dstGap }, catchUp, catchUpWindow }
}

type SlotRange = { first: Date; until: Date; count: number }

export type DueSlots = {
  /** Slots to run, in order. */
  fire: Date[]
  /** Slots that were missed and stay so; counted up to 1,000. */
  missed: SlotRange | null
  /** The first slot that is not due yet, or that a further call has to deal with; null: the schedule is exhausted. */
  next: Date | null
}

/** A slot that is later than this was missed, not merely fired late: nobody takes longer to replace a frozen node. */
const LATE_MS = 15_000
/** Under `catchUp: ALL` so many slots fire in one transaction; and one more, rather than leave one by itself. */
const FIRE_AT_ONCE = 100

/** What is to be done at `now` for a job whose first slot that nobody has dealt with is `due` (≤ now). */
export function dueSlots({ recurrence, grid, catchUp, catchUpWindow }: Schedule, due: Date, now: Date): DueSlots {
  if (isOneTime(recurrence)) return { fire: [due], missed: null, next: null }
  const slots = slotsBetween(recurrence, grid, justBefore(due), now)
  if (!slots) return { fire: [], missed: null, next: nextSlot(recurrence, grid, now) }

  const windowMs = catchUp === 'NONE' ? LATE_MS : Math.max(catchUpWindow * 1000, LATE_MS)
  const oldest = new Date(now.getTime() - windowMs)
  const next = nextSlot(recurrence, grid, now)
  if (slots.newest < oldest) return { fire: [], missed: range(slots.first, slots.newest, slots.count), next }
  if (catchUp !== 'ALL') {
    const missed = slots.count > 1 ? slotsBetween(recurrence, grid, justBefore(due), justBefore(slots.newest)) : null
    return { fire: [slots.newest], missed: missed && range(missed.first, missed.newest, missed.count), next }
  }

  const tooOld = slots.first < oldest ? slotsBetween(recurrence, grid, justBefore(due), justBefore(oldest)) : null
  const fire: Date[] = []
  let slot = nextSlot(recurrence, grid, justBefore(slots.first < oldest ? oldest : due))
  while (slot && slot <= now) {
    const following = nextSlot(recurrence, grid, slot)
    if (fire.length >= FIRE_AT_ONCE && following && following <= now) break
    fire.push(slot)
    slot = following
  }
  return { fire, missed: tooOld && range(tooOld.first, tooOld.newest, tooOld.count), next: slot }
}

/** The slots that are due of a job that they delete. */
export function slotsToDrop({ recurrence, grid }: Schedule, due: Date, now: Date): SlotRange {
  const slots = slotsBetween(recurrence, grid, justBefore(due), now)
  return slots ? range(slots.first, slots.newest, slots.count) : range(due, due, 1)
}

const range = (first: Date, until: Date, count: number): SlotRange => ({ first, until, count })

const justBefore = (instant: Date): Date => new Date(instant.getTime() - 1)
