/** One PostgreSQL, three ways in: Prisma for what is cold, prepared SQL for what is hot, and a pool for the engine. */
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Log } from '../kernel/log.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { LIVENESS, PooledClient, SERVER_LIVENESS } from './liveness.ts'
import { TOLD_AS_NOTICES } from './told.ts'

/** All our connections bear this name: the live feed looks at their open transactions, and at no others. */
export const APPLICATION_NAME = 'runsheet'
const BULK_NAME = 'bulk loads of runsheet'
/** Loads beyond these wait. */
const BULK_CONNECTIONS = 4
/** A source of rows may be silent for so long: while it is waited for, nothing is locked that others want. */
const BULK_PATIENCE_MS = 600_000

/**
 * The engine's tables change size by the second (a queue is empty or has thousands of rows), so statistics are always
 * wrong there; its statements are written for nested loops over indexes and must be planned so.
 */
const ENGINE_PLANS =
  '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_bitmapscan=off -c jit=off'

export type Database = {
  prisma: PrismaClient
  pool: pg.Pool
  enginePool: pg.Pool
  /** For long transactions that write no run events: under another name, so that the live feed does not wait for them. */
  bulkPool: pg.Pool
  /** The same for reading: whoever copies rows needs two connections, and of one pool all could be held by readers. */
  scanPool: pg.Pool
  /** For connections that live outside of the pools: LISTEN, the node's lock. */
  connection: pg.ClientConfig
  close(): Promise<void>
}

/** `tell`: what transactions say to other nodes goes there after the commit; null: PostgreSQL itself passes it on. */
export function openDatabase(
  connection: pg.ClientConfig,
  log: Log,
  tell: ((messages: string[]) => void) | null = null,
): Database {
  const options = tell ? `${SERVER_LIVENESS} ${TOLD_AS_NOTICES}` : SERVER_LIVENESS
  const named = { ...connection, ...LIVENESS, application_name: APPLICATION_NAME, options }
  const pooled = { ...named, Client: PooledClient, connectionTimeoutMillis: 0, ...(tell && { tell }) }
  const pool = new pg.Pool({ ...pooled, max: 10 })
  const enginePool = new pg.Pool({ ...pooled, max: 6, options: `${options} ${ENGINE_PLANS}` })
  const bulk = {
    ...{ ...pooled, max: BULK_CONNECTIONS, application_name: BULK_NAME },
    ...{ idle_in_transaction_session_timeout: BULK_PATIENCE_MS, query_timeout: BULK_PATIENCE_MS },
  }
  const bulkPool = new pg.Pool(bulk)
  const scanPool = new pg.Pool(bulk)
  let isClosing = false
  // An idle connection that the server closes is no fault: the pool opens another when it is needed. Of those that are
  // being closed nobody waits for the end, and a PostgreSQL of our own may be faster.
  for (const each of [pool, enginePool, bulkPool, scanPool])
    each.on('error', ({ message: error }) => isClosing || log.warn({ error }, 'database connection lost'))
  // Many callers at once wait for a connection as those of the pool do, and longer than Prisma's own 2 s.
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    transactionOptions: { maxWait: 15_000, timeout: 30_000 },
  })
  return {
    prisma,
    pool,
    enginePool,
    bulkPool,
    scanPool,
    connection: named,
    async close() {
      isClosing = true
      await prisma.$disconnect()
      await Promise.all([pool.end(), enginePool.end(), bulkPool.end(), scanPool.end()])
    },
  }
}
