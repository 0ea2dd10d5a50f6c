/**
 * Creating a job by each REST dialect, beside Hono and Fastify that do the same insert: the same tables and columns of
 * the same PostgreSQL in one statement, for whoever sends one constant token. Runsheet has everything on, a rate limit
 * that refuses nobody among it. Needs `wrk` and the bundle (`node esbuild.config.mjs`).
 */
import path from 'node:path'
import { type Competitor, compare, type Sample } from '../kit/compare.ts'
import { load } from '../kit/load.ts'
import { type Postgres, startPostgres } from '../kit/postgres.ts'
import { end, launch, treeCpuMs, untilReady } from '../kit/processes.ts'
import { figure } from '../kit/report.ts'
import { newDataDir, removeDataDir, startServer, TOKEN } from '../kit/server.ts'
import { type Dialect, HEADERS, prepare } from './world.ts'

const SECONDS = Number(process.env.SECONDS ?? 4)
const WARM_UP_SECONDS = 2
const CONNECTIONS = 32
const PORT = 4770
const URL = `http://127.0.0.1:${PORT}`
/** More than a load sends. */
const APART = 20_000
const NAMES = ['ShareOut', 'Informer', 'Kragle', 'Boozles']
const SETTINGS = { SECRET_KEY: '0'.repeat(64), RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'info' }

type World = { postgres: Postgres; dialects: Dialect[]; pid: number | undefined; samples: Record<string, string> }

/** How often a second, and what one create costs the server and PostgreSQL together. */
async function measure({ postgres, dialects, pid }: Pick<World, 'postgres' | 'dialects' | 'pid'>): Promise<Sample> {
  const cpu = async () => (await treeCpuMs(Number(pid))) + (await treeCpuMs(postgres.pid))
  const sample: Sample = {}
  for (const { name, path, script } of dialects) {
    const asked = { url: URL + path, connections: CONNECTIONS, headers: HEADERS }
    await load({ ...asked, seconds: WARM_UP_SECONDS, script: script(APART) })
    const [before, began] = [await cpu(), performance.now()]
    const { perSecond } = await load({ ...asked, seconds: SECONDS, script: script(2 * APART) })
    const answers = perSecond * ((performance.now() - began) / 1000)
    Object.assign(sample, { [name]: perSecond, [`${name}Cpu`]: ((await cpu()) - before) / answers })
  }
  return sample
}

/** Runsheet makes the tables, and one job of each dialect; then `work` has what it needs. */
async function inWorld(work: (world: World & { stop(): Promise<void> }) => Promise<Sample>): Promise<Sample> {
  const postgres = await startPostgres()
  const dataDir = await newDataDir()
  let running = false
  try {
    const server = await startServer(dataDir, PORT, { DATABASE_URL: postgres.url, ...SETTINGS })
    running = true
    const stop = async () => {
      if (running) await server.stop()
      running = false
    }
    try {
      const dialects = await prepare(server.url, postgres.url)
      const samples: Record<string, string> = {}
      for (const each of dialects) samples[each.path] = await create(each)
      return await work({ postgres, dialects, samples, pid: server.child.pid, stop })
    } finally {
      await stop()
    }
  } finally {
    await postgres.stop()
    await removeDataDir(dataDir)
  }
}

/** Whatever the dialect calls it by. */
async function create({ path, body }: Dialect): Promise<string> {
  const response = await fetch(URL + path, { method: 'POST', headers: HEADERS, body: JSON.stringify(body(0)) })
  const { id, job } = (await response.json()) as { id?: string | number; job?: { id: string } }
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return String(id ?? job?.id)
}

const peer = (name: string, file: string): Competitor => ({
  name,
  measure: () =>
    inWorld(async ({ postgres, dialects, samples, stop }) => {
      await stop()
      const child = launch(process.execPath, [path.join(import.meta.dirname, 'peers', file)], {
        env: {
          ...process.env,
          DATABASE_URL: postgres.url,
          PORT: String(PORT),
          TOKEN,
          SAMPLES: JSON.stringify(samples),
        },
      })
      try {
        await untilReady(child, async () => (await fetch(`${URL}/ready`)).ok)
        return await measure({ postgres, dialects, pid: child.pid })
      } finally {
        await end(child)
      }
    }),
})

await compare({
  name: 'rest',
  metrics: NAMES.flatMap((name) => [
    { key: name, title: name, unit: '/s', better: 'more' as const, chart: true },
    { key: `${name}Cpu`, title: `${name}, CPU each`, unit: 'ms', better: 'less' as const, digits: 2 },
  ]),
  competitors: [
    { name: 'Runsheet', measure: () => inWorld(measure) },
    peer('Hono', 'hono.mjs'),
    peer('Fastify', 'fastify.mjs'),
  ],
  judge: (medians) =>
    NAMES.map((name) => {
      const ratio = medians('Runsheet', name) / medians('Hono', name)
      return { goal: `${name} ≥ 75 % of Hono`, reached: `${figure(ratio * 100)} %`, met: ratio >= 0.75 }
    }),
})
