/**
 * Starts runs for the free places of this node and executes them. It takes no more than it has places for, so a slow
 * action here never holds up work that another node could do.
 */
import { createLoop } from '../kernel/loop.ts'
import type { Start } from '../runs/start-here.ts'
import { settleRuns } from '../runs/transition/settle.ts'
import type { StartedRun } from '../runs/transition/start.ts'
import { claimLimitedRuns, claimRuns, nextAvailable, startQueued } from './claim.ts'
import { CANCELLED, createExecute, DRAINED, LOST } from './execute.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import { straysOfNode } from './queries.ts'

const SWEEP_MS = 5_000
/** What is due is locked by somebody, who is quick. */
const BUSY_MS = 20
/** Runs wait for room under a limit, which the end of others makes, or for their time. */
const LIMITED_MS = 500
/**
 * While more waits than there are places, those are filled by this part of them, or after so long: a statement for each
 * place that becomes free would cost more than it gains.
 */
const REFILL = { part: 1 / 4, ms: 5 }
/** So many times `concurrency` may be in hand, counting runs whose actions are done and whose results are being written. */
const IN_HAND = 4

/** One execution of a run. The same run may come back to this node, as another task. */
export type Task = { runId: string; controller: AbortController; done: Promise<void> }

export type Worker = ReturnType<typeof createWorker>

export function createWorker(ports: EnginePorts, settings: EngineSettings, onHealth: (error: unknown) => void) {
  const { clock, sql, transaction, log, bus, meter } = ports
  const { nodeId, concurrency, leaseSeconds, drainSeconds } = settings
  const execute = createExecute(ports, settings)
  const tasks = new Map<string, Task>()
  /** Tasks whose actions are not done yet: only those take up a place. */
  let working = 0
  let stopping = false
  /** Whether runs with a limit were there when we last looked, and whether they go first: in turn, so that nobody starves. */
  let limited = false
  let limitedFirst = false
  /** When a statement last found more than there were places for; null: it did not. */
  let fullAt: number | null = null
  /** A statement whose answer was lost may have started runs of which nobody here knows. */
  let mayHaveStrays = false
  /** Ends of transactions that start what they queue: until they are over, what they have started looks like a stray. */
  const starting = new Set<Promise<void>>()

  const loop = createLoop({ name: 'claim', clock, log, work: claim, onHealth })
  const unsubscribe = bus.subscribe('queue', loop.wake)

  async function claim(): Promise<number | null> {
    const free = places()
    if (free <= 0 || stopping) return null
    const early = fullAt !== null && free < concurrency * REFILL.part ? fullAt + REFILL.ms - clock.now() : 0
    if (early > 0) return early
    if (mayHaveStrays && starting.size > 0) return BUSY_MS
    if (mayHaveStrays) await giveBackStrays()
    const { count, busy } = await take(free)
    fullAt = count === free ? clock.now() : null
    if (count === free) return null
    if (busy) return BUSY_MS
    const wait = (await nextAvailable(sql)) ?? SWEEP_MS
    return Math.min(Math.max(Math.ceil(wait), count > 0 ? 0 : BUSY_MS), limited ? LIMITED_MS : SWEEP_MS)
  }

  const places = () => Math.min(concurrency - working, IN_HAND * concurrency - tasks.size)

  /** What may have started runs, though it failed. */
  async function noticing<Result>(start: Promise<Result>): Promise<Result> {
    try {
      return await start
    } catch (error) {
      mayHaveStrays = true
      throw error
    }
  }

  /** They are taken back uncounted, as nothing of them was done. */
  async function giveBackStrays() {
    const strays = await straysOfNode(sql, nodeId, [...tasks.keys()])
    const outcomes = strays.map((run) => ({ ...run, status: 'QUEUED' as const, delay: 0 as const }))
    if (outcomes.length > 0) await settleRuns(sql, { leaseOwner: nodeId }, outcomes)
    mayHaveStrays = false
  }

  /** `busy`: another node has the runs with a limit in hand. */
  async function take(places: number): Promise<{ count: number; busy: boolean }> {
    limitedFirst = limited && !limitedFirst
    const first = limitedFirst ? await takeLimited(places) : 0
    let left = places - (first ?? 0)
    if (left > 0) left -= await takeFree(left)
    const last = limited && !limitedFirst && left > 0 ? await takeLimited(left) : 0
    return { count: places - left + (last ?? 0), busy: first === null || last === null }
  }

  async function takeFree(places: number): Promise<number> {
    const { runs, limited: others } = await noticing(claimRuns(sql, nodeId, leaseSeconds, places))
    limited = others
    for (const run of runs) begin(run)
    return runs.length
  }

  /** Null: another node is at it. */
  async function takeLimited(places: number): Promise<number | null> {
    const runs = await noticing(transaction((sql) => claimLimitedRuns(sql, nodeId, leaseSeconds, places)))
    for (const run of runs ?? []) begin(run)
    return runs?.length ?? null
  }

  /** Where others wait for the places that are free, new runs wait behind them. */
  async function startHere<Result>(work: (start: Start) => Promise<Result>): Promise<Result> {
    let reserved = 0
    let giveBack = () => {}
    let started: StartedRun[] = []
    try {
      const result = await work(async (sql, runIds) => {
        if (stopping || mayHaveStrays || fullAt !== null) return
        reserved = Math.min(places(), runIds.length)
        if (reserved <= 0) return
        giveBack = reserve(reserved)
        started = await startQueued(sql, nodeId, leaseSeconds, runIds.slice(0, reserved))
      })
      for (const run of started) begin(run)
      return result
    } catch (error) {
      mayHaveStrays ||= reserved > 0
      throw error
    } finally {
      giveBack()
      if (started.length < reserved) loop.wake()
    }
  }

  function reserve(count: number): () => void {
    working += count
    let end = () => {}
    const over = new Promise<void>((resolve) => {
      end = resolve
    })
    starting.add(over)
    return () => {
      working -= count
      starting.delete(over)
      end()
    }
  }

  function begin(run: StartedRun) {
    const { runId } = run
    meter.began(run.delay)
    // A run that was lost and comes back to this node: the earlier task is fenced out, and must not unregister the new one.
    tasks.get(runId)?.controller.abort(LOST)
    const controller = new AbortController()
    let leavePlace = () => {
      leavePlace = () => {}
      working--
      loop.wake()
    }
    working++
    const done = execute(run, controller, () => leavePlace())
      .catch((error) => log.error({ err: error, runId }, 'a run could not be recorded; its lease will run out'))
      .finally(() => {
        leavePlace()
        if (tasks.get(runId)?.controller !== controller) return
        tasks.delete(runId)
        loop.wake()
      })
    tasks.set(runId, { runId, controller, done })
  }

  return {
    wake: loop.wake,
    startHere,
    /** What is in hand. */
    held: () => [...tasks.values()],
    /** Ends tasks whose lease is gone; their results would be refused. */
    lose(lost: Task[]) {
      for (const { controller } of lost) controller.abort(LOST)
    },
    /** Asks tasks to stop; what they come to is written down. */
    cancel(cancelled: Task[]) {
      for (const { controller } of cancelled) controller.abort(CANCELLED)
    },
    /** Claims no more, waits for what is running, and gives the rest back uncounted. */
    async drain() {
      stopping = true
      unsubscribe()
      await Promise.all([loop.stop(), ...starting])
      const running = [...tasks.values()]
      const all = Promise.all(running.map(({ done }) => done))
      let cancel = () => {}
      const deadline = new Promise<void>((resolve) => {
        cancel = clock.after(drainSeconds * 1000, resolve)
      })
      await Promise.race([all, deadline])
      cancel()
      for (const { controller } of running) controller.abort(DRAINED)
      await all
    },
  }
}
