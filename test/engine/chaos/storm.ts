/** The seeded schedule of what befalls nodes and PostgreSQL. Chance decides what, whom and when; time may shift a little. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeProcess } from './node.ts'
import type { OwnPostgres } from './postgres.ts'
import type { Random } from './random.ts'

const BREATH_MS = [100, 1_500] as const
const DOWN_MS = [0, 2_500] as const
/** Up to twice the lease of the nodes. */
const FROZEN_MS = [500, 6_000] as const
const AWAY_MS = [0, 2_500] as const

const FAULTS = [
  'kill',
  'kill',
  'kill',
  'kill',
  'terminate',
  'terminate',
  'freeze',
  'freeze',
  'freeze',
  'restart',
  'crash',
] as const

export type Toll = Record<(typeof FAULTS)[number], number>

export async function storm(nodes: NodeProcess[], postgres: OwnPostgres, random: Random, seconds: number) {
  const toll: Toll = { kill: 0, terminate: 0, freeze: 0, restart: 0, crash: 0 }
  const underWay = new Set<Promise<void>>()
  const hit = new Set<NodeProcess | OwnPostgres>()

  /** One thing at a time for each, and the next when it is well again: on a slow machine too there is something to break. */
  function befall(whom: NodeProcess | OwnPostgres, what: keyof Toll, work: () => Promise<void>) {
    if (hit.has(whom)) return
    toll[what]++
    hit.add(whom)
    const done = work().finally(() => {
      hit.delete(whom)
      underWay.delete(done)
    })
    underWay.add(done)
  }

  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(random.between(...BREATH_MS))) {
    const what = random.pick(FAULTS)
    const node = random.pick(nodes)
    const down = random.between(...DOWN_MS)
    const frozen = random.between(...FROZEN_MS)
    const away = random.between(...AWAY_MS)
    if (what === 'restart' || what === 'crash') {
      befall(postgres, what, async () => {
        await postgres.stop(what === 'crash' ? 'crash' : 'fast')
        await sleep(away)
        await postgres.start()
        await Promise.all(nodes.filter((each) => !hit.has(each)).map((each) => each.ready()))
      })
    } else {
      befall(node, what, async () => {
        if (what === 'freeze') {
          node.freeze()
          await sleep(frozen)
          node.thaw()
        } else {
          await (what === 'kill' ? node.kill() : node.stop())
          await sleep(down)
          node.start()
        }
        await node.ready()
      })
    }
  }
  await Promise.all(underWay)
  return toll
}
