/**
 * One, two and four worker processes on one PostgreSQL: runs a second, and what a run costs Node and PostgreSQL.
 * `npm --prefix bench run workers`
 */
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from '../../test/support/free-port.ts'
import { type Program, startProgram } from '../engines/control.ts'
import { withReceiver } from '../engines/receiving.ts'
import { SECRET_KEY } from '../engines/runsheet-key.ts'
import { type Competitor, compare, type Metric, type Sample } from '../kit/compare.ts'
import { type Postgres, startPostgres } from '../kit/postgres.ts'
import { cpuMs, familyCpuMs } from '../kit/processes.ts'
import { figure, insert, table } from '../kit/report.ts'
import { type Server, startServer } from '../kit/server.ts'

const WORKERS = [1, 2, 4]
const LOADS = [100, 1_000, 10_000, 100_000]
/** `growth-sizes`: a run, its attempt, its step and five events, with their indexes; without its delivery. */
const BYTES_OF_A_RUN = 3_000
const SCALING = path.join(import.meta.dirname, '../../docs/scaling.md')
const RUNS = { drain: 20_000, webhooks: 10_000 }
const GIVE_UP_MS = 120_000
/** Beside the ends of connections nobody counts any more after this. */
const SETTLE_MS = 1_500

const COUNTED = `select pg_current_wal_lsn() - '0/0'::pg_lsn as wal,
  (select sum(xact_commit) from pg_stat_database where datname = current_database()) as commits,
  (select sum(fsyncs) from pg_stat_io where object = 'wal') as flushes`
const LEFT = 'select count(*)::int as left from run_queue'

type Counted = { wal: number; commits: number; flushes: number; node: number; postgres: number }

async function count(client: pg.Client, postgres: Postgres, pids: number[]): Promise<Counted> {
  const [row] = (await client.query(COUNTED)).rows
  const cpu = await Promise.all(pids.map(cpuMs))
  return {
    ...{ wal: Number(row.wal), commits: Number(row.commits), flushes: Number(row.flushes) },
    node: cpu.reduce((sum, each) => sum + each, 0),
    postgres: await familyCpuMs(postgres.pid),
  }
}

/** What `runs` runs cost, of which `began` were there when all workers were at it; the rest of the time nobody worked. */
function costOf(kind: keyof typeof RUNS, before: Counted, after: Counted, runs: number, ms: number): Sample {
  const of = (key: keyof Counted) => (after[key] - before[key]) / runs
  return {
    [kind]: (runs / ms) * 1000,
    [`${kind}-node`]: of('node') * 1000,
    [`${kind}-postgres`]: of('postgres') * 1000,
    [`${kind}-commits`]: of('commits') * 1000,
    [`${kind}-flushes`]: of('flushes') * 1000,
    [`${kind}-wal`]: of('wal') / 1024,
  }
}

/** From when all are at it to when nothing is left; `start` answers the pids of the workers. */
async function measureUntilEmpty(kind: keyof typeof RUNS, postgres: Postgres, start: () => Promise<number[]>) {
  const client = new pg.Client(postgres.url)
  await client.connect()
  try {
    const left = async (): Promise<number> => (await client.query(LEFT)).rows[0].left
    const pids = await start()
    const before = await count(client, postgres, pids)
    const runs = await left()
    const began = performance.now()
    while ((await left()) > 0) {
      if (performance.now() - began > GIVE_UP_MS)
        throw new Error(`the workers do not get done: ${await left()} of ${runs} are left`)
      await sleep(20)
    }
    const ms = performance.now() - began
    await sleep(SETTLE_MS)
    return costOf(kind, before, await count(client, postgres, pids), runs, ms)
  } finally {
    await client.end()
  }
}

/** A PostgreSQL of the turn's own with `count` runs queued, each a call of `receiver`. */
async function withQueue<Result>(runs: number, receiver: string, use: (postgres: Postgres) => Promise<Result>) {
  const postgres = await startPostgres()
  try {
    const filler = await startProgram('runsheet.ts', { DATABASE_URL: postgres.url, RECEIVER: receiver })
    try {
      await filler.ask('fill', { count: runs })
    } finally {
      await filler.end()
    }
    return await use(postgres)
  } finally {
    await postgres.stop()
  }
}

const drain = (workers: number) =>
  withQueue(RUNS.drain, 'https://receiver.example/', async (postgres) => {
    const programs: Program[] = []
    try {
      while (programs.length < workers) programs.push(await startProgram('runsheet.ts', { DATABASE_URL: postgres.url }))
      return await measureUntilEmpty('drain', postgres, async () => {
        await Promise.all(programs.map((program) => program.ask('idle', {})))
        return programs.map(({ pid }) => pid)
      })
    } finally {
      await Promise.all(programs.map((program) => program.end()))
    }
  })

/** The bundled product, as nodes that only work. They do not begin at once: what is counted is after the last has begun. */
const webhooks = (workers: number) =>
  withReceiver((receiver) =>
    withQueue(RUNS.webhooks, receiver.url, async (postgres) => {
      const servers: Server[] = []
      const env = { DATABASE_URL: postgres.url, SECRET_KEY, ROLE: 'worker' }
      try {
        return await measureUntilEmpty('webhooks', postgres, async () => {
          const ports = await Promise.all(Array.from({ length: workers }, () => freePort()))
          servers.push(...(await Promise.all(ports.map((port) => startServer('unused', port, env)))))
          return servers.map(({ child }) => child.pid ?? 0)
        })
      } finally {
        await Promise.all(servers.map((server) => server.stop()))
      }
    }),
  )

const competitors = WORKERS.map(
  (workers): Competitor => ({
    name: workers === 1 ? 'one worker' : `${workers} workers`,
    measure: async () => ({ ...(await drain(workers)), ...(await webhooks(workers)) }),
  }),
)

const metricsOf = (kind: keyof typeof RUNS, title: string): Metric[] => [
  { key: kind, title, unit: '/s', better: 'more', chart: true },
  { key: `${kind}-node`, title: `${title}: CPU of Node`, unit: 'µs a run', better: 'less' },
  { key: `${kind}-postgres`, title: `${title}: CPU of PostgreSQL`, unit: 'µs a run', better: 'less' },
  { key: `${kind}-commits`, title: `${title}: commits`, unit: 'per 1,000 runs', better: 'less' },
  { key: `${kind}-flushes`, title: `${title}: flushes of the WAL`, unit: 'per 1,000 runs', better: 'less' },
  { key: `${kind}-wal`, title: `${title}: WAL`, unit: 'KiB a run', better: 'less', digits: 1 },
]

/** What so many webhooks a second would take, at what a run of one worker costs. Bytes of a run with its history: `growth-sizes`. */
function scaled(of: (key: string) => number): string {
  const perRun = { node: of('webhooks-node'), postgres: of('webhooks-postgres'), wal: of('webhooks-wal') }
  const rows = LOADS.map((load) => [
    figure(load),
    figure((load * perRun.node) / 1e6, 1),
    figure((load * perRun.postgres) / 1e6, 1),
    figure((load * of('webhooks-commits')) / 1000),
    figure((load * perRun.wal) / 1024, 1),
    figure((load * BYTES_OF_A_RUN * 86_400) / 1e9),
  ])
  const heads = [
    'webhooks a second',
    'cores of Node',
    'cores of PostgreSQL',
    'commits/s',
    'WAL, MiB/s',
    'history, GB a day',
  ]
  return table(heads, rows)
}

await compare({
  name: 'workers',
  metrics: [...metricsOf('drain', 'runs that do nothing'), ...metricsOf('webhooks', 'webhooks')],
  competitors,
  figuresDown: true,
  conclude: (medians) =>
    insert(
      'scaled',
      scaled((key) => medians('one worker', key)),
      SCALING,
    ),
})
