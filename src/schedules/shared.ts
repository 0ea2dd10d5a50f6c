/**
 * Schedules that are made by themselves, for jobs of anybody to share. Anybody may see them, and learns from that nothing
 * but when; who made one may change it while no job uses it.
 */
import type { Prisma, PrismaClient, Schedule } from '../db/generated/prisma/client.ts'
import { type ListOrder, listById } from '../db/keyset.ts'
import { sqlIn } from '../db/sql.ts'
import { mayManage, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, ForbiddenError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { requireVersion } from '../kernel/known-version.ts'
import type { Connection, PageArgs } from '../kernel/pages.ts'
import { validate } from '../kernel/validate.ts'
import { type SharedScheduleChange, type SharedScheduleInput, sharedScheduleSpec, withOnce } from './shared-spec.ts'
import { parseSchedule, type ScheduleInput } from './spec.ts'
import { recurrenceOf, type StoredSchedule, storedOf } from './stored.ts'
import { noSuchSchedule } from './use.ts'

const LOCK = 'select id from schedule where (number = $1 or id = $2::uuid) and shared for update'

/** How the dialects name one. */
type Key = { number: number } | { id: string }

export function createSharedSchedules(deps: { prisma: PrismaClient; defaultTimezone: string; now: () => Date }) {
  const { prisma, defaultTimezone, now } = deps
  const parse = (input: ScheduleInput) => parseSchedule(input, { now: now(), defaultTimezone, past: true })

  /** Jobs that want to use it wait until the transaction ends. */
  async function lock(tx: Prisma.TransactionClient, key: Key): Promise<Schedule> {
    const values = 'id' in key ? [null, key.id] : [key.number, null]
    const [found] = await sqlIn(tx)<{ id: string }>(LOCK, values)
    if (!found) throw noSuchSchedule()
    return tx.schedule.findUniqueOrThrow({ where: { id: found.id } })
  }

  return {
    /** Null: there is none that is shared. */
    shared: (number: number): Promise<Schedule | null> =>
      prisma.schedule.findFirst({ where: { number, shared: true } }),

    /** Null: there is none that is shared. */
    findShared(viewer: Viewer, id: string): Promise<Schedule | null> {
      requireScope(viewer, 'jobs:read')
      return prisma.schedule.findFirst({ where: { id, shared: true } })
    },

    /** Those of everybody, page by page. */
    listShared(
      viewer: Viewer,
      args: PageArgs & { orderBy?: ListOrder | null | undefined },
    ): Promise<Connection<Schedule>> {
      requireScope(viewer, 'jobs:read')
      const where = { shared: true }
      return listById(args, {
        rows: (keyset) => prisma.schedule.findMany({ ...keyset, where: { AND: [where, keyset.where] } }),
        count: () => prisma.schedule.count({ where }),
      })
    },

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

    /** @throws ConflictError IN_USE while jobs have it, VERSION, ForbiddenError to all but its owner, and the same */
    async updateShared(
      viewer: Viewer,
      key: Key,
      { schedule, once, version, ...input }: SharedScheduleChange,
    ): Promise<Schedule> {
      requireScope(viewer, 'jobs:write')
      const { name } = validate(sharedScheduleSpec, input)
      const parsed = schedule && parse(schedule)
      return prisma.$transaction(async (tx) => {
        const before = await lock(tx, key)
        if (!mayManage(viewer, before)) throw new ForbiddenError('only its owner may change it')
        requireVersion('schedule', before, version)
        const users = await tx.job.count({ where: { scheduleId: before.id, deletedAt: null } })
        if (users > 0) throw new ConflictError(`jobs use it (${users}): give them another first`, 'IN_USE')
        const next = parsed ?? recurrenceOf(before)
        const kept = parsed && parsed.kind !== before.kind ? undefined : onceOf(before)
        const data = {
          ...storedOf(withOnce(next, once ?? kept)),
          text: null,
          version: { increment: 1 },
          ...(name !== undefined && { name: name || null }),
        }
        return tx.schedule.update({ where: { id: before.id }, data })
      })
    },
  }
}

/** Whether it has one slot. */
const onceOf = ({ kind, once }: StoredSchedule): boolean => kind === 'ONCE' || once
