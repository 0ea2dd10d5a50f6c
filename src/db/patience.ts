/**
 * Waiting for a PostgreSQL that is not there yet, when a node starts: it may be starting, recovering or a standby that is
 * about to be promoted, or its name may not be known yet. Whatever else it says (a wrong password, no such database)
 * waiting does not mend, and is said at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Log } from '../kernel/log.ts'
import { isUnreachable } from './errors.ts'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 2_000
const FIRST_WORD_MS = 1_000

/** Does what needs the database, again until it could be reached. */
export type Patience = <Result>(work: () => Promise<Result>) => Promise<Result>

/** One time limit for all that it is asked to do. */
export function createPatience({
  seconds,
  signal,
  log,
}: {
  seconds: number
  /** Ends the waiting. */
  signal?: AbortSignal | undefined
  log: Log
}): Patience {
  const started = Date.now()
  let nextWord = FIRST_WORD_MS

  return async (work) => {
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LONGEST_DELAY_MS)) {
      signal?.throwIfAborted()
      try {
        return await work()
      } catch (error) {
        if (!isUnreachable(error)) throw error
        const waited = Date.now() - started
        if (waited + delay > seconds * 1000) throw new DatabaseAwayError(seconds, error)
        if (waited >= nextWord) {
          log.warn({ error: reasonOf(error), seconds: Math.round(waited / 1000) }, 'waiting for PostgreSQL')
          nextWord = waited * 2
        }
        await sleep(delay, undefined, { ...(signal && { signal }) })
      }
    }
  }
}

class DatabaseAwayError extends Error {
  override readonly name = 'DatabaseAwayError'

  constructor(seconds: number, cause: unknown) {
    super(`PostgreSQL could not be reached within ${seconds} s (DATABASE_WAIT_SECONDS): ${reasonOf(cause)}`, { cause })
  }
}

/** Several addresses that refuse are one error without a text. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  return message || code || String(error)
}

/** Rejects, as unreachable, also where a server answers that does not take writes. */
export async function expectPrimary(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ ...connection, application_name: 'runsheet start', connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
    if (rows[0]?.standby) throw Object.assign(new Error('it is in recovery, or a standby'), { code: READ_ONLY })
  } finally {
    await client.end().catch(() => {})
  }
}

/** PostgreSQL's own code for a write on a standby. */
const READ_ONLY = '25006'
