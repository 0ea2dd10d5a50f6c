/** Pages of the log of run events, and who is writing to it. */
import { APPLICATION_NAME } from '../db/client.ts'
import type { RunEventKind } from '../db/generated/prisma/enums.ts'
import type { Sql } from '../db/sql.ts'

export type FeedEvent = {
  /** The cursor: rises from event to event. */
  position: number
  runId: string
  jobId: string
  artifactId: string | null
  /** Owner of the job. */
  ownerId: string
  /** With whom the job is shared; null: with nobody. */
  readers: string[] | null
  seq: number
  kind: RunEventKind
  at: Date
  data: Record<string, unknown> | null
}

/** All that are given must match. `principals`: jobs that one of them owns, or that are shared with one of them. */
export type FeedFilter = { runId?: string; jobId?: string; artifactId?: string; principals?: string[] }

export const PAGE_SIZE = 500

const COLUMNS = `e.position::float8 as position, e.run_id as "runId", e.job_id as "jobId", e.artifact_id as "artifactId",
  j.owner_id as "ownerId", (select array_agg(s.principal_id) from share s where s.job_id = j.id) as readers, e.seq, e.kind,
  e.at, e.data`

const columnOf = { runId: 'e.run_id', jobId: 'e.job_id', artifactId: 'e.artifact_id' } as const

/** `at` is rounded to milliseconds, so the bound is cut to them. */
const OPEN_SINCE = `select date_trunc('milliseconds', least(min(xact_start), now())) as since from pg_stat_activity
  where datname = current_database() and application_name like '${APPLICATION_NAME}%' and backend_xid is not null`

/** In the order of the column: without its table `position` would be what is selected, and all of the log be sorted. */
const LAST_BEFORE = `select e.position::float8 as position from run_event e where e.at < $1 order by e.position desc limit 1`

const FLOOR = 'select position::float8 as position from log_floor'

const OF_RUNS = `select e.* from unnest($1::uuid[]) as r(id) cross join lateral (
    select ${COLUMNS} from run_event e join job j on j.id = e.job_id
    where e.run_id = r.id and e.position > $2 order by e.position limit $3
  ) e`

const OPEN_IDS = `select backend_xid::text::float8 as id from pg_stat_activity
  where datname = current_database() and application_name like '${APPLICATION_NAME}%' and backend_xid is not null`

function whereOf(filter: FeedFilter, values: unknown[]): string[] {
  const { principals } = filter
  const named = Object.entries(columnOf).flatMap(([name, column]) => {
    const value = filter[name as keyof typeof columnOf]
    return value === undefined ? [] : [`${column} = $${values.push(value)}::uuid`]
  })
  if (!principals) return named
  const theirs = `= any($${values.push(principals)}::uuid[])`
  const shared = `exists (select from share s where s.job_id = j.id and s.principal_id ${theirs})`
  return [...named, `(j.owner_id ${theirs} or ${shared})`]
}

export type LogReader = ReturnType<typeof createLogReader>

export function createLogReader(sql: Sql) {
  const select = (where: string[], order: string, values: unknown[]) =>
    sql<FeedEvent>(
      `select ${COLUMNS} from run_event e join job j on j.id = e.job_id where ${where.join(' and ')} ${order}`,
      values,
    )

  /** No event up to this position is sure to be there any more; 0 when nothing was forgotten yet. */
  const floor = async (): Promise<number> => (await sql<{ position: number }>(FLOOR))[0]?.position ?? 0

  return {
    floor,
    /** Events that match, later than `after` and up to `upTo`, in order; at most PAGE_SIZE. */
    page(filter: FeedFilter, after: number, upTo?: number): Promise<FeedEvent[]> {
      const values: unknown[] = [after]
      const where = ['e.position > $1', ...whereOf(filter, values)]
      if (upTo !== undefined) where.push(`e.position <= $${values.push(upTo)}`)
      return select(where, `order by e.position limit ${PAGE_SIZE}`, values)
    },
    /** The newest event that matches. */
    lastOf(filter: FeedFilter): Promise<FeedEvent[]> {
      const values: unknown[] = []
      return select(whereOf(filter, values), 'order by e.position desc limit 1', values)
    },
    /** Of each run the first `limit` events later than `after`, in order, in one statement. */
    ofRuns(runIds: readonly string[], after: number, limit: number): Promise<FeedEvent[]> {
      return sql<FeedEvent>(OF_RUNS, [runIds, after, limit])
    },
    countOf: async (runId: string): Promise<number> =>
      (await sql<{ count: number }>('select count(*)::int as count from run_event where run_id = $1::uuid', [runId]))[0]
        ?.count ?? 0,
    /**
     * A position below which nothing can appear any more. What was drawn before the first of our open transactions
     * began is lower than all that they will add, and so is what was drawn before we looked for them. What was forgotten
     * is older than any transaction: without it, an empty log would seem to begin at 1.
     */
    async settled(): Promise<number> {
      const [open] = await sql<{ since: Date }>(OPEN_SINCE)
      const [row] = await sql<{ position: number }>(LAST_BEFORE, [open?.since ?? new Date(0)])
      return Math.max(row?.position ?? 0, await floor())
    },
    async openIds(): Promise<number[]> {
      return (await sql<{ id: number }>(OPEN_IDS)).map(({ id }) => id)
    },
  }
}
