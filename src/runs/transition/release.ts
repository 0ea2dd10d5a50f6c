/** RUNNING → FAILED(LOST), because an administrator took the run away from its worker. */
import type { Sql } from '../../db/sql.ts'
import { notifySql } from '../../live/events.ts'
import type { RunError } from '../states.ts'
import { type Outcome, settleRuns } from './settle.ts'

const RELEASED: RunError = { code: 'LOST', message: 'an administrator released the job while it ran' }

/**
 * Ends the runs of a job that are at work. Their attempts are LOST: what their workers still write is refused, and they
 * are told to stop. The caller holds the job's row. Runs behind them are for `unblockRuns`.
 */
export async function releaseRuns(sql: Sql, jobId: string): Promise<void> {
  const held = await sql<{ runId: string; attempt: number; leaseOwner: string }>(HELD, [jobId])
  for (const leaseOwner of new Set(held.map((run) => run.leaseOwner))) {
    const theirs = held.filter((run) => run.leaseOwner === leaseOwner)
    const outcomes = theirs.map(
      ({ runId, attempt }): Outcome => ({ runId, jobId, attempt, status: 'FAILED', error: RELEASED, lost: true }),
    )
    await settleRuns(sql, { leaseOwner }, outcomes)
  }
  if (held.length > 0) await sql(TELL)
}

const HELD = `
select run_id as "runId", attempt, lease_owner as "leaseOwner" from run_queue
where job_id = $1::uuid and lease_owner is not null`

/** A worker that renews its leases sees that they are gone. */
const TELL = `select 1 as told from (select ${notifySql('cancel')}) told`
