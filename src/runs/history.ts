/** What is left of the runs of a job that have ended and were not skipped: to be read, and to be forgotten one by one. */
import type pg from 'pg'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import type { RunStatus } from '../db/generated/prisma/enums.ts'
import { sqlOn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { type JobRights, LEVEL } from '../jobs/rights.ts'
import { ConflictError, NotFoundError } from '../kernel/errors.ts'
import { forgetRun } from './forget.ts'
import { isFinal } from './states.ts'

/** How a run ends that was not skipped. */
export const ENDED: RunStatus[] = ['SUCCEEDED', 'FAILED', 'CANCELLED']

/** Without the plan and what the steps brought forth, which may be long. */
const ENTRY = {
  ...{ id: true, jobId: true, trigger: true, status: true, scheduledFor: true, attempt: true },
  ...{ output: true, warnings: true, error: true, queuedAt: true, startedAt: true, finishedAt: true },
  steps: {
    select: { position: true, kind: true, name: true, status: true, error: true },
    orderBy: { position: 'asc' },
  },
} as const satisfies Prisma.RunSelect

/** A run with its steps, in order. */
export type HistoryEntry = Prisma.RunGetPayload<{ select: typeof ENTRY }>

const noSuchEntry = () => new NotFoundError('there is no such entry in the history of the job')

export function createRunHistory({ prisma, pool, rights }: { prisma: PrismaClient; pool: pg.Pool; rights: JobRights }) {
  return {
    /** Of a job that the viewer may read, so many entries behind the first `start`; and how many there are. */
    async history(
      jobId: string,
      { newestFirst, start, limit }: { newestFirst: boolean; start: number; limit: number },
    ): Promise<{ entries: HistoryEntry[]; total: number }> {
      const where = { jobId, status: { in: ENDED } }
      const [total, entries] = await Promise.all([
        prisma.run.count({ where }),
        limit === 0
          ? []
          : prisma.run.findMany({
              ...{ where, select: ENTRY, skip: start, take: limit },
              orderBy: { id: newestFirst ? 'desc' : 'asc' },
            }),
      ])
      return { entries, total }
    },

    /** Of a job that the viewer may read. */
    async historyEntry(jobId: string, runId: string): Promise<HistoryEntry> {
      const entry = await prisma.run.findFirst({
        where: { id: runId, jobId, status: { in: ENDED } },
        select: ENTRY,
      })
      if (!entry) throw noSuchEntry()
      return entry
    },

    /**
     * A run goes, with all that it left: attempts, steps, deliveries and events. What it did stays done, snapshots of
     * datasets too.
     * @throws NotFoundError, ForbiddenError, and ConflictError NOT_FINAL for one that is not over
     */
    async forget(viewer: Viewer, jobId: string, runId: string): Promise<void> {
      requireScope(viewer, 'jobs:write')
      await rights.requireJob(viewer, jobId, LEVEL.EDIT)
      const run = await prisma.run.findFirst({ where: { id: runId, jobId, status: { not: 'SKIPPED' } } })
      if (!run) throw noSuchEntry()
      if (!isFinal(run.status)) throw new ConflictError(`the run is ${run.status}: it is not over yet`, 'NOT_FINAL')
      await forgetRun(sqlOn(pool), runId)
    },
  }
}
