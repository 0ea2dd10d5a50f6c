/** Rows by the thousand, in and out. */
import type pg from 'pg'
import { unlessAborted } from '../kernel/abort.ts'
import { type Sql, sqlOn } from './sql.ts'

/** Rows that are fetched at a time. */
const FETCH_ROWS = 1000

/**
 * One transaction that may last, and that the signal ends at once, at any time before its commit: then nothing of it has
 * happened.
 * @throws the signal's reason
 */
export async function inBulkTransaction<Result>(
  pool: pg.Pool,
  signal: AbortSignal,
  work: (sql: Sql) => Promise<Result>,
): Promise<Result> {
  const client = await connect(pool, signal)
  let isOut = true
  // PostgreSQL rolls back what was begun on a connection that ends
  const release = (broken?: Error) => {
    if (isOut) client.release(broken)
    isOut = false
  }
  const cut = () => release(new Error('aborted'))
  signal.addEventListener('abort', cut)
  try {
    await client.query('begin')
    const result = await work(sqlOn(client))
    signal.throwIfAborted()
    signal.removeEventListener('abort', cut)
    await client.query('commit')
    release()
    return result
  } catch (error) {
    signal.removeEventListener('abort', cut)
    release(error instanceof Error ? error : new Error('failed'))
    throw signal.aborted ? signal.reason : error
  }
}

async function connect(pool: pg.Pool, signal: AbortSignal): Promise<pg.PoolClient> {
  signal.throwIfAborted()
  const connecting = pool.connect()
  try {
    return await unlessAborted(signal, () => connecting)
  } catch (error) {
    connecting.then(
      (client) => client.release(),
      () => {},
    )
    throw error
  }
}

/** The rows of a statement as they are at one instant. Whoever leaves early ends it. */
export async function* scan<Row>(pool: pg.Pool, text: string, values: unknown[]): AsyncGenerator<Row[]> {
  const client = await pool.connect()
  let isDone = false
  try {
    await client.query('begin read only')
    await client.query(`declare scan no scroll cursor for ${text}`, values)
    for (;;) {
      const { rows } = await client.query(`fetch ${FETCH_ROWS} from scan`)
      if (rows.length === 0) break
      yield rows as Row[]
    }
    await client.query('commit')
    isDone = true
  } finally {
    client.release(!isDone)
  }
}
