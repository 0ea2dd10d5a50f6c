/** A node: the real engine on simulated ports. It can be stopped, die, stand still, and lose its server. */
import type { createActions } from './actions.ts'
import { createPool } from './pool.ts'
import { type Alarm, type Clock, createEngine, createLog, inTransaction, newId, sqlOn } from './product.ts'
import { newProcess, type Process } from './timeline.ts'
import type { World } from './world.ts'

export type Node = Awaited<ReturnType<typeof startNode>>

const LEASE_SECONDS = 2
export const LEASE_MS = LEASE_SECONDS * 1_000
export const CANCEL_GRACE_SECONDS = 1

const IDLE_IN_TRANSACTION_MS = 5_000

/** The clock of one process: off by `skew`, and its timers go with the process. `pending` counts those that may ring. */
export function clockOf(world: World, process: Process, skew: number): Clock & { pending(): number } {
  const { timeline, base, mutant } = world
  const timers = new Set<() => void>()
  return {
    now: () => Math.floor(base.getTime() + timeline.now() + skew),
    after(ms, ring) {
      if (mutant?.ignores?.(ms)) {
        world.countMutation()
        return () => {}
      }
      const cancel = timeline.after(
        ms,
        () => {
          timers.delete(off)
          ring()
        },
        process,
      )
      const off = () => {
        timers.delete(off)
        cancel()
      }
      timers.add(off)
      return off
    },
    pending: () => timers.size,
  }
}

/** A log that goes to the trace. */
export const logOf = (world: World, { name }: Process) =>
  createLog('warn', {
    write(lines: string) {
      for (const line of lines.trim().split('\n')) world.note(name, `log: ${JSON.parse(line).msg}`)
    },
  })

export async function startNode(
  world: World,
  actions: ReturnType<typeof createActions>,
  name: string,
  { skew, concurrency }: { skew: number; concurrency: number },
) {
  const { timeline, database, living } = world
  const process = newProcess(name)
  const nodeId = newId()
  const clock = clockOf(world, process, skew)
  const connections = createPool(world, process, { actor: nodeId })
  const alarm: Alarm = (at, ring) => clock.after(at.getTime() - clock.now(), ring)
  living.set(nodeId, process)
  await database.register(nodeId, world.server.started)
  const engine = createEngine(
    {
      ...{ clock, alarm, bus: world.station(process), log: logOf(world, process) },
      random: world.random.stream(name).next,
      sql: sqlOn(connections.pool),
      transaction: (work) => inTransaction(connections.pool, work),
      perform: actions.performOn(process),
      retire: async () => {},
    },
    {
      nodeId,
      concurrency,
      leaseSeconds: LEASE_SECONDS,
      drainSeconds: 1,
      cancelGraceSeconds: CANCEL_GRACE_SECONDS,
      retentionDays: 0,
      logLimits: { lines: 20, bytes: 2_000 },
    },
  )
  world.note(name, 'starts', { nodeId })
  engine.start()
  let isStopping = false

  function wake() {
    if (!process.frozen || process.dead) return
    world.note(name, 'goes on')
    timeline.thaw(process)
  }

  function leave() {
    living.delete(nodeId)
    world.leave(process)
  }

  return {
    ...{ nodeId, process, engine, connections, clock },
    isStopping: () => isStopping,
    /** As `kill -9` does it. */
    async crash() {
      world.note(name, 'dies')
      process.dead = true
      leave()
      await connections.cut()
      await database.dropLock(nodeId)
    },
    /** Stands still for a while; PostgreSQL does not wait for its transactions for ever. */
    freeze(ms: number) {
      world.note(name, `stands still for ${Math.round(ms)} ms`)
      process.frozen = true
      timeline.after(ms, wake)
      if (ms > IDLE_IN_TRANSACTION_MS) timeline.after(IDLE_IN_TRANSACTION_MS, () => connections.cut())
    },
    wake,
    /** SIGTERM. Resolves when it is gone. */
    async stop(): Promise<void> {
      isStopping = true
      world.note(name, 'is asked to stop')
      await engine.stop()
      // An event of its own: nothing else happens while the row goes.
      await new Promise<void>((resolve) => {
        timeline.after(1, async () => {
          await database.dropLock(nodeId)
          await database.forget(nodeId)
          leave()
          world.note(name, 'has stopped')
          resolve()
        })
      })
    },
    /** Its session is lost with the server, and opened again when that is back. */
    reconnect(delay: number) {
      timeline.after(
        delay,
        async () => {
          if (!living.has(nodeId)) return
          await database.register(nodeId, world.server.started)
          world.publishAll(process)
        },
        process,
      )
    },
  }
}
