/**
 * Claims runs for the free places of this node and executes them. It claims no more than it can start at once, so a
 * slow action here never holds up work that another node could do.
 */
import { createLoop } from '../kernel/loop.ts'
import { type ClaimedRun, claimLimitedRuns, claimRuns, nextAvailable } from './claim.ts'
import { CANCELLED, createExecute, DRAINED, LOST } from './execute.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import { releaseClaims } from './queries.ts'

const SWEEP_MS = 5_000
/** What is due is locked by somebody, who is quick. */
const BUSY_MS = 20
/** Runs wait for room under a limit, which the end of others makes, or for their time. */
const LIMITED_MS = 500
/** So many times `concurrency` may be in hand, counting runs whose actions are done and whose results are being written. */
const IN_HAND = 4

/** One execution of a run. The same run may come back to this node, as another task. */
export type Task = { runId: string; controller: AbortController; done: Promise<void> }

export type Worker = ReturnType<typeof createWorker>

export function createWorker(ports: EnginePorts, settings: EngineSettings, onHealth: (error: unknown) => void) {
  const { clock, sql, transaction, log, bus } = ports
  const { nodeId, concurrency, leaseSeconds, drainSeconds } = settings
  const execute = createExecute(ports, settings)
  const tasks = new Map<string, Task>()
  /** Tasks whose actions are not done yet: only those take up a place. */
  let working = 0
  let stopping = false
  /** Whether runs with a limit were there when we last looked, and whether they go first: in turn, so that nobody starves. */
  let limited = false
  let limitedFirst = false

  const loop = createLoop({ name: 'claim', clock, log, work: claim, onHealth })
  const unsubscribe = bus.subscribe('queue', loop.wake)

  async function claim(): Promise<number | null> {
    const free = Math.min(concurrency - working, IN_HAND * concurrency - tasks.size)
    if (free <= 0 || stopping) return null
    const { claims, busy } = await take(free)
    if (stopping) {
      await releaseClaims(sql, nodeId, claims)
      return null
    }
    for (const each of claims) begin(each)
    if (claims.length === free) return null
    if (busy) return BUSY_MS
    const wait = (await nextAvailable(sql)) ?? SWEEP_MS
    return Math.min(Math.max(Math.ceil(wait), claims.length > 0 ? 0 : BUSY_MS), limited ? LIMITED_MS : SWEEP_MS)
  }

  /** `busy`: another node has the runs with a limit in hand. */
  async function take(places: number): Promise<{ claims: ClaimedRun[]; busy: boolean }> {
    limitedFirst = limited && !limitedFirst
    const first = limitedFirst ? await takeLimited(places) : []
    const left = places - (first?.length ?? 0)
    const free = left > 0 ? await claimRuns(sql, nodeId, leaseSeconds, left) : { claims: [], limited }
    limited = free.limited
    const rest = left - free.claims.length
    const last = limited && !limitedFirst && rest > 0 ? await takeLimited(rest) : []
    return { claims: [...(first ?? []), ...free.claims, ...(last ?? [])], busy: first === null || last === null }
  }

  const takeLimited = (places: number) => transaction((sql) => claimLimitedRuns(sql, nodeId, leaseSeconds, places))

  function begin(claimed: ClaimedRun) {
    const { runId } = claimed
    // A run that was lost and comes back to this node: the earlier task is fenced out, and must not unregister the new one.
    tasks.get(runId)?.controller.abort(LOST)
    const controller = new AbortController()
    let leavePlace = () => {
      leavePlace = () => {}
      working--
      loop.wake()
    }
    working++
    const done = execute(claimed, controller, () => leavePlace())
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
      await loop.stop()
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
