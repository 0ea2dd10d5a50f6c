/** Reading runs and what they left behind, and watching them. What people do with them is in `control.ts`. */
import type pg from 'pg'
import type { ArtifactService } from '../artifacts/service.ts'
import { fieldsOf } from '../db/columns.ts'
import {
  type Delivery,
  Prisma,
  type PrismaClient,
  type Run,
  type RunAttempt,
  type RunStatus,
  type RunStep,
} from '../db/generated/prisma/client.ts'
import { keysetOf, type ListOrder, listById } from '../db/keyset.ts'
import { shapedSqlOn, sqlOn } from '../db/sql.ts'
import { mayManage, requireScope } from '../identity/permissions.ts'
import { principalsOf, type Viewer } from '../identity/viewer.ts'
import type { JobRights } from '../jobs/rights.ts'
import type { JobService } from '../jobs/service.ts'
import { closeable } from '../kernel/closeable.ts'
import { NotFoundError, ValidationError } from '../kernel/errors.ts'
import { type Connection, connectionOf, type Page, type PageArgs, pageOf } from '../kernel/pages.ts'
import type { Feed } from '../live/feed.ts'
import type { FeedEvent, FeedFilter, LogReader } from '../live/log-reader.ts'
import { createRunControl } from './control.ts'
import { type RunFilter, runsWhere } from './filter.ts'
import { createRunHistory, ENDED } from './history.ts'
import { createRunLocks } from './locks.ts'
import { lastRunIdsOfJobs, locksOfJobs, newestDeliveries, type RunField, runsOfJobs } from './queries.ts'
import type { ReportPasses } from './report-passes.ts'
import type { LogLimits } from './reporting.ts'
import { createRunReports } from './reports.ts'
import { RUNNING_FIELDS, withOpenAttempts, withOpenSteps } from './running.ts'
import type { StartHere } from './start-here.ts'
import { isFinal, isTerminal } from './states.ts'

/** Of each run. */
const DELIVERIES_SHOWN = 100

export type RunService = ReturnType<typeof createRunService>

/** All that are given must match. */
type Watched = { runId?: string; jobId?: string; artifactId?: string }

export function createRunService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  artifacts: ArtifactService
  jobs: JobService
  rights: JobRights
  reader: LogReader
  feed: Feed
  reportPasses: ReportPasses
  startHere: StartHere
  settings: { cancelGraceSeconds: number; leaseSeconds: number; logLimits: LogLimits }
}) {
  const { prisma, pool, artifacts, jobs, rights, reader, feed } = deps

  const shaped = shapedSqlOn(pool)

  const runningOf = (runIds: readonly string[]) =>
    prisma.run.findMany({ where: { id: { in: [...runIds] }, status: 'RUNNING' }, select: RUNNING_FIELDS })

  const pageOfJob = (jobId: string, page: Page, rows: Run[], status: RunStatus | null): Connection<Run> =>
    connectionOf(
      page,
      rows,
      ({ id }) => [id],
      () => prisma.run.count({ where: { jobId, ...(status && { status }) } }),
    )

  /** Who waits for the end of a run. */
  let waiters = 0

  /** Only those that the viewer may read; in the order of the ids. */
  async function byIds(viewer: Viewer, ids: readonly string[]): Promise<(Run | null)[]> {
    const found = await prisma.run.findMany({ where: { id: { in: [...ids] } } })
    const readable = await jobs.byIds(viewer, [...new Set(found.map(({ jobId }) => jobId))])
    const jobIds = new Set(readable.flatMap((job) => (job ? [job.id] : [])))
    const byId = new Map(found.filter(({ jobId }) => jobIds.has(jobId)).map((run) => [run.id, run]))
    return ids.map((id) => byId.get(id) ?? null)
  }

  /** Whether all that match are the viewer's to read, because they may read the job or all that is on the artifact. */
  async function seesAll(viewer: Viewer, { jobId, artifactId }: Pick<RunFilter, 'jobId' | 'artifactId'>) {
    if (viewer?.isAdmin || (artifactId && (await rights.seesAllOn(viewer, artifactId)))) return true
    return Boolean(jobId && (await jobs.byIds(viewer, [jobId]))[0])
  }

  /** Whether the viewer sees all that match by way of their artifact, whoever owns the jobs. */
  async function seesByArtifact(viewer: Viewer, { runId, jobId, artifactId }: Watched): Promise<boolean> {
    if (viewer?.isAdmin) return true
    if (artifactId) return rights.seesAllOn(viewer, artifactId)
    const runs = { some: { id: runId ?? '' } }
    const job = runId || jobId ? await prisma.job.findFirst({ where: jobId ? { id: jobId } : { runs } }) : null
    return job?.artifactId != null && !mayManage(viewer, job) && rights.seesAllOn(viewer, job.artifactId)
  }

  /** The position behind which all comes that happens from now on; taken before the stream is said to have begun. */
  const now = async (filter: Watched): Promise<number> =>
    filter.runId ? ((await reader.lastOf({ runId: filter.runId }))[0]?.position ?? 0) : reader.settled()

  /**
   * Events of the runs that the viewer may see and that match all of the filter, later than the cursor `after`, then
   * each new one. Absent: from now on; empty: from the start of what is kept. Those of a job that is shared with them no
   * more stay away.
   */
  async function watch(
    viewer: Viewer,
    filter: Watched,
    after: string | null | undefined,
  ): Promise<AsyncIterableIterator<FeedEvent>> {
    const reader = requireScope(viewer, 'jobs:read')
    const run = filter.runId === undefined ? undefined : (await byIds(viewer, [filter.runId]))[0]
    if (run === null) throw new NotFoundError('there is no such run')
    if (filter.jobId !== undefined && !(await jobs.byIds(viewer, [filter.jobId]))[0]) {
      throw new NotFoundError('there is no such job')
    }
    if (filter.artifactId !== undefined && !(await artifacts.byIds(viewer, [filter.artifactId]))[0]) {
      throw new NotFoundError('there is no such artifact')
    }
    const isElsewhere = (['jobId', 'artifactId'] as const).some(
      (field) => filter[field] && run && filter[field] !== run[field],
    )
    if (isElsewhere) return closeable(nothing(), () => {})
    const seesAll = await seesByArtifact(viewer, filter)
    const visible: FeedFilter = seesAll ? filter : { ...filter, principals: principalsOf(reader) }
    return feed.follow(visible, after == null ? await now(filter) : positionOf(after))
  }

  return {
    ...createRunControl(deps),
    ...createRunLocks(deps),
    ...createRunHistory(deps),
    ...createRunReports(deps),

    byIds,

    async find(viewer: Viewer, id: string): Promise<Run | null> {
      const [run = null] = await byIds(viewer, [id])
      return run
    },

    async list(
      viewer: Viewer,
      args: PageArgs & { filter?: RunFilter | null | undefined; orderBy?: ListOrder | null | undefined },
    ): Promise<Connection<Run>> {
      const reader = requireScope(viewer, 'jobs:read')
      const filter = args.filter ?? {}
      const where = runsWhere((await seesAll(viewer, filter)) ? null : { readBy: reader }, filter)
      return listById(args, {
        rows: (query) => prisma.run.findMany({ ...query, where: { AND: [where, query.where] } }),
        count: () => prisma.run.count({ where }),
      })
    },

    /**
     * One page of runs of each job; the jobs are ones that the viewer may read. `wanted`: the fields that are read of the
     * runs, of which no others are sure to be there; null: all.
     */
    async ofJobs(
      jobIds: readonly string[],
      args: PageArgs & { status?: RunStatus | null | undefined },
      wanted: ReadonlySet<string> | null = null,
    ): Promise<Connection<Run>[]> {
      const page = pageOf(args)
      const status = args.status ?? null
      const query = keysetOf(page, 'NEWEST')
      const fields = fieldsOf<RunField>(Prisma.RunScalarFieldEnum, wanted, ['id', 'jobId'])
      const rows: Run[] = await runsOfJobs(shaped, [...new Set(jobIds)], query, status, fields)
      const byJob = new Map(jobIds.map((jobId) => [jobId, [] as Run[]]))
      for (const run of rows) byJob.get(run.jobId)?.push(run)
      return jobIds.map((jobId) => pageOfJob(jobId, page, byJob.get(jobId) ?? [], status))
    },

    /** The first page of a job's runs of which the rows are known, with one more than it has if there are more. */
    firstOfJob: (jobId: string, first: PageArgs['first'], rows: Run[]): Connection<Run> =>
      pageOfJob(jobId, pageOf({ first }), rows, null),

    /** Of all of the runs, in order. */
    async steps(runIds: readonly string[]): Promise<RunStep[]> {
      const running = await runningOf(runIds)
      const steps = await prisma.runStep.findMany({
        where: { runId: { in: [...runIds] } },
        orderBy: { position: 'asc' },
      })
      return withOpenSteps(running, steps)
    },

    /** Of all of the runs, in order. */
    async attempts(runIds: readonly string[]): Promise<RunAttempt[]> {
      const running = await runningOf(runIds)
      const attempts = await prisma.runAttempt.findMany({
        where: { runId: { in: [...runIds] } },
        orderBy: { attempt: 'asc' },
      })
      return withOpenAttempts(running, attempts)
    },

    /** Of each run the newest 100, in order. */
    async deliveries(runIds: readonly string[]): Promise<Delivery[]> {
      const ids = await newestDeliveries(sqlOn(pool), runIds, DELIVERIES_SHOWN)
      return prisma.delivery.findMany({ where: { id: { in: ids } }, orderBy: { id: 'asc' } })
    },

    /** Of each run the first `limit` events later than the cursor, in order. The runs are ones that the viewer may read. */
    events: (runIds: readonly string[], after: string | null | undefined, limit: number): Promise<FeedEvent[]> =>
      reader.ofRuns(runIds, positionOf(after ?? ''), limit),

    countEvents: reader.countOf,

    watch,

    waiterCount: () => waiters,

    /**
     * Waits until the run is final. Null: this node is stopping, or the signal said that nobody waits any more; the run
     * goes on.
     * @throws NotFoundError when it was deleted, or is not to be seen any more
     */
    async untilFinal(viewer: Viewer, runId: string, signal?: AbortSignal): Promise<Run | null> {
      if (!(await byIds(viewer, [runId]))[0]) throw new NotFoundError('there is no such run')
      const events = feed.follow({ runId }, 0)
      const leave = () => void events.return?.()
      signal?.addEventListener('abort', leave, { once: true })
      if (signal?.aborted) leave()
      waiters++
      try {
        // Its stream ends after its last event.
        for await (const { kind } of events) if (isTerminal(kind)) break
      } finally {
        waiters--
        signal?.removeEventListener('abort', leave)
      }
      const [run] = await byIds(viewer, [runId])
      if (!run) throw new NotFoundError('the run is not there any more')
      return isFinal(run.status) ? run : null
    },

    /** What the run under way of each job has of it; the jobs are ones that the viewer may read. */
    locksOf: (jobIds: readonly string[]) => locksOfJobs(sqlOn(pool), jobIds, deps.settings.leaseSeconds),

    /** The newest run of each job that has ended and was not skipped; the jobs are ones that the viewer may read. */
    async lastOfJobs(jobIds: readonly string[]): Promise<(Run | null)[]> {
      const ids = await lastRunIdsOfJobs(sqlOn(pool), jobIds)
      const rows = await prisma.run.findMany({ where: { id: { in: ids } } })
      const byJob = new Map(rows.map((run) => [run.jobId, run]))
      return jobIds.map((id) => byJob.get(id) ?? null)
    },

    /** Of a job that the viewer may read, the newest runs that have ended and were not skipped. */
    ended: (jobId: string, limit: number): Promise<Run[]> =>
      prisma.run.findMany({
        where: { jobId, status: { in: ENDED } },
        orderBy: { id: 'desc' },
        take: limit,
      }),
  }
}

async function* nothing(): AsyncGenerator<never> {}

/** A cursor is a position in the log; the empty one is before the first. */
function positionOf(cursor: string): number {
  if (!/^\d{0,15}$/.test(cursor)) throw ValidationError.at('after', 'is not a cursor of this stream')
  return Number(cursor)
}
