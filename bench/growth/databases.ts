/** The same product in databases of several sizes, all in one PostgreSQL, so that what is measured can take turns. */
import pg from 'pg'
import { type Database, openDatabase } from '../../src/db/client.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createLog } from '../../src/kernel/log.ts'
import { fill } from './fill.ts'

export type World = {
  jobs: number
  url: string
  database: Database
  /** The server itself, to be asked about this database by nobody who is measured. */
  close(): Promise<void>
}

const urlOf = (server: string, name: string) => Object.assign(new URL(server), { pathname: `/${name}` }).href

/** Filled anew, unless the server has it from the last time. */
export async function openWorld(server: string, jobs: number): Promise<World> {
  const name = `growth_${jobs}`
  const url = urlOf(server, name)
  const admin = new pg.Client(urlOf(server, 'postgres'))
  await admin.connect()
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await create(admin, { name, url, jobs })
  } finally {
    await admin.end()
  }
  await migrate({ connectionString: url })
  const database = openDatabase({ connectionString: url }, createLog('error'))
  return { jobs, url, database, close: () => database.close() }
}

/** A database that could not be filled is not left behind: its name says that it is whole. */
async function create(admin: pg.Client, { name, url, jobs }: { name: string; url: string; jobs: number }) {
  const started = performance.now()
  await admin.query(`create database ${name}`)
  await admin.query(`alter system set max_wal_size = '16GB'`)
  await admin.query('select pg_reload_conf()')
  try {
    await migrate({ connectionString: url })
    await fill(url, jobs)
  } catch (error) {
    await admin.query(`drop database ${name} with (force)`)
    throw error
  } finally {
    await admin.query('alter system reset max_wal_size')
    await admin.query('select pg_reload_conf()')
    await admin.query('checkpoint')
  }
  console.error(`filled ${name} in ${Math.round((performance.now() - started) / 1000)} s`)
}
