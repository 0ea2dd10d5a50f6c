/** Lists of jobs: of one's own, of one's teams, and those that are shared; of administrators all. */
import type pg from 'pg'
import { fieldsOf } from '../db/columns.ts'
import { type Job, Prisma, type RunStatus, type Surface } from '../db/generated/prisma/client.ts'
import { madeUpSqlOn, shapedSqlOn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import { principalsOf, type Viewer } from '../identity/viewer.ts'
import { ValidationError } from '../kernel/errors.ts'
import { isUuid } from '../kernel/ids.ts'
import { type Connection, type Cursor, connectionOf, type Page, type PageArgs, pageOf } from '../kernel/pages.ts'
import { validate } from '../kernel/validate.ts'
import type { Beside, ListedJob } from './beside.ts'
import {
  countJobs,
  fewSortedJobs,
  type IdBounds,
  isOfAll,
  type JobField,
  type JobQuery,
  type JobSort,
  jobIdsOf,
  jobsByIds,
  jobsInOrder,
  type Ranked,
  rankedJobs,
  sortedJobIds,
} from './queries.ts'
import type { JobRights } from './rights.ts'
import { searchOf } from './search.ts'
import { type JobOrder, jobListSpec } from './spec.ts'

export type JobFilter = {
  /** Words, whose beginnings are enough, of the name or the description. */
  search?: string | null | undefined
  surface?: Surface | null | undefined
  enabled?: boolean | null | undefined
  artifactId?: string | null | undefined
  ownerHandle?: string | null | undefined
  lastStatus?: RunStatus | null | undefined
  /** Its name. */
  tag?: string | null | undefined
}

/** Jobs that are read at a time where all are. */
const BATCH = 500

const FIELDS = Prisma.JobScalarFieldEnum
const ALL_FIELDS = fieldsOf<JobField>(FIELDS, null, [])

export function createJobLists({ pool, rights }: { pool: pg.Pool; rights: JobRights }) {
  const [sql, shaped] = [madeUpSqlOn(pool), shapedSqlOn(pool)]

  async function queryOf(viewer: Viewer, filter: JobFilter): Promise<JobQuery> {
    const reader = requireScope(viewer, 'jobs:read')
    validate(jobListSpec, { filter })
    const { search, ownerHandle, artifactId } = filter
    const all = artifactId ? await rights.seesAllOn(viewer, artifactId) : reader.isAdmin
    return {
      ...filter,
      search: searchOf(search),
      owners: ownerHandle ? [ownerHandle, `team:${ownerHandle}`] : null,
      readers: all ? null : principalsOf(reader),
    }
  }

  const jobsOf = (ids: readonly string[]): Promise<Job[]> => jobsByIds(shaped, ids, ALL_FIELDS)

  return {
    /**
     * Page by page. Without an order the best fits come first when something is looked for, else the newest. `wanted`: the
     * fields that are read of the jobs, of which no others are sure to be there; null: all. `beside`: what comes with them,
     * unless the best fits come first.
     */
    async list(
      viewer: Viewer,
      args: PageArgs & { filter?: JobFilter | null | undefined; orderBy?: JobOrder | null | undefined },
      wanted: ReadonlySet<string> | null = null,
      beside: Beside = {},
    ): Promise<Connection<ListedJob>> {
      const fields = fieldsOf<JobField>(FIELDS, wanted, ['id'])
      const query = await queryOf(viewer, args.filter ?? {})
      const page = pageOf(args)
      const count = () => countJobs(sql, query)
      const { search } = query
      const orderBy = args.orderBy ?? 'RELEVANCE'
      if (orderBy === 'RELEVANCE' && search !== null) {
        const bounds = { after: rankIn(page.after, 'after'), before: rankIn(page.before, 'before') }
        const options = { backward: page.backward, limit: page.size + 1 }
        const ranked = await rankedJobs(sql, { ...query, search }, bounds, options)
        const ranks = new Map(ranked.map(({ id, rank }) => [id, rank]))
        const jobs: ListedJob[] = await jobsByIds(
          shaped,
          ranked.map(({ id }) => id),
          fields,
        )
        return connectionOf(page, jobs, ({ id }) => [ranks.get(id) ?? 0, id], count)
      }
      const newestFirst = orderBy !== 'OLDEST'
      const options = { descending: newestFirst !== page.backward, limit: page.size + 1 }
      const read = isOfAll(query) ? shaped : sql
      const jobs = await jobsInOrder(read, query, boundsOf(page, newestFirst), options, fields, beside)
      return connectionOf(page, jobs, ({ id }) => [id], count)
    },

    /** Some of a sorted list, from its row `start` on, and how long it is. Nulls come last, and ids decide what is the same. */
    async listSorted(
      viewer: Viewer,
      { filter, sort, ...part }: { filter: JobFilter; sort: JobSort; start: number; limit: number },
    ): Promise<{ jobs: Job[]; total: number }> {
      const query = await queryOf(viewer, filter)
      const few = query.search === null ? null : await fewSortedJobs(sql, query, sort, part)
      const [total, ids] = few
        ? [few.total, few.ids]
        : await Promise.all([countJobs(sql, query), part.limit > 0 ? sortedJobIds(sql, query, sort, part) : []])
      return { jobs: ids.length > 0 ? await jobsOf(ids) : [], total }
    },

    /** Ids of all jobs of a surface that the viewer owns, the oldest first. */
    ownIds(viewer: Viewer, surface: Surface): Promise<string[]> {
      return jobIdsOf(sql, requireScope(viewer, 'jobs:read').principalId, surface)
    },

    /** All, the oldest first, some at a time: nothing is held meanwhile, and what comes or goes meanwhile may be in it or not. */
    async *all(viewer: Viewer, filter: JobFilter): AsyncGenerator<Job[]> {
      const query = await queryOf(viewer, filter)
      for (let above: string | null = null; ; ) {
        const bounds = { above, below: null }
        const jobs = await jobsInOrder(sql, query, bounds, { descending: false, limit: BATCH }, ALL_FIELDS)
        if (jobs.length > 0) yield jobs
        if (jobs.length < BATCH) return
        above = jobs.at(-1)?.id ?? null
      }
    },
  }
}

const noSuchCursor = (path: string) => ValidationError.at(path, 'is not a cursor of this list')

function idIn(cursor: Cursor | null, path: string): string | null {
  if (cursor === null) return null
  const [id] = cursor
  if (cursor.length !== 1 || !isUuid(id)) throw noSuchCursor(path)
  return id
}

function rankIn(cursor: Cursor | null, path: string): Ranked | null {
  if (cursor === null) return null
  const [rank, id] = cursor
  if (cursor.length !== 2 || typeof rank !== 'number' || !isUuid(id)) throw noSuchCursor(path)
  return { rank, id }
}

function boundsOf(page: Page, newestFirst: boolean): IdBounds {
  const after = idIn(page.after, 'after')
  const before = idIn(page.before, 'before')
  return newestFirst ? { above: before, below: after } : { above: after, below: before }
}
