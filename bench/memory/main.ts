/**
 * Resident memory of the server's process, as `npm start` runs it: idle, after 1,000 requests, with 1,000 webhooks under
 * way, and what a subscriber adds. On this Node and on the one that npm runs on. `npm --prefix bench run memory`
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Competitor, compare, type Sample } from '../kit/compare.ts'
import { end, memoryMiB } from '../kit/processes.ts'
import { newDataDir, removeDataDir, type Server, send, startServer } from '../kit/server.ts'
import type { Ask } from './subscribers.ts'
import { startReceivers } from './webhooks.ts'

const PORT = 4760
const IDLE_MS = 10_000
const SETTLE_MS = 5_000
const REQUESTS = 1_000
const WEBHOOKS = 1_000
const SUBSCRIBERS = [2_000, 10_000] as const
const GIVE_UP_MS = 60_000
const GOALS = { idle: 150, webhooks: 300, subscriber: 20 }

const LIST = '{ viewer { handle } jobs(first: 20) { edges { node { id displayName enabled nextRunAt lastStatus } } } }'
const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { ... on Run { id } ... on Error { message } } }`

const memoryOf = ({ child }: Server) => memoryMiB(child.pid ?? 0)

async function createJob({ url }: Server, target: string): Promise<string> {
  const input = { overlap: 'ALLOW', actions: [{ webhook: { url: target } }] }
  return (await send<{ createJob: { id: string } }>(url, CREATE, { input })).createJob.id
}

async function used(dataDir: string, node: string): Promise<Sample> {
  const receivers = await startReceivers()
  const server = await startServer(dataDir, PORT, { CONCURRENCY: String(WEBHOOKS) }, node)
  try {
    await sleep(IDLE_MS)
    const idle = await memoryOf(server)
    for (let n = 0; n < REQUESTS; n += 10) {
      await Promise.all(Array.from({ length: 10 }, () => send(server.url, LIST, {})))
    }
    const requests = await memoryOf(server)
    const jobs = await Promise.all(receivers.urls.map((url) => createJob(server, url)))
    for (let n = 0; n < WEBHOOKS; n += jobs.length) {
      await Promise.all(jobs.map((id) => send(server.url, RUN, { id })))
    }
    const until = performance.now() + GIVE_UP_MS
    while (receivers.calls() < WEBHOOKS) {
      if (performance.now() > until) throw new Error(`${receivers.calls()} of ${WEBHOOKS} webhooks are under way`)
      await sleep(50)
    }
    return { idle, requests, webhooks: await memoryOf(server) }
  } finally {
    receivers.close()
    await server.stop()
  }
}

async function watched(dataDir: string, node: string): Promise<Sample> {
  const server = await startServer(dataDir, PORT, {}, node)
  const clients = fork(path.join(import.meta.dirname, 'subscribers.ts'), [
    server.url,
    await createJob(server, 'http://127.0.0.1:9/'),
  ])
  try {
    await sleep(IDLE_MS)
    const before = await memoryOf(server)
    const sample: Sample = {}
    for (const subscribers of SUBSCRIBERS) {
      const told = once(clients, 'message', { signal: AbortSignal.timeout(GIVE_UP_MS) })
      clients.send({ subscribers } satisfies Ask)
      await told
      await sleep(SETTLE_MS)
      sample[`subscriber${subscribers}`] = (((await memoryOf(server)) - before) * 1024) / subscribers
    }
    return sample
  } finally {
    await end(clients, 'SIGKILL')
    await server.stop()
  }
}

const runsheet = (name: string, node: string): Competitor => ({
  name,
  async measure() {
    const dataDir = await newDataDir()
    try {
      return { ...(await used(dataDir, node)), ...(await watched(dataDir, node)) }
    } finally {
      await removeDataDir(dataDir)
    }
  },
})

const own = runsheet(`Runsheet on Node ${process.versions.node.split('.')[0]}`, process.execPath)
const installed = process.env.npm_node_execpath
const competitors = installed && installed !== process.execPath ? [runsheet('Runsheet', installed), own] : [own]
const [judged = own] = competitors

await compare({
  name: 'memory',
  metrics: [
    { key: 'idle', title: 'idle', unit: 'MiB', better: 'less', chart: true },
    { key: 'requests', title: 'after 1,000 requests', unit: 'MiB', better: 'less' },
    { key: 'webhooks', title: '1,000 webhooks under way', unit: 'MiB', better: 'less' },
    { key: 'subscriber2000', title: 'a subscriber of 2,000', unit: 'KiB', better: 'less', digits: 1, chart: true },
    { key: 'subscriber10000', title: 'a subscriber of 10,000', unit: 'KiB', better: 'less', digits: 1 },
  ],
  competitors,
  judge(medians) {
    const goal = (words: string, key: string, most: number, unit: string) => {
      const reached = medians(judged.name, key)
      return { goal: `${words} < ${most} ${unit}`, reached: `${reached.toFixed(1)} ${unit}`, met: reached < most }
    }
    return [
      goal('idle server', 'idle', GOALS.idle, 'MiB'),
      goal('1,000 running webhooks', 'webhooks', GOALS.webhooks, 'MiB'),
      goal('each of 2,000 subscribers', 'subscriber2000', GOALS.subscriber, 'KiB'),
    ]
  },
})
