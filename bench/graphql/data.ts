/** The same 10,000 jobs of 100 owners with 100,000 runs for all; each turn has a copy of its own. */
import pg from 'pg'
import { newDataDir, removeDataDir, startServer } from '../kit/server.ts'

const JOBS = 10_000
const OWNERS = 100
const RUNS_OF_EACH = 10
const SEED = 'seed'
/** Whatever seals the secrets. */
const SECRET_KEY = '0'.repeat(64)

/** For the product, over this database. */
export const settingsFor = (url: string) => ({ DATABASE_URL: url, SECRET_KEY, NODE_ENV: 'production' })

const FILL = [
  `insert into principal (id, handle, name) select uuidv7(), 'owner-' || n, 'Owner ' || n from generate_series(1, ${OWNERS}) n`,
  // The ids of jobs and of runs are in the order of their creation.
  `insert into job (id, surface, name, owner_id, created_by_id, trigger, enabled, next_run_at, last_run_at, last_status)
    select uuidv7(make_interval(days => -1, secs => n)), 'GRAPHQL', 'Report ' || n, p.id, p.id, 'MANUAL', n % 4 > 0,
      case when n % 4 > 0 then now() + make_interval(days => 365, secs => n) end, now() - interval '1 minute', 'SUCCEEDED'
    from generate_series(1, ${JOBS}) n join principal p on p.handle = 'owner-' || 1 + n % ${OWNERS}`,
  `insert into action (id, job_id, position, kind, name, config)
    select uuidv7(), id, 0, 'webhook', 'webhook', '{"url": "http://127.0.0.1:9/"}' from job`,
  `insert into signing_secret (job_id, current) select id, sha256(id::text::bytea) from job`,
  `insert into run (id, job_id, trigger, status, available_at, attempt, plan, queued_at, started_at, finished_at)
    select uuidv7(make_interval(secs => n - 86400)), j.id, 'SCHEDULE', case when n % 5 = 0 then 'FAILED' else 'SUCCEEDED' end::run_status,
      at, 1, '{"steps": []}', at, at + interval '7 ms', at + interval '42 ms'
    from generate_series(1, ${RUNS_OF_EACH}) n cross join job j cross join lateral (select now() + make_interval(secs => n - 86400) as at) made`,
  // What peers create beside the job, so that all write the same rows. PostGraphile has it as a mutation of its own.
  `create schema bench`,
  `create function bench.add_job(name text) returns job language sql volatile as $$
    with made as (
      insert into job (id, surface, name, owner_id, created_by_id, trigger)
      select uuidv7(), 'GRAPHQL', add_job.name, p.id, p.id, 'MANUAL' from principal p where p.handle = 'owner-1' returning *
    ), acts as (
      insert into action (id, job_id, position, kind, name, config)
      select uuidv7(), id, 0, 'webhook', 'webhook', '{"url": "http://127.0.0.1:9/"}' from made
    ), signs as (insert into signing_secret (job_id, current) select id, sha256(id::text::bytea) from made)
    select * from made $$`,
  // It calls an interface of its own so.
  `comment on table node is '@name cluster_node'`,
]

export type Databases = {
  /** Runs `work` over a fresh copy. */
  withCopy<Result>(work: (url: string) => Promise<Result>): Promise<Result>
}

/** Migrated by the product, filled by SQL, and looked at by `vacuum analyze`. */
export async function fillDatabases(postgres: string, port: number): Promise<Databases> {
  await onceOn(postgres, [`create database ${SEED}`])
  const url = named(postgres, SEED)
  const dataDir = await newDataDir()
  try {
    const server = await startServer(dataDir, port, settingsFor(url))
    await server.stop()
  } finally {
    await removeDataDir(dataDir)
  }
  await onceOn(url, [...FILL, 'vacuum (analyze)'])
  let copies = 0
  return {
    async withCopy(work) {
      const name = `turn_${++copies}`
      await onceOn(postgres, [`create database ${name} template ${SEED} strategy file_copy`, 'checkpoint'])
      try {
        return await work(named(postgres, name))
      } finally {
        await onceOn(postgres, [`drop database ${name} with (force)`])
      }
    },
  }
}

const named = (url: string, database: string) => Object.assign(new URL(url), { pathname: `/${database}` }).toString()

async function onceOn(url: string, statements: string[]): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const text of statements) await client.query(text)
  } finally {
    await client.end()
  }
}
