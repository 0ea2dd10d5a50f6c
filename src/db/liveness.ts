/**
 * How soon a silent connection counts as dead, whose other end was cut off, frozen or moved away without a word. Both
 * ends must see it: ours, to connect anew; and PostgreSQL's, to let go of what the connection has locked. The locks of a
 * node that is frozen in the middle of a transaction have to be free before its leases run out, or its peers would wait
 * for them.
 */
import pg from 'pg'
import { onTold } from './told.ts'

const CONNECT_MS = 10_000

/** Ours: 5 s of silence and 10 s without an answer to what TCP asks then; half a minute where an answer is due. */
export const LIVENESS = {
  keepAlive: true,
  keepAliveInitialDelayMillis: 5_000,
  connectionTimeoutMillis: CONNECT_MS,
  query_timeout: 30_000,
  idle_in_transaction_session_timeout: 5_000,
} as const

/** PostgreSQL's, for `options`: 11 s, or 10 s where it has sent something. */
export const SERVER_LIVENESS =
  '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000'

/**
 * For pools. Their own time limit would also end the waiting for a connection that others use. And whoever takes a new
 * connection out hears of its end only a turn later: the end may come in one packet with the greeting, and an error that
 * nobody hears ends the process.
 */
export class PooledClient extends pg.Client {
  constructor(config?: pg.ClientConfig & { tell?: (messages: string[]) => void }) {
    // Pools hide the password from whoever copies.
    super({ ...config, ...(config?.password && { password: config.password }), connectionTimeoutMillis: CONNECT_MS })
    this.on('error', () => {})
    if (config?.tell) onTold(this, config.tell)
  }
}
