/** How long after `kill -9` of a worker in the middle of a job another worker, which runs already, does the job. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Comparison, compare, type Medians, type Sample } from '../kit/compare.ts'
import { figure } from '../kit/report.ts'
import { newDataDir, removeDataDir, type Server, startServer } from '../kit/server.ts'
import { type Program, startProgram } from './control.ts'
import { BULLMQ, PEERS, type Peer, PG_BOSS_TUNED, RUNSHEET } from './engines.ts'
import { SECRET_KEY } from './runsheet-key.ts'
import { createJob, runJob } from './runsheet-server.ts'
import { openPostgresStore, type Store } from './store.ts'

const GIVE_UP_MS = 70_000
/** Who takes that long does so each time, and is measured once. */
const SLOW_MS = 20_000
/** For the other worker to be seen by all. */
const SETTLE_MS = 1_500
const PORTS = [4787, 4788] as const

/** Never answers the first call, and the others at once. */
async function startHoldingReceiver() {
  const held: ServerResponse[] = []
  const calls: number[] = []
  const server = createServer((request, response) => {
    calls.push(performance.now())
    request.resume()
    if (calls.length === 1) held.push(response)
    else response.end('ok')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** When the call with this number came, from 0; undefined when it does not come. */
    async call(index: number): Promise<number | undefined> {
      for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await sleep(2)) {
        if (calls[index] !== undefined) return calls[index]
      }
      return undefined
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

type Workers = {
  /** Starts a worker. */
  start(index: 0 | 1): Promise<void>
  /** Queues the job. */
  begin(): Promise<void>
  /** Ends the first at once, as a crash does. */
  kill(): Promise<void>
  end(): Promise<void>
}

async function takeover(open: Peer['open'], workersOf: (store: Store, receiver: string) => Workers): Promise<Sample> {
  const receiver = await startHoldingReceiver()
  const store = await open()
  const workers = workersOf(store, receiver.url)
  try {
    await workers.start(0)
    await workers.begin()
    if ((await receiver.call(0)) === undefined) throw new Error('the job did not begin')
    await workers.start(1)
    await sleep(SETTLE_MS)
    const killed = performance.now()
    await workers.kill()
    const again = await receiver.call(1)
    return again === undefined ? {} : { takeover: again - killed }
  } finally {
    receiver.close()
    await workers.end()
    await store.stop()
  }
}

const workersOfPeer =
  ({ file, env }: Pick<Peer, 'file' | 'env'>) =>
  (store: Store, receiver: string): Workers => {
    const programs: Program[] = []
    return {
      async start(index) {
        const program = await startProgram(file, { ...env, ...store.env })
        programs[index] = program
        await program.ask('work', { url: receiver })
      },
      begin: async () => programs[0]?.ask('fill', { count: 1 }),
      kill: async () => programs[0]?.end('SIGKILL'),
      end: async () => void (await Promise.all(programs.map((program) => program.end('SIGKILL')))),
    }
  }

function workersOfRunsheet(store: Store, receiver: string): Workers {
  const servers: { server: Server; dataDir: string }[] = []
  return {
    async start(index) {
      const dataDir = await newDataDir()
      servers[index] = { dataDir, server: await startServer(dataDir, PORTS[index], { ...store.env, SECRET_KEY }) }
    },
    async begin() {
      const url = servers[0]?.server.url ?? ''
      await runJob(url, await createJob(url, receiver))
    },
    kill: async () => void servers[0]?.server.child.kill('SIGKILL'),
    async end() {
      for (const { server, dataDir } of servers) {
        if (server.child.exitCode === null && server.child.signalCode === null) await server.stop()
        await removeDataDir(dataDir)
      }
    },
  }
}

/** The first sample again, once it was slow. */
function onceIfSlow(measure: () => Promise<Sample>): () => Promise<Sample> {
  let slow: Sample | undefined
  return async () => {
    if (slow) return slow
    const sample = await measure()
    if ((sample.takeover ?? GIVE_UP_MS) > SLOW_MS) slow = sample
    return sample
  }
}

const peer = (name: string, of: Peer | undefined, more: Record<string, string> = {}) => {
  if (!of) throw new Error(`${name} is no engine here`)
  const workers = workersOfPeer({ file: of.file, env: { ...of.env, ...more } })
  return { name, measure: onceIfSlow(() => takeover(of.open, workers)) }
}
const named = (name: string) => PEERS.find((each) => each.name === name)

const comparison: Comparison = {
  name: 'engines-takeover',
  metrics: [{ key: 'takeover', title: 'Killed → done by another', unit: 'ms', better: 'less', chart: true }],
  competitors: [
    { name: RUNSHEET, measure: () => takeover(openPostgresStore, workersOfRunsheet) },
    peer('graphile-worker', named('graphile-worker')),
    peer('pg-boss', named('pg-boss')),
    peer('pg-boss with heartbeats', named(PG_BOSS_TUNED), { QUICK: '1' }),
    peer('BullMQ', named(BULLMQ)),
    peer('BullMQ with short locks', named(BULLMQ), { QUICK: '1' }),
  ],
  judge: (of: Medians) => {
    const reached = of(RUNSHEET, 'takeover')
    return [{ goal: 'takeover ≤ 2 s', reached: `${figure(reached)} ms`, met: reached <= 2_000 }]
  },
}

export const compareTakeover = () => compare(comparison)
