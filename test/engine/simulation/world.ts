/** What all processes of a history share: time, chance, one PostgreSQL, its notifications, and the record of it all. */
import type { SimulatedDatabase, Stamp } from './database.ts'
import { createFaults } from './faults.ts'
import type { Mutant } from './mutants.ts'
import { type Bus, createLocalBus, type Topic } from './product.ts'
import { createRandom } from './random.ts'
import { createTimeline, type Process } from './timeline.ts'
import { createTrace } from './trace.ts'

export type World = ReturnType<typeof createWorld>

/** What must never be: the invariant's name, and what broke it. */
export type Violation = { invariant: string; detail: string }

/** Of the server: what a connection needs to know in order to break when it is restarted. */
type Server = { isUp: boolean; starts: number; started: Date }

/** Looks at each statement that was executed with an answer, until it does something about one. */
export type Trap = (process: Process, label: string) => 'break' | (() => unknown) | undefined

export function createWorld(options: {
  seed: string
  database: SimulatedDatabase
  base: Date
  mutant: Mutant | undefined
}) {
  const { seed, database, base, mutant } = options
  const random = createRandom(seed)
  const timeline = createTimeline(random.stream('order'))
  const trace = createTrace()
  const faults = createFaults(random.stream('faults'), mutant?.focus ?? {})
  const violations: Violation[] = []
  const server: Server = { isUp: true, starts: 1, started: new Date(base.getTime() - 3_600_000) }
  const stations = new Map<Process, ReturnType<typeof createLocalBus>>()
  /** Nodes that live, by their ids. */
  const living = new Map<string, Process>()
  const connections = new Set<{ cut(): Promise<void> }>()
  const onTheWay = new Set<string>()
  const traps: Trap[] = []
  let offset = 0
  let wentBack = false
  let latest = base.getTime()
  let statements = 0
  let mutations = 0

  const databaseNow = () => new Date(Math.floor(base.getTime() + timeline.now() + offset))

  /** What arrives while the same is on its way makes no difference. */
  function tell([process, bus]: [Process, Bus & { publish(topic: Topic): void }], topic: Topic, delay: number) {
    const key = `${process.name} ${topic}`
    if (onTheWay.has(key)) return
    onTheWay.add(key)
    timeline.after(
      delay,
      () => {
        onTheWay.delete(key)
        bus.publish(topic)
      },
      process,
    )
  }

  const world = {
    ...{ seed, random, timeline, trace, faults, database, server, violations, living, base, mutant },
    /** How many administrators take runs away from their workers at this moment. */
    releasing: 0,
    databaseNow,
    /** The latest that the database's clock ever said. */
    latest: () => new Date(Math.max(latest, databaseNow().getTime())),
    wentBack: () => wentBack,
    /** Moves the database's clock. */
    jump(ms: number) {
      latest = world.latest().getTime()
      offset += ms
      if (ms < 0) wentBack = true
      trace.add(timeline.now(), 'clock', `the database's clock jumps by ${ms} ms to ${databaseNow().toISOString()}`)
    },
    offset: () => offset,
    stamp: (actor: string): Stamp => ({
      ...{ now: databaseNow(), elapsed: timeline.now(), started: server.started, actor },
    }),
    countStatement: () => {
      statements++
    },
    statements: () => statements,
    /** A mutant did what it is there for. */
    countMutation: () => {
      mutations++
    },
    mutations: () => mutations,
    note: (who: string, what: string, more?: unknown) => trace.add(timeline.now(), who, what, more),
    violate(invariant: string, detail: string) {
      violations.push({ invariant, detail })
      trace.add(timeline.now(), 'BROKEN', `${invariant}: ${detail}`)
    },

    trap: (trap: Trap) => traps.push(trap),
    /** Calls what waits for this moment; whether the connection is to break. */
    async spring(process: Process, label: string, rows: unknown[]): Promise<boolean> {
      if (rows.length === 0) return false
      let breaks = false
      for (const trap of [...traps]) {
        const deed = trap(process, label)
        if (!deed) continue
        traps.splice(traps.indexOf(trap), 1)
        if (deed === 'break') breaks = true
        else await deed()
      }
      return breaks
    },
    connect: (pool: { cut(): Promise<void> }) => connections.add(pool),
    /** Every connection of every process ends. */
    async cutAll() {
      for (const pool of connections) await pool.cut()
    },

    /** The bus of one process. */
    station(process: Process) {
      const bus = createLocalBus()
      stations.set(process, bus)
      return bus
    },
    leave: (process: Process) => stations.delete(process),
    publish(topics: Iterable<Topic>) {
      for (const topic of new Set(topics)) {
        for (const station of stations) for (const delay of faults.arrivals()) tell(station, topic, delay)
      }
    },
    /** As after an outage: something may have been missed. */
    publishAll: (process: Process) => stations.get(process)?.publishAll(),
  }
  return world
}
