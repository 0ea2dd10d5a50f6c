/**
 * 2,000 subscribers of one job: a flood of 50 events at once, and 20 events a second. The clients are a process of their
 * own. Needs the bundle (`node esbuild.config.mjs`).
 *
 * Runsheet's events are written into the log of a run as its engine writes them, so that what is measured is the way
 * from PostgreSQL's commit to the sockets, with the run read for each event.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Competitor, compare, type Sample } from '../kit/compare.ts'
import { startPostgres } from '../kit/postgres.ts'
import { cpuMs, end, launch, untilReady } from '../kit/processes.ts'
import { figure } from '../kit/report.ts'
import { newDataDir, removeDataDir, send, startServer } from '../kit/server.ts'
import type { Ask, Told } from './clients.ts'

const SUBSCRIBERS = Number(process.env.SUBSCRIBERS ?? 2_000)
const FLOOD = 50
const STEADY = { events: 100, everyMs: 50 }
const PORT = 4721
const URL = `http://127.0.0.1:${PORT}`

const WATCH = 'subscription ($id: ID) { runEvents(jobId: $id) { __typename cursor seq at run { id status } } }'
const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { ... on Run { id } } }`

const LOG = `with counted as (
    update run set event_seq = event_seq + $2::int where id = $1::uuid returning id, job_id, event_seq - $2::int as seq
  ), logged as (
    insert into run_event (run_id, job_id, seq, kind, data)
    select id, job_id, seq + n, 'STARTED', '{"attempt": 1}' from counted, generate_series(1, $2::int) n
  ) select runsheet_tell('events')`

type Source = {
  path: string
  jobId: string
  pid: number | undefined
  publish(count: number): Promise<unknown>
}

async function measure({ path: at, jobId, pid, publish }: Source): Promise<Sample> {
  const clients = fork(path.join(import.meta.dirname, 'clients.ts'), [URL, at, WATCH, jobId, String(SUBSCRIBERS)])
  const told = async () => (await once(clients, 'message'))[0] as Told
  try {
    await told()
    // Those who have just come read their first event by themselves.
    await sleep(2_000)
    async function during(count: number, work: () => Promise<unknown>) {
      const before = await cpuMs(Number(pid))
      clients.send({ expect: count * SUBSCRIBERS } satisfies Ask)
      const [report] = await Promise.all([told(), work()])
      if (!('ms' in report) || report.received < count * SUBSCRIBERS) throw new Error(JSON.stringify(report))
      return {
        perSecond: (report.received / report.ms) * 1000,
        cpuUs: (((await cpuMs(Number(pid))) - before) * 1000) / report.received,
      }
    }
    await during(2, () => publish(2))
    const flood = await during(FLOOD, () => publish(FLOOD))
    const steady = await during(STEADY.events, async () => {
      for (let n = 0; n < STEADY.events; n++) {
        await publish(1)
        await sleep(STEADY.everyMs)
      }
    })
    return { flood: flood.perSecond, floodCpu: flood.cpuUs, steadyCpu: steady.cpuUs, steady: steady.perSecond }
  } finally {
    await end(clients)
  }
}

const peer = (name: string, file: string, at: string): Competitor => ({
  name,
  async measure() {
    const child = launch(process.execPath, [path.join(import.meta.dirname, 'peers', file)], {
      env: { ...process.env, PORT: String(PORT) },
    })
    const publish = (count: number) => fetch(`${URL}/publish?count=${count}`, { method: 'POST' })
    try {
      await untilReady(child, async () => (await publish(0)).ok)
      return await measure({ path: at, jobId: '', pid: child.pid, publish })
    } finally {
      await end(child)
    }
  },
})

const runsheet: Competitor = {
  name: 'Runsheet',
  async measure() {
    const dataDir = await newDataDir()
    const postgres = await startPostgres()
    const client = new pg.Client(postgres.url)
    try {
      const server = await startServer(dataDir, PORT, { DATABASE_URL: postgres.url, SECRET_KEY: '0'.repeat(64) })
      try {
        await client.connect()
        const actions = [{ webhook: { url: 'http://127.0.0.1:9/' } }]
        const { createJob } = await send<{ createJob: { id: string } }>(URL, CREATE, { input: { actions } })
        const { runJob } = await send<{ runJob: { id: string } }>(URL, RUN, { id: createJob.id })
        const publish = (count: number) => client.query(LOG, [runJob.id.slice(4), count])
        return await measure({ path: '/graphql', jobId: createJob.id, pid: server.child.pid, publish })
      } finally {
        await client.end()
        await server.stop()
      }
    } finally {
      await postgres.stop()
      await removeDataDir(dataDir)
    }
  },
}

const LIMIT = 'bare ws'

await compare({
  name: 'subscriptions',
  metrics: [
    { key: 'flood', title: 'flood of 50', unit: 'messages/s', better: 'more', chart: true },
    { key: 'floodCpu', title: 'CPU a message, flood', unit: 'µs', better: 'less', digits: 1 },
    { key: 'steady', title: 'of 20 events/s', unit: 'messages/s', better: 'more' },
    { key: 'steadyCpu', title: 'CPU a message, 20 events/s', unit: 'µs', better: 'less', digits: 1, chart: true },
  ],
  competitors: [
    runsheet,
    peer(LIMIT, 'ws.mjs', '/'),
    peer('Mercurius', 'mercurius.mjs', '/graphql'),
    peer('Yoga', 'yoga.mjs', '/'),
  ],
  judge(medians) {
    const ratio = medians('Runsheet', 'flood') / medians(LIMIT, 'flood')
    const steady = medians('Runsheet', 'steady') / medians(LIMIT, 'steady')
    return [
      { goal: 'a flood ≥ 90 % of bare ws', reached: `${figure(ratio * 100)} %`, met: ratio >= 0.9 },
      { goal: '20 events/s ≥ 90 % of bare ws', reached: `${figure(steady * 100)} %`, met: steady >= 0.9 },
    ]
  },
})
