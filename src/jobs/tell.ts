/** Tells all nodes, when the transaction commits, which jobs show something else, and that their next slots may be others. */
import type { Sql } from '../db/sql.ts'
import { notifyOfSql } from '../live/events.ts'

const TELL = `select 1 as told from (select ${notifyOfSql('jobs', 'id')} from unnest($1::uuid[]) as job(id)) told`

const TELL_OF_STACK = `select 1 as told from (
  select ${notifyOfSql('jobs', 'id')} from job where stack_id = $1::uuid and deleted_at is null) told`

export const tellJobs = (sql: Sql, jobIds: readonly string[]) => sql(TELL, [jobIds])

/** The jobs that use a stack, and its own. */
export const tellJobsOfStack = (sql: Sql, stackId: string) => sql(TELL_OF_STACK, [stackId])
