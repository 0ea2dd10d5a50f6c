/**
 * What a connection's transactions say to other nodes (`runsheet_tell`), once they have committed. PostgreSQL hands it
 * over as notices, so this holds for single statements, for transactions of ours and for Prisma's alike.
 */
import type { EventEmitter } from 'node:events'
import type pg from 'pg'
import type { Log } from '../kernel/log.ts'

/** The notices are ours. */
const CODE = 'RS001'

/** For `options` of the connections that are listened to. */
export const TOLD_AS_NOTICES = '-c runsheet.bus=redis'

/** Calls `tell` after each commit with what was said in it, each message once. */
export function onTold(client: pg.Client, tell: (messages: string[]) => void): void {
  const { connection } = client as unknown as { connection: EventEmitter }
  const said = new Set<string>()
  connection.on('notice', ({ code, message }: { code?: string; message?: string }) => {
    if (code === CODE && message) said.add(message)
  })
  connection.on('errorMessage', () => said.clear())
  // Also the answer to a commit of what had failed.
  connection.on('commandComplete', ({ text }: { text: string }) => {
    if (text === 'ROLLBACK') said.clear()
  })
  connection.on('readyForQuery', ({ status }: { status: string }) => {
    if (status !== 'I' || said.size === 0) return
    const messages = [...said]
    said.clear()
    tell(messages)
  })
}

/**
 * Warns where the option does not reach the connections, as through a pooler that leaves options out or with options in
 * DATABASE_URL: what is said on them goes to NOTIFY then, which no node listens to.
 */
export async function checkTold(pool: pg.Pool, log: Log): Promise<void> {
  const { rows } = await pool.query<{ bus: string | null }>(`select current_setting('runsheet.bus', true) as bus`)
  if (rows[0]?.bus === 'redis') return
  log.warn(
    "what this node says does not go to Redis, as its connections lack runsheet.bus; set it for the database's user: alter role … set runsheet.bus = 'redis'",
  )
}
