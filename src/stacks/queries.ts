import type { Prisma } from '../db/generated/prisma/client.ts'
import type { KeysetQuery } from '../db/keyset.ts'
import { type Sql, sqlIn } from '../db/sql.ts'

/** Ids of one page of the jobs that use each stack, in one statement however many stacks there are. */
export async function jobIdsOfStacks(
  sql: Sql,
  stackIds: readonly string[],
  { where, orderBy, take }: KeysetQuery,
): Promise<string[]> {
  const rows = await sql<{ id: string }>(orderBy.id === 'desc' ? JOBS_OF_STACKS('desc') : JOBS_OF_STACKS('asc'), [
    stackIds,
    where.id?.gt ?? null,
    where.id?.lt ?? null,
    take,
  ])
  return rows.map(({ id }) => id)
}

const JOBS_OF_STACKS = (direction: 'asc' | 'desc') => `
select page.id from unnest($1::uuid[]) as s(id) cross join lateral (
  select j.id from job j
  where j.stack_id = s.id and not j.hidden and j.deleted_at is null and j.draft_of_id is null
    and ($2::uuid is null or j.id > $2) and ($3::uuid is null or j.id < $3)
  order by j.id ${direction} limit $4
) page`

/** An artifact for which the steps of a stack are done, and one of the jobs that say so. */
type Use = { artifactId: string; jobId: string }

/** A job whose artifact is deleted cannot run before that comes back, and holds up nobody until then. */
export const usesOf = (tx: Prisma.TransactionClient, stackId: string): Promise<Use[]> =>
  sqlIn(tx)<Use>(
    `select distinct on (j.artifact_id) j.artifact_id as "artifactId", j.id as "jobId"
    from job j join artifact a on a.id = j.artifact_id and a.deleted_at is null
    where j.stack_id = $1::uuid and j.deleted_at is null and j.draft_of_id is null
    order by j.artifact_id, j.id`,
    [stackId],
  )
