import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { type Database, openDatabase } from '../../src/db/client.ts'
import { createLog } from '../../src/kernel/log.ts'
import { TEMPLATE } from './global-setup.ts'

/** A migrated database of one's own, and where it is; it goes with the server when the test run ends. */
export async function createTestConnection(): Promise<pg.ClientConfig> {
  const server = { ...inject('postgres'), ssl: false }
  const database = `test_${randomBytes(8).toString('hex')}`
  const admin = new pg.Client({ ...server, database: 'postgres' })
  await admin.connect()
  try {
    // Only one session at a time may copy a template.
    await admin.query('select pg_advisory_lock(1)')
    await admin.query(`create database ${database} template ${TEMPLATE}`)
  } finally {
    await admin.end()
  }
  return { ...server, database }
}

export async function createTestDatabase(): Promise<Database> {
  return openDatabase(await createTestConnection(), createLog('warn'))
}
