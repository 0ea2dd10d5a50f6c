/**
 * B: GraphQL over HTTP, each server alone over a copy of the same data: a list of 20 jobs with their owners and last three
 * runs, `{ __typename }`, and the creation of one job. `npm --prefix bench run graphql`
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import { freePort } from '../../test/support/free-port.ts'
import { type Competitor, compare, type Medians, type Sample, type Verdict } from '../kit/compare.ts'
import { load } from '../kit/load.ts'
import { startPostgres } from '../kit/postgres.ts'
import { cpuMs, end, launch, untilReady } from '../kit/processes.ts'
import { newDataDir, removeDataDir, startServer, TOKEN } from '../kit/server.ts'
import { fillDatabases, settingsFor } from './data.ts'
import { type Content, JOBS, LIMIT, PLAIN, POSTGRAPHILE, type Questions, RUNSHEET } from './questions.ts'

const CONNECTIONS = 32
const SECONDS = Number(process.env.SECONDS ?? 5)
const WARM_UP_SECONDS = 3
const PEERS = path.join(import.meta.dirname, 'peers')
const PORT = await freePort()
const ADDRESS = `http://127.0.0.1:${PORT}/graphql`

type Running = { pid: number; token?: string; stop(): Promise<void> }

/** Everybody's first list, to which all others must be equal. */
let expected: Content[] | undefined

const headersOf = ({ token }: Running) => ({
  'content-type': 'application/json',
  ...(token && { authorization: `Bearer ${token}` }),
})

async function ask(body: string, headers: Record<string, string>): Promise<Record<string, unknown>> {
  const response = await fetch(ADDRESS, { method: 'POST', headers, body })
  const { data, errors } = (await response.json()) as { data: Record<string, unknown>; errors?: unknown }
  if (errors || !data) throw new Error(JSON.stringify(errors))
  return data
}

async function check(questions: Questions, headers: Record<string, string>): Promise<void> {
  const content = questions.contentOf((await ask(questions.list, headers)) as never)
  assert.equal(content.length, JOBS)
  expected ??= content
  assert.deepEqual(content, expected)
  assert.deepEqual(await ask(questions.typename, headers), { __typename: 'Query' })
  assert.match(JSON.stringify(await ask(questions.create, headers)), /"Created"/)
}

async function measure(questions: Questions, running: Running): Promise<Sample> {
  const headers = headersOf(running)
  const under = async (body: string, seconds = SECONDS) => {
    const before = await cpuMs(running.pid)
    const result = await load({ url: ADDRESS, connections: CONNECTIONS, seconds, headers, body })
    return { ...result, cpu: ((await cpuMs(running.pid)) - before) / (result.perSecond * seconds) }
  }
  await under(questions.list, WARM_UP_SECONDS)
  const list = await under(questions.list)
  await under(questions.typename, 1)
  const typename = await under(questions.typename)
  await check(questions, headers)
  const create = await under(questions.create)
  return {
    ...{ list: list.perSecond, listP99: list.p99, listCpu: list.cpu },
    ...{ typename: typename.perSecond, typenameCpu: typename.cpu },
    ...{ create: create.perSecond, createP99: create.p99, createCpu: create.cpu },
  }
}

async function startPeer(file: string, url: string): Promise<Running> {
  const child = launch(process.execPath, ['--disable-warning=ExperimentalWarning', path.join(PEERS, file)], {
    env: { ...process.env, NODE_ENV: 'production', GRAPHILE_ENV: 'production', DATABASE_URL: url, PORT: String(PORT) },
  })
  // Whatever it answers, it is there.
  await untilReady(child, async () => (await fetch(ADDRESS, { method: 'POST', body: '{"ask":"typename"}' })).status > 0)
  return { pid: Number(child.pid), stop: () => end(child) }
}

async function startRunsheet(url: string): Promise<Running> {
  const dataDir = await newDataDir()
  const { child, stop } = await startServer(dataDir, PORT, settingsFor(url))
  const stopAll = () => stop().finally(() => removeDataDir(dataDir))
  return { pid: Number(child.pid), token: TOKEN, stop: stopAll }
}

const postgres = await startPostgres()
try {
  const databases = await fillDatabases(postgres.url, PORT)
  const competitor = (name: string, questions: Questions, start: (url: string) => Promise<Running>): Competitor => ({
    name,
    measure: () =>
      databases.withCopy(async (url) => {
        const running = await start(url)
        try {
          return await measure(questions, running)
        } finally {
          await running.stop()
        }
      }),
  })
  await compare({
    name: 'graphql',
    metrics: [
      { key: 'list', title: 'List of 20 jobs', unit: '/s', better: 'more', chart: true },
      { key: 'listP99', title: 'its p99', unit: 'ms', better: 'less', digits: 1 },
      { key: 'listCpu', title: 'its CPU in the server', unit: 'ms', better: 'less', digits: 2 },
      { key: 'typename', title: '{ __typename }', unit: '/s', better: 'more', chart: true },
      { key: 'typenameCpu', title: 'its CPU in the server', unit: 'ms', better: 'less', digits: 3 },
      { key: 'create', title: 'Create one job', unit: '/s', better: 'more', chart: true },
      { key: 'createP99', title: 'its p99', unit: 'ms', better: 'less', digits: 1 },
      { key: 'createCpu', title: 'its CPU in the server', unit: 'ms', better: 'less', digits: 2 },
    ],
    competitors: [
      competitor('Runsheet', RUNSHEET, startRunsheet),
      competitor('PostGraphile', POSTGRAPHILE, (url) => startPeer('postgraphile.mjs', url)),
      competitor('Mercurius', PLAIN, (url) => startPeer('mercurius.mjs', url)),
      competitor('Yoga + Pothos + Prisma', PLAIN, (url) => startPeer('yoga.mjs', url)),
      competitor('one SQL behind node:http', LIMIT, (url) => startPeer('limit.mjs', url)),
    ],
    judge,
  })
} finally {
  await postgres.stop()
}

function judge(medians: Medians): Verdict[] {
  const ratio = (metric: string, ...peers: string[]) =>
    medians('Runsheet', metric) / Math.max(...peers.map((peer) => medians(peer, metric)))
  const goal = (name: string, metric: string, least: number, of: string, ...peers: string[]): Verdict => {
    const reached = ratio(metric, ...peers)
    return { goal: `${name} ≥ ${least} × ${of}`, reached: `${reached.toFixed(2)} ×`, met: reached >= least }
  }
  const limit = 'one SQL behind node:http'
  return [
    goal('list', 'list', 1.3, 'the better of PostGraphile and Mercurius', 'PostGraphile', 'Mercurius'),
    goal('list', 'list', 0.5, 'the limit', limit),
    goal('`{ __typename }`', 'typename', 1, 'Mercurius', 'Mercurius'),
    goal('`{ __typename }`', 'typename', 0.8, 'the limit', limit),
    goal('create', 'create', 1, 'Mercurius', 'Mercurius'),
    goal('create', 'create', 0.8, 'the limit', limit),
  ]
}
