/**
 * The lock of a job, as administrators see and turn it: a run at work has it, and so has an administrator who holds the
 * job, so that no slot or event starts it and nobody runs it.
 */
import type pg from 'pg'
import type { Job, PrismaClient } from '../db/generated/prisma/client.ts'
import { inTransaction, type Sql, sqlOn } from '../db/sql.ts'
import { requireAdmin, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { type Change, changeJob, skipUnfired } from '../jobs/change.ts'
import { noSuchJob } from '../jobs/rights.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import { nextSlots } from '../schedules/recurrence.ts'
import { recurrenceOf } from '../schedules/stored.ts'
import { releaseRuns } from './transition/release.ts'
import { unblockRuns } from './transition/waiting.ts'

/** What is to become of a job's lock: it is let go, or held since an instant. */
export type LockChange = 'RELEASE' | { heldAt: Date }

export function createRunLocks({ prisma, pool }: { prisma: PrismaClient; pool: pg.Pool }) {
  const transaction = <Result>(work: (sql: Sql) => Promise<Result>) => inTransaction(pool, work)

  function requireKeeper(viewer: Viewer) {
    requireAdmin(viewer)
    requireScope(viewer, 'jobs:write')
  }

  return {
    /**
     * Holds a job, by an administrator: what waits for its slot is skipped, and so is every slot until it is released;
     * what runs goes on. `at`: since when it is said to be held, past or future; absent: now. Twice is no error.
     */
    async hold(viewer: Viewer, jobId: string, at?: Date | null): Promise<Job> {
      requireKeeper(viewer)
      return changeJob(prisma, jobId, held(at ?? null))
    },

    /**
     * Lets a job go, by an administrator: a run at work ends FAILED(LOST) whatever its worker does, and one that waits
     * behind it goes on; a held job goes on with its first slot after now. Where there is neither, nothing changes.
     */
    async release(viewer: Viewer, jobId: string): Promise<Job> {
      requireKeeper(viewer)
      await transaction(async (sql) => {
        const locked = await sql(LOCK, [jobId])
        if (locked.length === 0) throw noSuchJob()
        await releaseRuns(sql, jobId)
      })
      await unblockRuns({ sql: sqlOn(pool), transaction }, [jobId])
      return changeJob(prisma, jobId, released).catch((error) => {
        // It was over with the run that it lost.
        if (error instanceof NotFoundError) return prisma.job.findUniqueOrThrow({ where: { id: jobId } })
        throw error
      })
    },

    /**
     * What somebody asks for who sends a job back with this lock; null: nothing. A client sends back what it has read, so
     * the start of one of the job's runs, and from others than administrators also null, ask for nothing.
     * @throws ForbiddenError when they ask for something, and are no administrator
     */
    async lockChange(viewer: Viewer, job: Job, lockedAt: Date | null): Promise<LockChange | null> {
      if (lockedAt === null) return viewer?.isAdmin ? 'RELEASE' : null
      if (lockedAt.getTime() === job.heldAt?.getTime()) return null
      const started = await prisma.run.findFirst({
        where: { jobId: job.id, startedAt: lockedAt },
        select: { id: true },
      })
      if (started) return null
      if (!viewer?.isAdmin) throw new ForbiddenError('lockedAt: only administrators may lock a job')
      return { heldAt: lockedAt }
    },
  }
}

const LOCK = 'select id from job where id = $1::uuid and deleted_at is null for no key update'

const held =
  (at: Date | null): Change =>
  async (tx, job) => {
    if (job.heldAt && (!at || at.getTime() === job.heldAt.getTime())) return null
    if (!job.heldAt) await skipUnfired(tx, job, 'PAUSED')
    return { heldAt: at ?? job.now, nextRunAt: null }
  }

const released: Change = async (_tx, job) => {
  if (!job.heldAt) return null
  const fires = job.enabled && !job.draftOfId && job.schedule
  const [next = null] = fires ? nextSlots(recurrenceOf(fires), job, job.now, 1) : []
  return { heldAt: null, nextRunAt: next }
}
