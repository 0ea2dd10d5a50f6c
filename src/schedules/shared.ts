/**
 * Schedules that are made by themselves, for jobs of anybody to share. Anybody may see them, and learns from that nothing
 * but when; who made one may change it while no job uses it.
 */
import type { Prisma, PrismaClient, Schedule } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { mayManage, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { type SharedScheduleChange, type SharedScheduleInput, sharedScheduleSpec, withOnce } from './shared-spec.ts'
import { parseSchedule, type ScheduleInput } from './spec.ts'
import { recurrenceOf, type StoredSchedule, storedOf } from './stored.ts'
import { noSuchSchedule } from './use.ts'

const LOCK = 'select id from schedule where number = $1 and shared for update'

export function createSharedSchedules(deps: { prisma: PrismaClient; defaultTimezone: string; now: () => Date }) {
  const { prisma, defaultTimezone, now } = deps
  const parse = (input: ScheduleInput) => parseSchedule(input, { now: now(), defaultTimezone, past: true })

  /** Jobs that want to use it wait until the transaction ends. */
  async function lock(tx: Prisma.TransactionClient, number: number): Promise<Schedule> {
    const [found] = await sqlIn(tx)<{ id: string }>(LOCK, [number])
    if (!found) throw noSuchSchedule()
    return tx.schedule.findUniqueOrThrow({ where: { id: found.id } })
  }

  return {
    /** Null: there is none that is shared. */
    shared: (number: number): Promise<Schedule | null> =>
      prisma.schedule.findFirst({ where: { number, shared: true } }),

    /** Those of everybody, the oldest first, from row `start` on; and how many there are. */
    async allShared({
      start,
      limit,
    }: {
      start: number
      limit: number
    }): Promise<{ schedules: Schedule[]; total: number }> {
      const where = { shared: true }
      const [total, schedules] = await Promise.all([
        prisma.schedule.count({ where }),
        prisma.schedule.findMany({ where, orderBy: { number: 'asc' }, skip: start, take: limit }),
      ])
      return { schedules, total }
    },

    /**
     * An instant may be past: a job that would use it is not enabled.
     * @throws ValidationError
     */
    async createShared(viewer: Viewer, { schedule, once, ...input }: SharedScheduleInput): Promise<Schedule> {
      const { principalId: ownerId } = requireScope(viewer, 'jobs:write')
      const { name } = validate(sharedScheduleSpec, input)
      const stored = storedOf(withOnce(parse(schedule), once))
      return prisma.schedule.create({ data: { ...stored, id: newId(), ownerId, shared: true, name: name || null } })
    },

    /** @throws ConflictError IN_USE while jobs have it, ForbiddenError to all but its owner, and the same */
    async updateShared(
      viewer: Viewer,
      number: number,
      { schedule, once, ...input }: SharedScheduleChange,
    ): Promise<Schedule> {
      requireScope(viewer, 'jobs:write')
      const { name } = validate(sharedScheduleSpec, input)
      const parsed = schedule && parse(schedule)
      return prisma.$transaction(async (tx) => {
        const before = await lock(tx, number)
        if (!mayManage(viewer, before)) throw new ForbiddenError('only its owner may change it')
        const users = await tx.job.count({ where: { scheduleId: before.id, deletedAt: null } })
        if (users > 0) throw new ConflictError(`jobs use it (${users}): give them another first`, 'IN_USE')
        const next = parsed ?? recurrenceOf(before)
        const kept = parsed && parsed.kind !== before.kind ? undefined : onceOf(before)
        const data = {
          ...storedOf(withOnce(next, once ?? kept)),
          text: null,
          ...(name !== undefined && { name: name || null }),
        }
        return tx.schedule.update({ where: { id: before.id }, data })
      })
    },
  }
}

/** Whether it has one slot. */
const onceOf = ({ kind, once }: StoredSchedule): boolean => kind === 'ONCE' || once
