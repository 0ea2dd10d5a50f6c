/** How much each engine gets done: jobs that do nothing, queueing them, and jobs that each make one call. */
import { type Comparison, compare, type Medians, type Sample } from '../kit/compare.ts'
import { figure } from '../kit/report.ts'
import { startServer } from '../kit/server.ts'
import type { Program } from './control.ts'
import {
  ALL_PEERS,
  GRAPHILE_BATCHED,
  NO_ENGINE,
  OVER_HTTP,
  PEERS,
  PG_BOSS_TUNED,
  RUNSHEET,
  RUNSHEET_ENGINE,
  withProgram,
} from './engines.ts'
import { CONCURRENCY, createCaller } from './program.ts'
import { callsPerSecond, withReceiver } from './receiving.ts'
import { SECRET_KEY } from './runsheet-key.ts'
import { produceOverHttp } from './runsheet-server.ts'

const DRAINED = 20_000
const BULK = 5_000
const CALLS = 5_000
const GIVE_UP_MS = 10_000
const PORT = 4790

/** What is the same for all engines: each in a fresh process with a fresh store. */
async function measureAlone(engine: Parameters<typeof withProgram>[0]): Promise<Sample> {
  const drain = await withProgram(engine, async (program) => {
    await program.ask('fill', { count: DRAINED })
    return program.ask('drain', { count: DRAINED })
  })
  const queued = await withProgram(engine, async (program: Program) => ({
    produce: await program.ask('produce', {}),
    bulk: await program.ask('bulk', { count: BULK }),
  }))
  return { drain, ...queued }
}

async function measurePeer(peer: Parameters<typeof withProgram>[0]): Promise<Sample> {
  const webhooks = await withReceiver((receiver) =>
    withProgram(peer, async (program) => {
      await program.ask('fill', { count: CALLS })
      await program.ask('work', { url: receiver.url })
      return callsPerSecond(receiver, CALLS, GIVE_UP_MS)
    }),
  )
  return { ...(await measureAlone(peer)), webhooks }
}

/** The calls are made by the whole product: signed, recorded, checked where they go. */
async function measureRunsheet(): Promise<Sample> {
  const webhooks = await withReceiver((receiver) =>
    withProgram({ ...RUNSHEET_ENGINE, env: { RECEIVER: receiver.url } }, async (program, store) => {
      await program.ask('fill', { count: CALLS })
      const server = await startServer('unused', PORT, { ...store.env, SECRET_KEY })
      try {
        return await callsPerSecond(receiver, CALLS, GIVE_UP_MS)
      } finally {
        await server.stop()
      }
    }),
  )
  return { ...(await measureAlone(RUNSHEET_ENGINE)), webhooks }
}

async function measureNoEngine(): Promise<Sample> {
  return withReceiver(async (receiver) => {
    const call = createCaller(receiver.url)
    let left = CALLS
    const worker = async () => {
      while (left > 0) await call(left--)
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    return { webhooks: await callsPerSecond(receiver, CALLS, GIVE_UP_MS) }
  })
}

function judge(of: Medians) {
  const best = (metric: string, names: string[]) => Math.max(...names.map((name) => of(name, metric)))
  const ratio = (goal: string, metric: string, rival: number, least: number) => {
    const reached = of(RUNSHEET, metric) / rival
    return { goal, reached: `${figure(reached, 2)}×`, met: reached >= least }
  }
  const tuned = [GRAPHILE_BATCHED, PG_BOSS_TUNED]
  return [
    ratio('drain ≥ 1.2× the better of graphile-worker batched and pg-boss tuned', 'drain', best('drain', tuned), 1.2),
    ratio('webhooks ≥ 1.2× the best peer', 'webhooks', best('webhooks', ALL_PEERS), 1.2),
    ratio('webhooks ≥ 0.6× no engine', 'webhooks', of(NO_ENGINE, 'webhooks'), 0.6),
  ]
}

const comparison: Comparison = {
  name: 'engines-throughput',
  metrics: [
    { key: 'drain', title: 'Drain of jobs that do nothing', unit: '/s', better: 'more', chart: true },
    { key: 'produce', title: 'Queueing by 10 producers', unit: '/s', better: 'more', chart: true },
    { key: 'bulk', title: 'Queueing in bulk', unit: '/s', better: 'more' },
    { key: 'webhooks', title: 'Webhooks, 50 at once', unit: '/s', better: 'more', chart: true },
  ],
  competitors: [
    { name: RUNSHEET, measure: measureRunsheet },
    { name: OVER_HTTP, measure: async () => ({ produce: await produceOverHttp() }) },
    ...PEERS.map((peer) => ({ name: peer.name, measure: () => measurePeer(peer) })),
    { name: NO_ENGINE, measure: measureNoEngine },
  ],
  judge,
}

export const compareThroughput = () => compare(comparison)
