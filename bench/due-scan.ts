/**
 * What it costs to look for due slots among 10,000 and among 1,000,000 jobs, in turns on one PostgreSQL with durable
 * settings: a look that finds nothing, and one that finds and locks 50. `node --import tsx bench/due-scan.ts`
 */
import pg from 'pg'
import { openDatabase } from '../src/db/client.ts'
import { openEmbedded } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { inTransaction, type Sql, sqlOn } from '../src/db/sql.ts'
import { lockDueJobs, nextSlotDue } from '../src/engine/queries.ts'
import { createLog } from '../src/kernel/log.ts'
import { newDataDir, removeDataDir } from './kit/server.ts'

const SIZES = [10_000, 1_000_000]
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const LOOKS = 200
const DUE = 50

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const ms = (value: number) => `${value.toFixed(2)} ms`

/** Jobs of which none is due for an hour; each has a schedule of its own. */
async function seed(sql: Sql, jobs: number) {
  await sql(`insert into principal (id, handle) values (gen_random_uuid(), 'owner')`)
  await sql(
    `with made as (
      insert into schedule (id, owner_id, kind, interval_seconds)
      select gen_random_uuid(), p.id, 'INTERVAL', 3600 from principal p, generate_series(1, $1::int) returning id, owner_id
    )
    insert into job (id, surface, owner_id, created_by_id, schedule_id, trigger, next_run_at)
    select gen_random_uuid(), 'GRAPHQL', owner_id, owner_id, id, 'SCHEDULE',
      date_trunc('milliseconds', clock_timestamp()) + interval '1 hour' + random() * interval '1 hour'
    from made`,
    [jobs],
  )
  await sql('vacuum analyze job')
  await sql('vacuum analyze schedule')
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const log = createLog('error')
const dataDir = await newDataDir()
const server = await openEmbedded({ dataDir, log })
const worlds: { jobs: number; database: ReturnType<typeof openDatabase>; sql: Sql; idle: number[]; due: number[] }[] =
  []
try {
  for (const jobs of SIZES) {
    const name = `jobs_${jobs}`
    const admin = new pg.Client(server.connection)
    await admin.connect()
    await admin.query(`create database ${name}`)
    await admin.end()
    const connection = { ...server.connection, database: name }
    await migrate(connection)
    const seeder = new pg.Client(connection)
    await seeder.connect()
    await seed(sqlOn(seeder), jobs)
    await seeder.end()
    const database = openDatabase(connection, log)
    worlds.push({ jobs, database, sql: sqlOn(database.enginePool), idle: [], due: [] })
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { database, sql, idle, due } of worlds) {
      const look = (expected: number) =>
        inTransaction(database.enginePool, async (sql) => {
          const found = await lockDueJobs(sql, DUE)
          if (found.length !== expected) throw new Error(`found ${found.length} due jobs, not ${expected}`)
          await nextSlotDue(sql)
        })
      for (let n = 0; n < LOOKS; n++) idle.push(await timeOf(() => look(0)))
      const [{ ids } = { ids: [] }] = await sql<{ ids: string[] }>(
        `with chosen as (select id from job order by id limit ${DUE})
        , moved as (update job set next_run_at = clock_timestamp() where id in (select id from chosen) returning id)
        select array_agg(id) as ids from moved`,
      )
      for (let n = 0; n < LOOKS; n++) due.push(await timeOf(() => look(DUE)))
      await sql(`update job set next_run_at = clock_timestamp() + interval '1 hour' where id = any($1::uuid[])`, [ids])
      await sql('vacuum job')
    }
  }
  console.log('| jobs | nothing due, median | 50 due, median |')
  console.log('|---|---|---|')
  for (const { jobs, idle, due } of worlds) console.log(`| ${jobs} | ${ms(median(idle))} | ${ms(median(due))} |`)
  for (const { jobs, database } of worlds) {
    const explaining: Sql = async (text, values = []) => {
      const { rows } = await database.enginePool.query(`explain (analyze, buffers, costs off) ${text}`, values)
      console.log(`\n${jobs} jobs:\n${rows.map((row) => row['QUERY PLAN']).join('\n')}`)
      return []
    }
    await lockDueJobs(explaining, DUE)
    await nextSlotDue(explaining)
  }
} finally {
  for (const { database } of worlds) await database.close()
  await server.stop()
  await removeDataDir(dataDir)
}
