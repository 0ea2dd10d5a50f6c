/**
 * This process as its peers see it: a row, and a session advisory lock on a connection of its own. When the process
 * dies PostgreSQL drops the lock at once, and peers need not wait for its leases to run out.
 *
 * A missing lock proves nothing after PostgreSQL itself was restarted (all locks are gone), or behind a pooler that
 * hands the session to others. So the row says on which start of the server the lock was taken, and says so only if the
 * lock was found under the session's own backend; else the node lives by its leases alone.
 */
import { hostname } from 'node:os'
import pg from 'pg'
import { inTransaction, type Sql, sqlOn } from '../db/sql.ts'
import type { Log } from '../kernel/log.ts'

/** First key of the locks: "node" in ASCII. The second is the node's `lock_key`. */
export const NODE_LOCK_CLASS = 0x6e6f6465

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 5_000

export type NodeSession = { close(): Promise<void> }

export async function openNodeSession({
  connection,
  nodeId,
  pool,
  log,
}: {
  connection: pg.ClientConfig
  nodeId: string
  pool: pg.Pool
  log: Log
}): Promise<NodeSession> {
  let client: pg.Client | undefined
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let opening: Promise<void> | undefined
  /** The newest connection, also one that is not registered yet: it may wait for the lock of one that is cut off. */
  let latest: pg.Client | undefined

  async function open() {
    const next = new pg.Client({ ...connection, keepAlive: true })
    latest = next
    next.on('error', () => next.end().catch(() => {}))
    next.once('end', () => {
      if (client === next && !closed) reopen(FIRST_DELAY_MS)
    })
    try {
      await next.connect()
      await register(sqlOn(next), nodeId)
    } catch (error) {
      // Left open it would keep the lock from the next attempt.
      await next.end().catch(() => {})
      throw error
    }
    client = next
    if (closed) await next.end()
  }

  function reopen(delay: number) {
    log.warn('the connection that proves this node alive was lost; opening another')
    timer = setTimeout(() => {
      opening = open().catch(() => {
        if (!closed) reopen(Math.min(delay * 2, LONGEST_DELAY_MS))
      })
    }, delay)
  }

  await open()
  return {
    async close() {
      closed = true
      clearTimeout(timer)
      if (latest !== client) await latest?.end()
      await opening
      await inTransaction(pool, (sql) => sql('delete from node where id = $1::uuid', [nodeId])).catch(() => {})
      await client?.end()
    },
  }
}

async function register(sql: Sql, nodeId: string): Promise<void> {
  const [node] = await sql<{ lockKey: number }>(
    `insert into node (id, host, pid) values ($1::uuid, $2, $3)
    on conflict (id) do update set seen_at = clock_timestamp() returning lock_key as "lockKey"`,
    [nodeId, hostname(), process.pid],
  )
  await sql('select pg_advisory_lock($1, $2)', [NODE_LOCK_CLASS, node?.lockKey])
  await sql(
    `update node set postmaster_started_at = (
      select pg_postmaster_start_time() from pg_locks
      where locktype = 'advisory' and classid = $2 and objid = $3 and pid = pg_backend_pid() and granted)
    where id = $1::uuid`,
    [nodeId, NODE_LOCK_CLASS, node?.lockKey],
  )
  await sql(FORGET)
}

/**
 * Rows of nodes that died while PostgreSQL was away or before it was restarted: no lock tells of them. A living one that
 * is among them lives by its leases, and needs no row.
 */
const FORGET = `delete from node where seen_at < clock_timestamp() - interval '1 hour'
  and postmaster_started_at is distinct from pg_postmaster_start_time()
  and not exists (select from run_queue where lease_owner = node.id)`
