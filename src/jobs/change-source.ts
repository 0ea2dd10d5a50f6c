/** Jobs as their watchers see them, and which of them have changed. */
import type pg from 'pg'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { sqlOn } from '../db/sql.ts'
import type { ChangeSource } from '../live/change-reader.ts'

const READERS = { shares: { select: { principalId: true } }, artifact: { select: { ownerId: true } } } as const

/** A job, with all that says who sees it. */
export type WatchedJob = Prisma.JobGetPayload<{ include: typeof READERS }>

/**
 * Since a time, but for runs: those since a position in their log. Rows without an index on the time are gone through
 * as a whole, which is for the seldom case that the bus was away, or a client slow. A share that ended, or has another
 * level, leaves no trace: only the bus tells of it, and the stream of that one job.
 */
const CHANGED_SINCE = `
select id from (
  select id from job where updated_at >= $1 or deleted_at >= $1
  union select job_id from share where created_at >= $1
  union select j.id from stack s join job j on j.stack_id = s.id where s.updated_at >= $1
  union select job_id from run_event where position > $2
) changed where id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000') order by id limit $4`

export function createJobChangeSource(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  events: NonNullable<ChangeSource<WatchedJob>['events']>
}): ChangeSource<WatchedJob> {
  const { prisma, events } = deps
  const sql = sqlOn(deps.pool)
  return {
    topic: 'jobs',
    events,
    read: (ids) => prisma.job.findMany({ where: { id: { in: [...ids] } }, include: READERS }),
    async changedSince({ at, position }, after, limit) {
      const rows = await sql<{ id: string }>(CHANGED_SINCE, [new Date(at), position, after, limit])
      return rows.map(({ id }) => id)
    },
  }
}
