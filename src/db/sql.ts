/**
 * SQL as a function, for what is too hot or too PostgreSQL for Prisma. Texts are constants, so each is prepared once
 * per connection under a name of its own.
 */
import type pg from 'pg'
import type { Prisma } from './generated/prisma/client.ts'

export type Sql = <Row = Record<string, never>>(text: string, values?: unknown[]) => Promise<Row[]>

const names = new Map<string, string>()

function nameOf(text: string): string {
  const name = names.get(text) ?? `runsheet_${names.size + 1}`
  names.set(text, name)
  return name
}

/** Statements of their own: each is one transaction. */
export function sqlOn(client: pg.Pool | pg.PoolClient | pg.Client): Sql {
  return async <Row>(text: string, values: unknown[] = []) =>
    (await client.query({ name: nameOf(text), text, values })).rows as Row[]
}

/** Texts of so many shapes are kept by each connection, whoever asks for what. */
const SHAPES_KEPT = 200
const shapes = new Set<string>()

/** Statements whose texts depend on what is asked for: the first that come are prepared, any after those are not. */
export function shapedSqlOn(client: pg.Pool): Sql {
  const [kept, madeUp] = [sqlOn(client), madeUpSqlOn(client)]
  return (text, values) => {
    if (shapes.size < SHAPES_KEPT) shapes.add(text)
    return (shapes.has(text) ? kept : madeUp)(text, values)
  }
}

/** Statements whose texts are made up as they are needed: they are not prepared, so that no connection has to keep them. */
export function madeUpSqlOn(client: pg.Pool | pg.PoolClient): Sql {
  return async <Row>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[]
}

/** Statements inside a transaction of Prisma's. */
export function sqlIn(transaction: Prisma.TransactionClient): Sql {
  return (text, values = []) => transaction.$queryRawUnsafe(text, ...values)
}

/**
 * Runs `work` in one transaction on one connection; a connection that failed is not used again. `madeUp` is for texts
 * that are no constants.
 */
export async function inTransaction<Result>(
  pool: pg.Pool,
  work: (sql: Sql, madeUp: Sql) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let broken: Error | undefined
  // The pool listens to its idle connections only, and an error that nobody hears ends the process.
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    await client.query('begin')
    const result = await work(sqlOn(client), madeUpSqlOn(client))
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure
    })
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}
