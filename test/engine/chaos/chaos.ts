/** Three nodes, one PostgreSQL, a load and a storm; then calm, and a verdict. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { CHAOS_TOKEN, createApi } from './api.ts'
import { startLoad } from './load.ts'
import { createNode, type NodeProcess } from './node.ts'
import { startPostgres } from './postgres.ts'
import { createRandom } from './random.ts'
import { startChaosReceiver } from './receiver.ts'
import { storm, type Toll } from './storm.ts'
import { type Figures, judge } from './verdict.ts'
import { startWatcher } from './watcher.ts'

const NAMES = ['one', 'two', 'three']
/** Short, so that freezing a node often costs it its leases. */
const LEASE_SECONDS = 3
const POLL_MS = 50
const GIVE_UP_MS = 120_000

export type Outcome = { seed: number; faults: string[]; toll: Toll; figures: Figures }

export async function runChaos({ seed, seconds }: { seed: number; seconds: number }): Promise<Outcome> {
  const random = createRandom(seed)
  const postgres = await startPostgres()
  const receiver = await startChaosReceiver(createRandom(seed + 1))
  const nodes: NodeProcess[] = []
  const closing: (() => unknown)[] = []
  try {
    const env = {
      DATABASE_URL: postgres.url,
      SECRET_KEY: '0'.repeat(64),
      ADMIN_TOKEN: CHAOS_TOKEN,
      LEASE_SECONDS: String(LEASE_SECONDS),
      DRAIN_SECONDS: '2',
    }
    for (const name of NAMES) nodes.push(await createNode(name, env))
    for (const node of nodes) node.start()
    await Promise.all(nodes.map((node) => node.ready()))

    let turn = 0
    /** Each in turn; those that are known to be down are left out while there is another. */
    const anyUrl = () => {
      const up = nodes.filter((node) => node.isUp())
      return (up[turn++ % Math.max(up.length, 1)] ?? (nodes[0] as NodeProcess)).url
    }
    const watchers = [startWatcher(anyUrl), startWatcher(anyUrl)]
    closing.push(...watchers.map((watcher) => watcher.close))
    const load = await startLoad(createApi(anyUrl), receiver.url, createRandom(seed + 2))
    const toll = await storm(nodes, postgres, random, seconds)
    await Promise.all(nodes.map((node) => node.ready()))
    await load.stop()

    const client = new pg.Client(postgres.url)
    await client.connect()
    const openEvents = async () => {
      const { rows } = await client.query<{ open: boolean; events: number }>(
        `select exists (select from run_queue) or exists (select from domain_event where dispatched_at is null) as open,
          (select count(*)::int from run_event) as events`,
      )
      return rows[0]?.open || watchers.some(({ seen }) => seen.length < (rows[0]?.events ?? 0))
    }
    for (const end = Date.now() + GIVE_UP_MS; (await openEvents()) && Date.now() < end; ) await sleep(POLL_MS)
    await client.end()

    const verdict = await judge({ url: postgres.url, load, receiver, watchers })
    for (const watcher of watchers) watcher.close()
    await Promise.all(nodes.map((node) => node.stop()))
    return {
      seed,
      toll,
      figures: verdict.figures,
      faults: [...verdict.faults, ...nodes.flatMap(({ faults }) => faults)],
    }
  } finally {
    for (const close of closing) close()
    await Promise.all(nodes.map((node) => node.kill()))
    await receiver.close()
    await postgres.remove()
  }
}
