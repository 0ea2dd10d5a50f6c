/** What happens to nodes and to PostgreSQL in a history: deaths, standstills, drains, restarts, clocks that jump. */
import type { createActions } from './actions.ts'
import { LEASE_MS, type Node, startNode } from './node.ts'
import type { Observer } from './observer.ts'
import type { Users } from './users.ts'
import type { World } from './world.ts'

const KINDS = ['crash', 'crash', 'freeze', 'freeze', 'restart', 'jump', 'rewind', 'drain'] as const

/** Where a node is between two states: there it dies, stands still or loses its connection most tellingly. */
const MOMENTS = [
  'start',
  'start',
  'start',
  'start',
  'advance',
  'advance',
  'settle',
  'renew',
  'record',
  'due jobs',
  'pending events',
  'expired',
]

export type Cluster = ReturnType<typeof createCluster>

export function createCluster(world: World, actions: ReturnType<typeof createActions>) {
  const random = world.random.stream('nodes')
  const nodes: Node[] = []
  return {
    nodes,
    /** Nodes that work. */
    able: () => nodes.filter(({ process, isStopping }) => !process.dead && !isStopping()),
    async add() {
      const skew = random.between(-2_000, 2_000)
      nodes.push(await startNode(world, actions, `node-${nodes.length + 1}`, { skew, concurrency: random.int(1, 4) }))
    },
  }
}

export function planIncidents(world: World, cluster: Cluster, observer: Observer, users: Users, horizon: number) {
  const { timeline, server } = world
  const focus = world.mutant?.focus?.freeze
  const random = world.random.stream('incidents')

  const happen: Record<(typeof KINDS)[number], () => unknown> = {
    async crash() {
      await victim()?.crash()
      replace()
    },
    drain() {
      victim()?.stop()
      replace()
    },
    freeze: () => victim()?.freeze(random.pick([random.between(100, 1_000), random.between(2_000, 6_500)])),
    jump: () =>
      world.jump(Math.round(random.pick([-1, -1, 1]) * random.between(200, random.chance(0.2) ? 20_000 : 3_000))),
    /** The clock goes back behind slots that have fired, and their job is changed. */
    rewind() {
      world.jump(-random.int(1_100, 4_000))
      users.touch()
    },
    restart,
  }

  const victim = () => (cluster.able().length > 0 ? random.pick(cluster.able()) : undefined)

  function replace() {
    if (!random.chance(0.7)) return
    timeline.after(random.between(50, 1_500), () => (server.isUp && !world.faults.isCalm() ? cluster.add() : undefined))
  }

  /** Every connection breaks, every lock is gone, and for a moment nobody answers. */
  async function restart() {
    world.note('postgres', 'goes down')
    const away = random.between(20, 800)
    server.isUp = false
    server.starts++
    server.started = new Date(server.started.getTime() + 60_000)
    await world.cutAll()
    await world.database.dropLocks()
    timeline.after(away, () => {
      world.note('postgres', 'is back')
      server.isUp = true
      for (const node of cluster.able()) node.reconnect(random.between(20, 1_200))
      world.publishAll(observer.process)
    })
  }

  /** A node that stands still goes on just when another does its work. */
  function wakeSoon(sleeper: Node) {
    const since = timeline.now()
    const [moment, within] = focus
      ? [focus.until, focus.within]
      : random.pick([
          ['start', 100],
          ['start', 100],
          ['expired', 4],
        ] as const)
    world.trap((process, label) => {
      if (process === sleeper.process || label !== moment || timeline.now() < since + LEASE_MS) return undefined
      return () => timeline.after(random.between(0, within), sleeper.wake)
    })
  }

  function setTrap() {
    const moment = focus?.at ?? random.pick(MOMENTS)
    const kind = focus ? 'freeze' : random.pick(['freeze', 'freeze', 'break', 'break', 'crash'] as const)
    timeline.after(random.between(0, focus ? horizon / 2 : horizon), () =>
      world.trap((process, label) => {
        const node = cluster.able().find((each) => each.process === process)
        if (!node || label !== moment || process.frozen || world.faults.isCalm()) return undefined
        if (kind === 'break') return 'break'
        return () =>
          timeline.after(random.pick([0, random.between(0, 40)]), async () => {
            if (process.dead || process.frozen || node.isStopping()) return
            if (kind === 'crash') {
              await node.crash()
              replace()
            } else {
              node.freeze(focus ? 6_000 : random.between(LEASE_MS, 6_000))
              wakeSoon(node)
            }
          })
      }),
    )
  }
  for (let left = focus ? 3 : random.int(0, 3); left > 0; left--) setTrap()

  const count = random.pick([0, 1, 1, 2, 2, 3])
  for (let index = 0; index < count; index++) {
    const kind = random.pick(KINDS)
    timeline.after(random.between(300, horizon), () => happen[kind]())
  }
}
