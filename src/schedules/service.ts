import type { PrismaClient, Schedule } from '../db/generated/prisma/client.ts'
import { ValidationError } from '../kernel/errors.ts'
import { type Grid, nextSlots, type Recurrence } from './recurrence.ts'
import { createSharedSchedules } from './shared.ts'
import { parseSchedule, requireWindow, type ScheduleInput, type Window } from './spec.ts'

export type ScheduleService = ReturnType<typeof createScheduleService>

/** No preview is longer. */
const PREVIEW_LIMIT = 100

type PreviewOptions = { count: number; from?: Date | null | undefined; at?: string }

export function createScheduleService(deps: { prisma: PrismaClient; defaultTimezone: string; now?: () => Date }) {
  const { prisma, defaultTimezone, now = () => new Date() } = deps
  return {
    ...createSharedSchedules({ prisma, defaultTimezone, now }),

    /** Of what names no zone. */
    defaultTimezone,

    /** @throws ValidationError */
    parse: (input: ScheduleInput): Recurrence => parseSchedule(input, { now: now(), defaultTimezone }),

    /**
     * The first `count` slots after `from` (absent: now) of a schedule that starts then. `at`: what the paths of issues
     * begin with.
     */
    preview(
      input: ScheduleInput,
      { count, from, at = 'input', startOn = null, endOn = null }: PreviewOptions & Partial<Window>,
    ): Date[] {
      requireWindow({ startOn, endOn })
      if (count < 1 || count > PREVIEW_LIMIT) throw ValidationError.at('count', `must be from 1 to ${PREVIEW_LIMIT}`)
      const start = from ?? now()
      const recurrence = parseSchedule(input, { now: start, defaultTimezone, at })
      const grid: Grid = { anchor: start, startOn, endOn, dstGap: 'RUN_AFTER_GAP' }
      return nextSlots(recurrence, grid, start, count)
    },

    /** In the order of the ids. Whoever may read a job may read its schedule, so only the jobs' service hands out ids. */
    async byIds(ids: readonly string[]): Promise<(Schedule | null)[]> {
      const found = await prisma.schedule.findMany({ where: { id: { in: [...ids] } } })
      const byId = new Map(found.map((schedule) => [schedule.id, schedule]))
      return ids.map((id) => byId.get(id) ?? null)
    },
  }
}
