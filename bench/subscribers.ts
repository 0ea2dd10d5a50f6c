/**
 * WebSocket subscribers on one job (SUBSCRIBERS, 1,000): from the instant that an event bears to its arrival at each of
 * them, and the server's memory. The clients are a process of their own, and look at no more than that instant. `node --import tsx bench/subscribers.ts`
 */
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { newDataDir, removeDataDir, send, startServer, TOKEN } from './kit/server.ts'

const SUBSCRIBERS = Number(process.env.SUBSCRIBERS ?? 1000)
const RUNS = Number(process.env.RUNS ?? 20)
const PAUSE_MS = 2_000

const quantile = (sorted: number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN

const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { __typename } }`
const WATCH = `subscription ($id: ID!) { runEvents(jobId: $id) { __typename at } }`

const AT = /"at":"([^"]+)"/

type Report = { ready: true } | { delays: number[] }

/** The clients: told the job and the address, they say when all are subscribed and, when asked, what they saw. */
async function watch(url: string, jobId: string) {
  const delays: number[] = []
  for (let n = 0; n < SUBSCRIBERS; n++) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    await once(socket, 'open')
    const say = (message: object) => socket.send(JSON.stringify(message))
    say({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } })
    await once(socket, 'message')
    say({ type: 'subscribe', id: randomUUID(), payload: { query: WATCH, variables: { id: jobId } } })
    socket.on('message', (message: Buffer) => {
      const at = AT.exec(message.toString('latin1'))?.[1]
      if (at === undefined) throw new Error(String(message))
      delays.push(Date.now() - Date.parse(at))
    })
  }
  process.send?.({ ready: true } satisfies Report)
  process.once('message', () => process.send?.({ delays } satisfies Report, () => process.exit(0)))
}

async function residentMiB(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 1024 / 1024)
}

async function main() {
  const dataDir = await newDataDir()
  const server = await startServer(dataDir, 4711)
  try {
    const actions = [{ webhook: { url: 'http://127.0.0.1:9/' } }]
    const { createJob } = await send<{ createJob: { id: string } }>(server.url, CREATE, { input: { actions } })
    const idle = await residentMiB(server.url)
    const clients = fork(import.meta.filename, [server.url, createJob.id])
    await once(clients, 'message')
    // The subscriptions of the last clients are under way when they say so.
    await sleep(PAUSE_MS)
    for (let run = 0; run < RUNS; run++) {
      await send(server.url, RUN, { id: createJob.id })
      await sleep(PAUSE_MS)
    }
    const held = await residentMiB(server.url)
    clients.send('report')
    const [{ delays }] = (await once(clients, 'message')) as [{ delays: number[] }]
    delays.sort((a, b) => a - b)
    const [p50, p99, last] = [0.5, 0.99, 1].map((q) => quantile(delays, q))
    console.log('| subscribers | runs | events received | p50 | p99 | last | memory before | with them |')
    console.log('|---|---|---|---|---|---|---|---|')
    console.log(
      `| ${SUBSCRIBERS} | ${RUNS} | ${delays.length} | ${p50} ms | ${p99} ms | ${last} ms | ${idle} MiB | ${held} MiB |`,
    )
  } finally {
    await server.stop()
    await removeDataDir(dataDir)
  }
}

const [url, jobId] = process.argv.slice(2)
await (url && jobId ? watch(url, jobId) : main())
