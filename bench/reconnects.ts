/**
 * Followers of run events whose connections are cut 1,000 times, on two nodes of which one is killed (`kill -9`) or
 * stopped (SIGTERM) and started again every now and then: what each saw against the log. Real clients (graphql-ws, graphql-sse), a PostgreSQL
 * of its own with durable settings. `SEED=… node --import tsx bench/reconnects.ts`
 */
import { CHAOS_TOKEN } from '../test/engine/chaos/api.ts'
import { createNode } from '../test/engine/chaos/node.ts'
import { startPostgres } from '../test/engine/chaos/postgres.ts'
import type { Random } from '../test/engine/chaos/random.ts'
import { tryReconnects } from '../test/live/reconnects/trial.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000))
const cuts = Number(process.env.CUTS ?? 1000)
const WAYS = ['kill', 'stop', 'kill', 'stop'] as const
const FOLLOWERS_EACH = 4

const postgres = await startPostgres()
const env = { DATABASE_URL: postgres.url, SECRET_KEY: '0'.repeat(64), ADMIN_TOKEN: CHAOS_TOKEN, DRAIN_SECONDS: '1' }
const nodes = await Promise.all(['one', 'two'].map((name) => createNode(name, env)))
let restarting: Promise<void> = Promise.resolve()

let strikes = 0
/** One after the other, so that there is always a node to go to. */
function restart(random: Random): Promise<void> {
  const way = WAYS[strikes++ % WAYS.length] as (typeof WAYS)[number]
  restarting = restarting.then(async () => {
    const node = random.pick(nodes)
    await node[way]()
    node.start()
    await node.ready()
  })
  return restarting
}

try {
  for (const node of nodes) node.start()
  await Promise.all(nodes.map((node) => node.ready()))
  const started = performance.now()
  const trial = {
    databaseUrl: postgres.url,
    nodes,
    seed,
    each: FOLLOWERS_EACH,
    cuts,
    strikes: WAYS.length,
    strike: restart,
  }
  const { faults, ...told } = await tryReconnects(trial)
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`seed ${seed}, ${seconds} s`)
  console.log(
    '| followers | connections cut | nodes killed or stopped | connections made | runs | events | delivered | lost | repeated |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  const { followers, connections, runs, events, delivered, lost, repeated } = told
  const row = [followers, told.cuts, told.strikes, connections, runs, events, delivered, lost, repeated]
  console.log(`| ${row.map((figure) => figure.toLocaleString('en')).join(' | ')} |`)
  const all = [...faults, ...nodes.flatMap((node) => node.faults)]
  for (const fault of all) console.log(fault)
  process.exitCode = all.length > 0 ? 1 : 0
} finally {
  await Promise.all(nodes.map((node) => node.kill()))
  await postgres.remove()
}
