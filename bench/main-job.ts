/**
 * The figures of the main job, on a server process of its own: how long it takes to be ready, how soon a run by hand
 * reaches its receiver, and how 1,000 jobs due at one instant do. `npm run bench`
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { newDataDir, removeDataDir, send, startServer } from './kit/server.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 3)
const RUNS_BY_HAND = 300
const DUE_AT_ONCE = 1000

const quantile = (sorted: number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
const ms = (value: number) => `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`

const waiting = new Map<string, (at: number) => void>()
const arrivals: number[] = []
let all = () => {}
const receiver = createServer((request, response) => {
  const at = performance.timeOrigin + performance.now()
  request.resume()
  response.end('ok')
  if (request.url === '/due') {
    arrivals.push(at)
    if (arrivals.length === DUE_AT_ONCE) all()
    return
  }
  waiting.get(request.url ?? '')?.(at)
})
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
const target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`

const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { ... on Run { id } ... on Error { message } } }`

async function createJob(url: string, path: string, schedule?: object): Promise<string> {
  const input = { actions: [{ webhook: { url: `${target}${path}` } }], ...(schedule && { schedule }) }
  const { createJob } = await send<{ createJob: { id?: string; message?: string } }>(url, CREATE, { input })
  if (!createJob.id) throw new Error(createJob.message)
  return createJob.id
}

async function runsByHand(url: string) {
  const id = await createJob(url, '/hand')
  const latencies: number[] = []
  for (let run = 0; run < RUNS_BY_HAND; run++) {
    const sent = performance.timeOrigin + performance.now()
    const arrived = new Promise<number>((resolve) => waiting.set('/hand', resolve))
    await send(url, RUN, { id })
    latencies.push((await arrived) - sent)
  }
  return latencies.sort((a, b) => a - b)
}

async function dueAtOnce(url: string) {
  const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 30_000)
  for (let created = 0; created < DUE_AT_ONCE; created += 10) {
    await Promise.all(Array.from({ length: 10 }, () => createJob(url, '/due', { at: at.toISOString() })))
  }
  if (Date.now() > at.getTime()) throw new Error('the jobs were not created in time')
  arrivals.length = 0
  const done = new Promise<void>((resolve) => {
    all = resolve
  })
  const limit = setTimeout(() => {
    throw new Error(`only ${arrivals.length} calls arrived`)
  }, 120_000)
  await done
  clearTimeout(limit)
  return arrivals.map((arrival) => arrival - at.getTime()).sort((a, b) => a - b)
}

console.log(
  '| round | first start | later start | run by hand → receiver p50 / p99 | 1,000 due at once: first / p50 / p99 / last |',
)
console.log('|---|---|---|---|---|')
for (let round = 1; round <= ROUNDS; round++) {
  const dataDir = await newDataDir()
  const port = 4700 + round
  const first = await startServer(dataDir, port)
  await first.stop()
  const later = await startServer(dataDir, port)
  try {
    const byHand = await runsByHand(later.url)
    const due = await dueAtOnce(later.url)
    console.log(
      `| ${round} | ${ms(first.readyMs)} | ${ms(later.readyMs)} | ${ms(quantile(byHand, 0.5))} / ${ms(quantile(byHand, 0.99))} | ${[0, 0.5, 0.99, 1].map((q) => ms(quantile(due, q))).join(' / ')} |`,
    )
  } finally {
    await later.stop()
    await removeDataDir(dataDir)
  }
}
receiver.close()
