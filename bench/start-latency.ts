/**
 * How soon an idle node starts what is asked for: from the instant at which PostgreSQL recorded the run, or the event,
 * to the one at which it recorded that the action began (whole milliseconds, one clock). `node --import tsx bench/start-latency.ts`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { newDataDir, removeDataDir, send, startServer } from './kit/server.ts'

const RUNS = 300

const quantile = (values: number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN

const CREATE = `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id } ... on Error { message } } }`
const RUN = `mutation ($id: ID!) { runJob(input: { jobId: $id }) { __typename } }`
const EMIT = `mutation { emitEvent(input: { type: "bench.tick" }) { ... on DomainEvent { createdAt } ... on Error { message } } }`
const LAST = `query ($id: ID!) { job(id: $id) { lastRun { isFinal queuedAt startedAt } } }`

type LastRun = { isFinal: boolean; queuedAt: string; startedAt: string | null }

const dataDir = await newDataDir()
const server = await startServer(dataDir, 4710)

async function createJob(input: object): Promise<string> {
  // Nobody listens there: what the action comes to is no matter here.
  const actions = [{ webhook: { url: 'http://127.0.0.1:9/' } }]
  const { createJob } = await send<{ createJob: { id?: string; message?: string } }>(server.url, CREATE, {
    input: { actions, ...input },
  })
  if (!createJob.id) throw new Error(createJob.message)
  return createJob.id
}

/** `begin` answers what the run's start is measured from; absent: when the run was recorded. */
async function measure(id: string, begin: () => Promise<string | undefined>): Promise<number[]> {
  const latencies: number[] = []
  let before: string | undefined
  for (let run = 0; run < RUNS; run++) {
    const from = await begin()
    for (;;) {
      const { job } = await send<{ job: { lastRun: LastRun | null } }>(server.url, LAST, { id })
      const last = job.lastRun
      if (last?.isFinal && last.startedAt && last.queuedAt !== before) {
        before = last.queuedAt
        latencies.push(Date.parse(last.startedAt) - Date.parse(from ?? last.queuedAt))
        break
      }
      await sleep(5)
    }
  }
  return latencies
}

try {
  const byHand = await createJob({})
  const listening = await createJob({ eventType: 'bench.tick' })
  const rows = {
    'run by hand': await measure(byHand, async () => {
      await send(server.url, RUN, { id: byHand })
      return undefined
    }),
    event: await measure(
      listening,
      async () => (await send<{ emitEvent: { createdAt?: string } }>(server.url, EMIT, {})).emitEvent.createdAt,
    ),
  }
  console.log('| started by | p50 | p99 |')
  console.log('|---|---|---|')
  for (const [name, values] of Object.entries(rows)) {
    console.log(`| ${name} | ${quantile(values, 0.5)} ms | ${quantile(values, 0.99)} ms |`)
  }
} finally {
  await server.stop()
  await removeDataDir(dataDir)
}
