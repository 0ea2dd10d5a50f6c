import { columnsOf } from '../db/columns.ts'
import type { Prisma, Run } from '../db/generated/prisma/client.ts'
import type { RunStatus } from '../db/generated/prisma/enums.ts'
import type { KeysetQuery } from '../db/keyset.ts'
import type { Sql } from '../db/sql.ts'

/** A field of a run, as Prisma calls it. */
export type RunField = Prisma.RunScalarFieldEnum

/** These fields of one page of runs of each job, in one statement however many jobs there are. */
export function runsOfJobs<Field extends RunField>(
  sql: Sql,
  jobIds: readonly string[],
  { where, orderBy, take }: KeysetQuery,
  status: RunStatus | null,
  fields: readonly Field[],
): Promise<Pick<Run, Field>[]> {
  const values: unknown[] = [jobIds, take]
  const add = (value: unknown) => `$${values.push(value)}`
  // What is not asked for stands in no text: a plan for all that could be asked is worse than one for each time.
  const conditions = [
    'r.job_id = j.id',
    ...(where.id?.gt ? [`r.id > ${add(where.id.gt)}::uuid`] : []),
    ...(where.id?.lt ? [`r.id < ${add(where.id.lt)}::uuid`] : []),
    ...(status ? [`r.status = ${add(status)}::run_status`] : []),
  ]
  return sql(RUNS_OF_JOBS(columnsOf('r', fields), conditions.join(' and '), orderBy.id), values)
}

/** Ids of the newest `limit` deliveries of each run. */
export async function newestDeliveries(sql: Sql, runIds: readonly string[], limit: number): Promise<string[]> {
  return (await sql<{ id: string }>(NEWEST_DELIVERIES, [runIds, limit])).map(({ id }) => id)
}

/** Of each job the newest run that has ended and was not skipped. */
export async function lastRunIdsOfJobs(sql: Sql, jobIds: readonly string[]): Promise<string[]> {
  return (await sql<{ id: string }>(LAST_RUNS_OF_JOBS, [jobIds])).map(({ id }) => id)
}

const LAST_RUNS_OF_JOBS = `
select last.id from unnest($1::uuid[]) as j(id) cross join lateral (
  select r.id from run r where r.job_id = j.id and r.status in ('SUCCEEDED', 'FAILED', 'CANCELLED')
  order by r.id desc limit 1
) last`

const RUNS_OF_JOBS = (columns: string, conditions: string, direction: 'asc' | 'desc') => `
select ${columns} from unnest($1::uuid[]) as j(id) cross join lateral (
  select * from run r where ${conditions} order by r.id ${direction} limit $2
) r order by r.id ${direction}`

/** What a job's run under way has of it. */
export type JobLock = {
  /** When the run was started. */ lockedAt: Date /** When its lease was last renewed, or else that. */
  heartbeat: Date | null
}

/** In the order of the jobs; null where no run is at work. */
export async function locksOfJobs(
  sql: Sql,
  jobIds: readonly string[],
  leaseSeconds: number,
): Promise<(JobLock | null)[]> {
  const rows = await sql<JobLock & { jobId: string }>(LOCKS_OF_JOBS, [jobIds, leaseSeconds])
  const byJob = new Map(rows.map(({ jobId, ...lock }) => [jobId, lock]))
  return jobIds.map((id) => byJob.get(id) ?? null)
}

const LOCKS_OF_JOBS = `
select q.job_id as "jobId", min(r.started_at) as "lockedAt",
  greatest(max(q.lease_until) - make_interval(secs => $2), min(r.started_at)) as heartbeat
from run_queue q join run r on r.id = q.run_id
where q.job_id = any($1::uuid[]) and r.status = 'RUNNING' group by q.job_id`

const NEWEST_DELIVERIES = `select d.id from unnest($1::uuid[]) r(id)
  cross join lateral (select id from delivery where run_id = r.id order by id desc limit $2::int) d`
