/**
 * Commits a second of writers that say something in each transaction, by who carries it: nobody, NOTIFY, Redis. Durable
 * settings, in turns, three rounds. `node --import tsx bench/bus.ts` (it needs a `redis-server`)
 */
import pg from 'pg'
import { openEmbedded } from '../src/db/embedded.ts'
import { PooledClient } from '../src/db/liveness.ts'
import { migrate } from '../src/db/migrate.ts'
import { TOLD_AS_NOTICES } from '../src/db/told.ts'
import { createLog } from '../src/kernel/log.ts'
import type { Bus } from '../src/live/bus.ts'
import { notifySql } from '../src/live/events.ts'
import { openPostgresBus } from '../src/live/postgres-bus.ts'
import { openRedisBus } from '../src/live/redis-bus.ts'
import { startRedis } from '../test/support/redis.ts'
import { newDataDir, removeDataDir } from './kit/server.ts'

const WRITERS = (process.env.WRITERS ?? '8,32').split(',').map(Number)
const ROUNDS = Number(process.env.ROUNDS ?? 3)
const SECONDS = Number(process.env.SECONDS ?? 5)

const written = (told: string) => `with written as (insert into bench_write (text) values ('something') returning 1)
  select 1 from written cross join (select ${told}) told`

type Carrier = { name: string; text: string; pool(writers: number): pg.Pool; heard(): number }

function countOn(bus: Bus) {
  let count = 0
  bus.subscribe('events', () => count++)
  return () => count
}

/** Commits a second. */
async function measure({ pool: open, text }: Carrier, writers: number): Promise<number> {
  const pool = open(writers)
  const write = () => pool.query({ name: 'write', text })
  await Promise.all(Array.from({ length: writers }, write))
  let commits = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (performance.now() - started < SECONDS * 1_000) {
        await write()
        commits++
      }
    }),
  )
  const seconds = (performance.now() - started) / 1_000
  await pool.end()
  return commits / seconds
}

const log = createLog('error')
const dataDir = await newDataDir()
const server = await openEmbedded({ dataDir, log })
const redis = await startRedis()
const { connection } = server
const closing: (() => Promise<unknown>)[] = []
try {
  await migrate(connection)
  const admin = new pg.Client(connection)
  await admin.connect()
  closing.push(() => admin.end())
  await admin.query('create table bench_write (id bigint generated always as identity primary key, text text)')
  const postgresBus = await openPostgresBus(connection, log)
  const redisBus = await openRedisBus(redis.url, log)
  closing.push(postgresBus.close, redisBus.close)
  const poolOf =
    (more: object = {}) =>
    (writers: number) =>
      new pg.Pool({ ...connection, Client: PooledClient, max: writers, ...more })
  const carriers: Carrier[] = [
    { name: 'nobody', text: written('1'), pool: poolOf(), heard: () => 0 },
    {
      name: 'NOTIFY',
      text: written(notifySql('events')),
      pool: poolOf(),
      heard: countOn(postgresBus),
    },
    {
      name: 'Redis',
      text: written(notifySql('events')),
      pool: poolOf({ options: TOLD_AS_NOTICES, tell: redisBus.tell }),
      heard: countOn(redisBus),
    },
  ]
  console.log('| writers | carried by | commits/s in each round | messages heard |')
  console.log('|---|---|---|---|')
  for (const writers of WRITERS) {
    const rates = new Map<Carrier, number[]>(carriers.map((carrier) => [carrier, []]))
    const before = carriers.map(({ heard }) => heard())
    for (let round = 0; round < ROUNDS; round++)
      for (const carrier of carriers) rates.get(carrier)?.push(await measure(carrier, writers))
    for (const [n, carrier] of carriers.entries()) {
      const each = (rates.get(carrier) ?? []).map((rate) => Math.round(rate).toLocaleString('en')).join(' · ')
      console.log(`| ${writers} | ${carrier.name} | ${each} | ${carrier.heard() - (before[n] ?? 0)} |`)
    }
  }
} finally {
  for (const close of closing.reverse()) await close()
  await redis.remove()
  await server.stop()
  await removeDataDir(dataDir)
}
