/**
 * Lists of jobs: ids in order, and how many there are. All is read from `job_text`, which has the jobs that are in lists
 * and no others. Texts are put together from constants; values are parameters. They are not prepared, because how many
 * jobs a word finds, or are somebody's, decides which plan is good; but for the list of all, which has one good plan.
 *
 * Jobs of one's own and those that are shared are branches of their own, each in order and cut off by itself: a condition
 * with OR would have PostgreSQL walk through the jobs of everybody.
 */
import { columnsOf } from '../db/columns.ts'
import type { Job, Prisma } from '../db/generated/prisma/client.ts'
import type { RunStatus, Surface } from '../db/generated/prisma/enums.ts'
import type { Sql } from '../db/sql.ts'
import { PAGE_LIMIT } from '../kernel/pages.ts'
import { type Beside, besideOf, type ListedJob } from './beside.ts'

export type JobQuery = {
  /** Those who own it, or whom it is shared with; null: whoever does. */
  readers: readonly string[] | null
  /** As `searchOf` makes it. */
  search: string | null
  surface?: Surface | null | undefined
  enabled?: boolean | null | undefined
  artifactId?: string | null | undefined
  /** Handles of its owner. */
  owners?: readonly string[] | null | undefined
  lastStatus?: RunStatus | null | undefined
  /** Its name. */
  tag?: string | null | undefined
}

type Add = (value: unknown) => string

/** What a list is sorted by before the id; `join`: where it is to be found, if not in `job_text t`. */
type Key = { sql: string; join?: string; nullable?: boolean }

const JOB = 'join job j on j.id = t.job_id'

/** Nulls come last, whatever the direction. */
const SORT_KEYS = {
  name: { sql: 't.name' },
  type: { sql: `j.type collate "C"`, join: JOB, nullable: true },
  enabled: { sql: 'j.enabled', join: JOB },
  ownerId: { sql: 'p.handle collate "C"', join: 'join principal p on p.id = t.owner_id' },
  nextRunAt: { sql: 'j.next_run_at', join: JOB, nullable: true },
  createdAt: { sql: 'j.created_at', join: JOB },
  updatedAt: { sql: 'j.updated_at', join: JOB },
} satisfies Record<string, Key>

type JobSortField = keyof typeof SORT_KEYS

export type JobSort = { field: JobSortField; descending: boolean }

function parameters() {
  const values: unknown[] = []
  const add: Add = (value) => `$${values.push(value)}`
  return { values, add }
}

const TSQUERY = (search: string, add: Add) => `to_tsquery('pg_catalog.simple', ${add(search)})`

/** The tables that are asked, and what must hold beside who reads. */
function sourceOf(query: JobQuery, key: Key | null, add: Add): { from: string; where: string } {
  const { search, surface, enabled, artifactId, owners, lastStatus, tag } = query
  const ofJob = [
    enabled == null ? null : `j.enabled = ${add(enabled)}`,
    artifactId ? `j.artifact_id = ${add(artifactId)}::uuid` : null,
    lastStatus ? `j.last_status = ${add(lastStatus)}::run_status` : null,
  ].filter((condition) => condition !== null)
  const where = [
    'true',
    ...ofJob,
    // Nothing but what splits words finds nothing.
    search === '' ? 'false' : search === null ? null : `t.search @@ ${TSQUERY(search, add)}`,
    surface ? `t.surface = ${add(surface)}::surface` : null,
    owners ? `t.owner_id in (select id from principal where handle = any(${add(owners)}::text[]))` : null,
    tag
      ? `t.job_id in (select o.job_id from job_tag o join tag g on g.id = o.tag_id where g.name = ${add(tag)})`
      : null,
  ].filter((condition) => condition !== null)
  const joins = new Set([...(ofJob.length > 0 ? [JOB] : []), ...(key?.join ? [key.join] : [])])
  return { from: ['job_text t', ...joins].join(' '), where: where.join(' and ') }
}

/** Which of the jobs are meant, by who reads: conditions of which at most one holds. `each` has what to do with each team. */
function branches(readers: readonly string[] | null, add: Add): { condition: string; each?: string }[] {
  if (readers === null) return [{ condition: 'true' }]
  const [self, ...teams] = readers
  const all = add(readers)
  return [
    { condition: `t.owner_id = ${add(self)}::uuid` },
    ...(teams.length > 0
      ? [{ condition: 't.owner_id = team.id', each: `unnest(${add(teams)}::uuid[]) as team(id)` }]
      : []),
    {
      condition: `t.owner_id <> all(${all}::uuid[])
        and t.job_id in (select job_id from share where principal_id = any(${all}::uuid[]))`,
    },
  ]
}

/** The same as one condition, for a walk through what words have found. */
function readBy(readers: readonly string[] | null, add: Add): string {
  if (readers === null) return 'true'
  const all = add(readers)
  const shared = `t.job_id in (select job_id from share where principal_id = any(${all}::uuid[]))`
  return `(t.owner_id = any(${all}::uuid[]) or ${shared})`
}

const union = (selects: string[]) => selects.map((select) => `(${select})`).join(' union all ')

type PageSql = {
  columns: string
  from: string
  where: string
  order: string
  /** A parameter. */
  limit: string
}

function pageOfBranches(readers: readonly string[] | null, add: Add, { columns, from, where, order, limit }: PageSql) {
  const selects = branches(readers, add).map(({ condition, each }) => {
    const select = `select ${columns} from ${from} where ${condition} and ${where} order by ${order} limit ${limit}`
    return each ? `select own.* from ${each} cross join lateral (${select}) own` : select
  })
  return union(selects)
}

/** How many there are. */
export async function countJobs(sql: Sql, query: JobQuery): Promise<number> {
  const { values, add } = parameters()
  const { from, where } = sourceOf(query, null, add)
  if (query.search !== null) {
    const text = `select count(*)::int as count from ${from} where ${readBy(query.readers, add)} and ${where}`
    return (await sql<{ count: number }>(text, values))[0]?.count ?? 0
  }
  const counts = branches(query.readers, add).map(
    ({ condition, each }) =>
      `(select count(*) from ${each ? `${each} cross join ` : ''}${from} where ${condition} and ${where})`,
  )
  const [row] = await sql<{ count: number }>(`select (${counts.join(' + ')})::int as count`, values)
  return row?.count ?? 0
}

/** Whether all jobs are meant, whoever's. */
export const isOfAll = ({ readers, search, ...conditions }: JobQuery): boolean =>
  readers === null && search === null && Object.values(conditions).every((condition) => condition == null)

export type SortedPage = { start: number; limit: number }

const orderOf = (key: Key, descending: boolean) => {
  const direction = descending ? 'desc' : 'asc'
  return `key ${direction}${key.nullable ? ' nulls last' : ''}, id ${direction}`
}

/** So many jobs are sorted at once sooner than they are met on a walk through all in order. */
const FEW = 15_000

/** What words find, if that is few: how many, and ids of a page in the order of a field and of the ids. Null: it is more. */
export async function fewSortedJobs(
  sql: Sql,
  query: JobQuery,
  { field, descending }: JobSort,
  { start, limit }: SortedPage,
): Promise<{ total: number; ids: string[] } | null> {
  const { values, add } = parameters()
  const key: Key = SORT_KEYS[field]
  const { from, where } = sourceOf(query, key, add)
  const [row] = await sql<{ total: number; ids: string[] }>(
    `with found as materialized (
      select ${key.sql} as key, t.job_id as id from ${from} where ${readBy(query.readers, add)} and ${where} limit ${FEW + 1}
    )
    select (select count(*)::int from found) as total,
      array(select id::text from found order by ${orderOf(key, descending)} limit ${add(limit)} offset ${add(start)}) as ids`,
    values,
  )
  return row && row.total <= FEW ? row : null
}

/** Ids of jobs in the order of a field and, where that is the same, of their ids. */
export async function sortedJobIds(
  sql: Sql,
  query: JobQuery,
  { field, descending }: JobSort,
  { start, limit }: SortedPage,
): Promise<string[]> {
  const { values, add } = parameters()
  const key: Key = SORT_KEYS[field]
  const { from, where } = sourceOf(query, key, add)
  const order = orderOf(key, descending)
  const pages = pageOfBranches(query.readers, add, {
    ...{ columns: `${key.sql} as key, t.job_id as id`, from, where, order, limit: add(start + limit) },
  })
  const text = `select id from (${pages}) page order by ${order} limit ${add(limit)} offset ${add(start)}`
  return (await sql<{ id: string }>(text, values)).map(({ id }) => id)
}

/** Where a page of a list in the order of ids ends; both are outside of it. */
export type IdBounds = { above: string | null; below: string | null }

/** A page, and the row that says whether there is more. */
const LONGEST = PAGE_LIMIT + 1

/** A field of a job, as Prisma calls it. */
export type JobField = Prisma.JobScalarFieldEnum

/** Of jobs in the order of their ids, these fields, and what is asked for beside them. */
export async function jobsInOrder(
  sql: Sql,
  query: JobQuery,
  { above, below }: IdBounds,
  { descending, limit }: { descending: boolean; limit: number },
  fields: readonly JobField[],
  beside: Beside = {},
): Promise<ListedJob[]> {
  const { values, add } = parameters()
  const { from, where } = sourceOf(query, null, add)
  const bounds = [
    ...(above ? [`t.job_id > ${add(above)}::uuid`] : []),
    ...(below ? [`t.job_id < ${add(below)}::uuid`] : []),
  ]
  const direction = descending ? 'desc' : 'asc'
  const size = add(limit)
  const within = [where, ...bounds].join(' and ')
  // A plan for any limit is one for a tenth of what there is, and reads all jobs; so PostgreSQL made one for each list.
  const most = isOfAll(query) && limit <= LONGEST ? String(LONGEST) : size
  const pages = pageOfBranches(query.readers, add, {
    ...{ columns: 't.job_id as id', from, where: within, order: `id ${direction}`, limit: most },
  })
  const { columns, joins, complete } = besideOf(beside, add)
  const text = `select ${[columnsOf('j', fields), ...columns].join(', ')}
    from (select id from (${pages}) found order by id ${direction} limit ${size}) page
    ${['join job j on j.id = page.id', ...joins].join(' ')} order by j.id ${direction}`
  const jobs = await sql<ListedJob>(text, values)
  jobs.forEach(complete)
  return jobs
}

/** These fields of jobs in the order of the ids; those that are not there any more are left out. */
export async function jobsByIds<Field extends JobField>(
  sql: Sql,
  ids: readonly string[],
  fields: readonly Field[],
): Promise<Pick<Job, Field>[]> {
  if (ids.length === 0) return []
  const text = `select ${columnsOf('j', fields)}
    from unnest($1::uuid[]) with ordinality as asked(id, place) join job j on j.id = asked.id order by asked.place`
  return sql(text, [ids])
}

const IDS_OF = 'select job_id as id from job_text where owner_id = $1::uuid and surface = $2::surface order by job_id'

/** Of all that one owner has, in order. */
export async function jobIdsOf(sql: Sql, ownerId: string, surface: Surface): Promise<string[]> {
  return (await sql<{ id: string }>(IDS_OF, [ownerId, surface])).map(({ id }) => id)
}

export type Ranked = { id: string; rank: number }

/** Jobs by how well they fit what is looked for, the newest of those that fit as well first; or the other way round. */
export async function rankedJobs(
  sql: Sql,
  query: JobQuery & { search: string },
  { after, before }: { after: Ranked | null; before: Ranked | null },
  { backward, limit }: { backward: boolean; limit: number },
): Promise<Ranked[]> {
  const { values, add } = parameters()
  const { from, where } = sourceOf(query, null, add)
  const rank = `ts_rank(t.search, ${TSQUERY(query.search, add)})`
  const place = ({ rank, id }: Ranked) => `(${add(rank)}::float4, ${add(id)}::uuid)`
  const bounds = [
    ...(after ? [`(${rank}, t.job_id) < ${place(after)}`] : []),
    ...(before ? [`(${rank}, t.job_id) > ${place(before)}`] : []),
  ]
  const direction = backward ? 'asc' : 'desc'
  const order = `rank ${direction}, id ${direction}`
  const size = add(limit)
  const pages = pageOfBranches(query.readers, add, {
    ...{
      columns: `t.job_id as id, ${rank} as rank`,
      from,
      where: [where, ...bounds].join(' and '),
      order,
      limit: size,
    },
  })
  return sql<Ranked>(`select id, rank from (${pages}) page order by ${order} limit ${size}`, values)
}
