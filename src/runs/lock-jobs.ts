/** The rows of jobs whose runs are about to change, held until the transaction ends. */
import type { Job } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'
import { noSuchJob } from '../jobs/rights.ts'
import { ConflictError } from '../kernel/errors.ts'

export type LockedJob = Pick<Job, 'id' | 'version' | 'overlap' | 'heldAt'>

const LOCK = `
select id, version, overlap, held_at as "heldAt" from job where id = any($1::uuid[]) and deleted_at is null
order by id for no key update`

/** Those that are not deleted. */
export async function lockJobs(sql: Sql, jobIds: Iterable<string>): Promise<Map<string, LockedJob>> {
  const jobs = await sql<LockedJob>(LOCK, [[...new Set(jobIds)]])
  return new Map(jobs.map((job) => [job.id, job]))
}

/** Why nobody may start runs of it now, or null. */
export function refusalOf(job: LockedJob | undefined): Error | null {
  if (!job) return noSuchJob()
  return job.heldAt ? held() : null
}

export const held = () => new ConflictError('an administrator holds the job', 'HELD')
