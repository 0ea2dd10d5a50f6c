/** How soon: an idle engine starts what it is asked for, and it gets through what is due at one instant. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Comparison, compare, type Medians, type Sample } from '../kit/compare.ts'
import { figure } from '../kit/report.ts'
import {
  ALL_PEERS,
  NO_ENGINE,
  ON_POSTGRES,
  OVER_HTTP,
  PEERS,
  RUNSHEET,
  RUNSHEET_ENGINE,
  withProgram,
} from './engines.ts'
import { CONCURRENCY, createCaller } from './program.ts'
import { delaysAfter, withReceiver } from './receiving.ts'
import { dueAtOnce, latencyOverHttp } from './runsheet-latency.ts'

const STARTED = 300
const DUE = 1_000
/** Until the instant at which they are due: the jobs are queued meanwhile. */
const AHEAD_MS = 3_000
/** After that instant. */
const GIVE_UP_MS = 8_000

const startLatency = async (engine: Parameters<typeof withProgram>[0]): Promise<Sample> => {
  const { p50, p99 } = await withProgram(engine, (program) => program.ask('latency', { count: STARTED }))
  return { start50: p50, start99: p99 }
}

const dueOf = ({ first, p50, p99 }: Sample): Sample => ({
  ...(first !== undefined && { dueFirst: first }),
  ...(p50 !== undefined && { due50: p50 }),
  ...(p99 !== undefined && { due99: p99 }),
})

async function measurePeer(peer: Parameters<typeof withProgram>[0]): Promise<Sample> {
  const due = await withReceiver((receiver) =>
    withProgram(peer, async (program) => {
      await program.ask('work', { url: receiver.url })
      const at = Date.now() + AHEAD_MS
      await program.ask('fill', { count: DUE, at })
      if (Date.now() > at) throw new Error('the jobs were not queued in time')
      return delaysAfter(receiver, at, DUE, at - Date.now() + GIVE_UP_MS)
    }),
  )
  return { ...(await startLatency(peer)), ...dueOf(due) }
}

async function measureNoEngine(): Promise<Sample> {
  return withReceiver(async (receiver) => {
    const call = createCaller(receiver.url)
    const at = Date.now() + 1_000
    await sleep(at - Date.now())
    let left = DUE
    const worker = async () => {
      while (left > 0) await call(left--)
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    return dueOf(await delaysAfter(receiver, at, DUE, GIVE_UP_MS))
  })
}

function judge(of: Medians) {
  const atMost = (goal: string, metric: string, rivals: string[], most: number) => {
    const best = Math.min(...rivals.map((name) => of(name, metric)).filter(Number.isFinite))
    const ratio = of(RUNSHEET, metric) / best
    return { goal, reached: `${figure(ratio, 2)}×`, met: ratio <= most }
  }
  return [
    atMost('start p50 ≤ 0.6× the best engine on PostgreSQL', 'start50', ON_POSTGRES, 0.6),
    atMost('1,000 due at once, p99 ≤ 0.7× the best peer', 'due99', ALL_PEERS, 0.7),
  ]
}

const comparison: Comparison = {
  name: 'engines-latency',
  metrics: [
    { key: 'start50', title: 'Queued → started, p50', unit: 'ms', better: 'less', digits: 1, chart: true },
    { key: 'start99', title: 'Queued → started, p99', unit: 'ms', better: 'less', digits: 1 },
    { key: 'dueFirst', title: '1,000 due at once: first call', unit: 'ms', better: 'less' },
    { key: 'due50', title: '1,000 due at once: p50', unit: 'ms', better: 'less' },
    { key: 'due99', title: '1,000 due at once: p99', unit: 'ms', better: 'less', chart: true },
  ],
  competitors: [
    {
      name: RUNSHEET,
      measure: async () => ({ ...(await startLatency(RUNSHEET_ENGINE)), ...dueOf(await dueAtOnce(DUE, GIVE_UP_MS)) }),
    },
    { name: OVER_HTTP, measure: () => latencyOverHttp(STARTED) },
    ...PEERS.map((peer) => ({ name: peer.name, measure: () => measurePeer(peer) })),
    { name: NO_ENGINE, measure: measureNoEngine },
  ],
  judge,
}

export const compareLatency = () => compare(comparison)
