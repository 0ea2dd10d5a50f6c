/**
 * 2,000 subscribers of one job: a flood of 50 events at once, and 20 events a second. Competitors take turns, three
 * rounds; the clients are a process of their own. `node --import tsx bench/fan-out.ts`
 *
 * Runsheet's events are written into the log of a run as its engine writes them, so that what is measured is the way
 * from PostgreSQL's commit to the sockets, with the run read for each event.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openEmbedded } from '../src/db/embedded.ts'
import { createLog } from '../src/kernel/log.ts'
import type { Ask, Told } from './fan-out-clients.ts'
import { newDataDir, removeDataDir, send, startServer } from './kit/server.ts'

const SUBSCRIBERS = Number(process.env.SUBSCRIBERS ?? 2_000)
const FLOOD = 50
const STEADY = { events: 100, everyMs: 50 }
const ROUNDS = Number(process.env.ROUNDS ?? 3)
const PORT = 4721

const WATCH = 'subscription ($id: ID) { runEvents(jobId: $id) { __typename cursor seq at run { id status } } }'
const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { ... on Run { id } } }`

const LOG = `with counted as (
    update run set event_seq = event_seq + $2::int where id = $1::uuid returning id, job_id, event_seq - $2::int as seq
  ), logged as (
    insert into run_event (run_id, job_id, seq, kind, data)
    select id, job_id, seq + n, 'STARTED', '{"attempt": 1}' from counted, generate_series(1, $2::int) n
  ) select runsheet_tell('events')`

type Competitor = {
  name: string
  url: string
  path: string
  jobId: string
  publish(count: number): Promise<unknown>
  /** Of the server's process so far. */
  cpuMs(): Promise<number>
  stop(): Promise<unknown>
}

async function peer(name: string, port: number): Promise<Competitor> {
  const child = fork(path.join(import.meta.dirname, 'fan-out-peers.ts'), [name, String(port)])
  await once(child, 'message')
  const url = `http://127.0.0.1:${port}`
  const ask = async (what: string) => (await fetch(`${url}${what}`, { method: 'POST' })).json()
  return {
    ...{ name, url, path: '/', jobId: '' },
    publish: (count) => ask(`/publish?count=${count}`),
    cpuMs: async () => ((await ask('/')) as { cpuMs: number }).cpuMs,
    stop: () => end(child),
  }
}

async function runsheet(port: number): Promise<Competitor> {
  const dataDir = await newDataDir()
  const postgres = await openEmbedded({ dataDir, log: createLog('error') })
  const { host, user, password, database } = postgres.connection
  const server = await startServer(dataDir, port, {
    DATABASE_URL: `postgresql://${user}:${password}@${host}:${postgres.connection.port}/${database}`,
    SECRET_KEY: '0'.repeat(64),
  })
  const actions = [{ webhook: { url: 'http://127.0.0.1:9/' } }]
  const { createJob } = await send<{ createJob: { id: string } }>(server.url, CREATE, { input: { actions } })
  const { runJob } = await send<{ runJob: { id: string } }>(server.url, RUN, { id: createJob.id })
  const client = new pg.Client({ ...postgres.connection, application_name: 'runsheet bench' })
  await client.connect()
  return {
    ...{ name: 'runsheet', url: server.url, path: '/graphql', jobId: createJob.id },
    publish: (count) => client.query(LOG, [runJob.id.slice(4), count]),
    async cpuMs() {
      const text = await (await fetch(`${server.url}/metrics`)).text()
      return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1]) * 1000
    },
    async stop() {
      await client.end()
      await server.stop()
      await postgres.stop()
      await removeDataDir(dataDir)
    },
  }
}

const end = (child: ChildProcess) => {
  const gone = once(child, 'exit')
  child.disconnect()
  return gone
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const range = (values: number[], digits = 0) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`

async function measure(competitor: Competitor) {
  const { url, jobId } = competitor
  const clients = fork(path.join(import.meta.dirname, 'fan-out-clients.ts'), [
    ...[url, competitor.path, WATCH, jobId, String(SUBSCRIBERS)],
  ])
  const told = async () => (await once(clients, 'message'))[0] as Told
  await told()
  // Those who have just come read their first event by themselves.
  await sleep(2_000)
  async function during(count: number, publish: () => Promise<unknown>) {
    const before = await competitor.cpuMs()
    clients.send({ expect: count * SUBSCRIBERS } satisfies Ask)
    const [report] = await Promise.all([told(), publish()])
    if (!('ms' in report) || report.received < count * SUBSCRIBERS) throw new Error(JSON.stringify(report))
    return {
      perSecond: (report.received / report.ms) * 1000,
      cpuUs: (((await competitor.cpuMs()) - before) * 1000) / report.received,
    }
  }
  await during(2, () => competitor.publish(2))
  const flood = await during(FLOOD, () => competitor.publish(FLOOD))
  const steady = await during(STEADY.events, async () => {
    for (let n = 0; n < STEADY.events; n++) {
      await competitor.publish(1)
      await sleep(STEADY.everyMs)
    }
  })
  await end(clients)
  return { flood, steady }
}

const starts = [() => peer('bare', PORT), () => peer('yoga', PORT + 1), () => runsheet(PORT + 2)]
const results = new Map<string, Awaited<ReturnType<typeof measure>>[]>()
for (let round = 0; round < ROUNDS; round++) {
  for (const start of starts) {
    const competitor = await start()
    try {
      results.set(competitor.name, [...(results.get(competitor.name) ?? []), await measure(competitor)])
    } finally {
      await competitor.stop()
    }
  }
}

const ofBare = (name: string) => {
  const floods = (of: string) => results.get(of)?.map(({ flood }) => flood.perSecond) ?? []
  return `${Math.round((median(floods(name)) / median(floods('bare'))) * 100)} %`
}
console.log(`${SUBSCRIBERS} subscribers; median (min–max) of ${ROUNDS} rounds`)
console.log('| | flood of 50: messages/s | of bare ws | server CPU µs a message, flood | at 20 events/s |')
console.log('|---|---|---|---|---|')
for (const [name, rounds] of results) {
  const of = (pick: (each: (typeof rounds)[number]) => number, digits?: number) => range(rounds.map(pick), digits)
  console.log(
    `| ${name} | ${of(({ flood }) => flood.perSecond)} | ${ofBare(name)} | ${of(({ flood }) => flood.cpuUs, 1)} | ${of(({ steady }) => steady.cpuUs, 1)} |`,
  )
}
