/**
 * What is kept for a while only: uploads that were prepared, answers to requests that may be sent again, and content that
 * nobody needs. By one node at a time, in small transactions with pauses between them.
 */
import type { Sql } from '../db/sql.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createLoop, type Loop } from '../kernel/loop.ts'
import { collectBlobs, FIRST_BLOB } from './collect.ts'

const EVERY_MS = 900_000
const PAUSE_MS = 100
/** Rows of one statement. */
const BATCH = 1_000
/** Hours that the answer to a request is kept, in case that the request comes again. */
const ANSWER_HOURS = 24
/** "tidy" in ASCII. */
const LOCK = 0x74696479

const LOCKED = 'select pg_try_advisory_xact_lock($1::bigint) as locked'

const EXPIRED_UPLOADS = `with old as materialized (
    select owner_id, digest from pending_upload where expires_at <= clock_timestamp()
    order by expires_at limit $1 for update skip locked
  ), gone as (
    delete from pending_upload u using old where u.owner_id = old.owner_id and u.digest = old.digest returning 1
  ) select count(*)::int as count from gone`

const OLD_ANSWERS = `with old as materialized (
    select principal_id, route, key from idempotency_record
    where created_at <= clock_timestamp() - make_interval(hours => $2) and lease_until <= clock_timestamp()
    order by created_at limit $1 for update skip locked
  ), gone as (
    delete from idempotency_record r using old
    where r.principal_id = old.principal_id and r.route = old.route and r.key = old.key returning 1
  ) select count(*)::int as count from gone`

/** Answers whether there may be more. */
async function deleteOld(sql: Sql, text: string, values: unknown[]): Promise<boolean> {
  const [gone] = await sql<{ count: number }>(text, values)
  return gone?.count === BATCH
}

/** What has expired by the database's clock, one batch of each; answers whether there may be more. */
export async function forgetExpired(sql: Sql): Promise<boolean> {
  const uploads = await deleteOld(sql, EXPIRED_UPLOADS, [BATCH])
  const answers = await deleteOld(sql, OLD_ANSWERS, [BATCH, ANSWER_HOURS])
  return uploads || answers
}

export function createTidy(deps: {
  clock: Clock
  log: Log
  transaction: <Result>(work: (sql: Sql) => Promise<Result>) => Promise<Result>
}): Loop {
  const { clock, log, transaction } = deps
  let after = FIRST_BLOB

  async function work(): Promise<number> {
    const done = await transaction(async (sql) => {
      const [lock] = await sql<{ locked: boolean }>(LOCKED, [LOCK])
      if (!lock?.locked) return null
      const hasMore = await forgetExpired(sql)
      return { hasMore, ...(await collectBlobs(sql, after)) }
    })
    if (done && done.count > 0) log.info({ blobs: done.count }, 'content that nobody needs was thrown away')
    after = done?.next ?? FIRST_BLOB
    return done?.next || done?.hasMore ? PAUSE_MS : EVERY_MS
  }

  return createLoop({ name: 'tidy', clock, log, work })
}
