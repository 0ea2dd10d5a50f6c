/**
 * Requests that their clients may send again. Of all that have the same principal, route and key one at a time works;
 * when it succeeded, the others are answered as it was. A key is held by a lease that is renewed while the work goes on,
 * so that one whose process was killed can be used again.
 */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { type Sql, sqlOn } from '../db/sql.ts'
import { ConflictError, ValidationError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'

export type IdempotencyService = ReturnType<typeof createIdempotencyService>

export type IdempotentRequest = {
  principalId: string
  route: string
  key: string
  /** What an issue with the key is at; absent: the header. */
  at?: string
  /** What is asked for, to tell requests apart that have the same key. */
  request: string | Uint8Array
  /** Whether another request with the key is refused; else it is answered as the first one was. */
  isStrict?: boolean
}

const LEASE_SECONDS = 30
/** An answer is given again for so long. */
const KEPT_HOURS = 24
/** Characters. */
const KEY_LIMIT = 255
/** Longer routes are told apart by their digests, as an index has no room for them. */
const ROUTE_LIMIT = 255
/** Old answers that go when a new one is kept. */
const FORGET = 100

type Held = { principalId: string; route: string; key: string; since: Date }

export function createIdempotencyService({
  pool,
  log,
  leaseSeconds = LEASE_SECONDS,
}: {
  pool: pg.Pool
  log: Log
  leaseSeconds?: number
}) {
  const sql = sqlOn(pool)

  async function renewing<Result>(held: Held, work: () => Promise<Result>): Promise<Result> {
    const renew = () =>
      sql(RENEW, [...keyOf(held), leaseSeconds]).catch((error) => log.warn({ err: error }, 'a key could not be kept'))
    const timer = setInterval(renew, (leaseSeconds * 1000) / 3)
    timer.unref()
    try {
      return await work()
    } finally {
      clearInterval(timer)
    }
  }

  const free = (held: Held) =>
    sql(FREE, keyOf(held)).catch((error) => log.warn({ err: error }, 'a key could not be freed'))

  async function kept(held: Held, answer: unknown): Promise<void> {
    try {
      await sql(KEEP, [...keyOf(held), JSON.stringify(answer)])
      await sql(FORGET_OLD)
    } catch (error) {
      log.warn({ err: error }, 'an answer could not be kept')
    }
  }

  return {
    /**
     * Does the work, or answers as it was answered before. `keep` says whether an answer is given again; one that is not
     * frees the key, as does a failure. Answers are kept as JSON.
     * @throws ValidationError for a key that is none; ConflictError IDEMPOTENCY_KEY_IN_USE while a request with it is under
     *   way, IDEMPOTENCY_KEY_REUSED for another one
     */
    async once<Answer>(
      request: IdempotentRequest,
      work: () => Promise<Answer>,
      keep: (answer: Answer) => boolean = () => true,
    ): Promise<{ answer: Answer; replayed: boolean }> {
      const held = await claim<Answer>(sql, request, leaseSeconds)
      if ('answer' in held) return { answer: held.answer, replayed: true }
      const answer = await renewing(held, work).catch(async (error) => {
        await free(held)
        throw error
      })
      if (!keep(answer)) await free(held)
      // What was done is answered in any case; a key that could not be kept is at least not free before its lease ends.
      else await kept(held, answer)
      return { answer, replayed: false }
    },
  }
}

const keyOf = ({ principalId, route, key, since }: Held) => [principalId, route, key, since]

async function claim<Answer>(
  sql: Sql,
  { principalId, route: path, key, at = 'Idempotency-Key', request, isStrict = false }: IdempotentRequest,
  leaseSeconds: number,
): Promise<Held | { answer: Answer }> {
  if (!/^[\x20-\x7e]+$/.test(key) || key.length > KEY_LIMIT) {
    throw ValidationError.at(at, `must be 1 to ${KEY_LIMIT} printable characters`)
  }
  const route = path.length > ROUTE_LIMIT ? digest(path).toString('hex') : path
  const hash = digest(request)
  const [claimed] = await sql<{ since: Date }>(CLAIM, [principalId, route, key, hash, leaseSeconds])
  if (claimed) return { principalId, route, key, ...claimed }
  const [there] = await sql<{ answer: Answer | null; same: boolean }>(READ, [principalId, route, key, hash])
  if (isStrict && there?.same === false) {
    throw new ConflictError('another request was made with this key: take a new one', 'IDEMPOTENCY_KEY_REUSED')
  }
  if (there && there.answer !== null) return { answer: there.answer }
  throw new ConflictError('a request with this key is under way', 'IDEMPOTENCY_KEY_IN_USE')
}

const digest = (content: string | Uint8Array) => createHash('sha256').update(content).digest()

const OLD = (row: string) =>
  `${row}.answer is not null and ${row}.created_at < clock_timestamp() - interval '${KEPT_HOURS} hours'`

const CLAIM = `
  insert into idempotency_record as r (principal_id, route, key, request_hash, lease_until, created_at)
  values ($1::uuid, $2, $3, $4, clock_timestamp() + make_interval(secs => $5), clock_timestamp())
  on conflict (principal_id, route, key) do update set
    request_hash = excluded.request_hash, answer = null, lease_until = excluded.lease_until, created_at = excluded.created_at
  where (r.answer is null and r.lease_until < clock_timestamp()) or (${OLD('r')})
  returning created_at as since`

const READ = `select answer, request_hash = $4 as same from idempotency_record
  where principal_id = $1::uuid and route = $2 and key = $3`

/** Still of whoever claimed it then: after a pause that was longer than the lease it may be another's. */
const HELD = 'principal_id = $1::uuid and route = $2 and key = $3 and created_at = $4 and answer is null'

const RENEW = `update idempotency_record set lease_until = clock_timestamp() + make_interval(secs => $5) where ${HELD}`

const KEEP = `update idempotency_record set answer = $5::jsonb where ${HELD}`

const FREE = `delete from idempotency_record where ${HELD}`

const FORGET_OLD = `delete from idempotency_record where (principal_id, route, key) in (
  select r.principal_id, r.route, r.key from idempotency_record r where ${OLD('r')}
  order by r.created_at limit ${FORGET} for update skip locked)`
