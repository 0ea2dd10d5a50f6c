/**
 * Keeps the leases of what this node is doing, in one statement for all. A task that the answer lacks was taken over, and
 * is told; one that somebody cancelled is asked to stop, at once when the message arrives and else with the next renewal. When there was no answer for as long as a lease lasts, all are given up: an alarm says so, as the statement
 * itself may hang for longer, on a connection whose other end is gone.
 */
import type { Clock } from '../kernel/clock.ts'
import { createLoop, type Loop } from '../kernel/loop.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import { renewLeases } from './queries.ts'
import type { Worker } from './worker.ts'

export function createRenew(
  { clock, sql, log, bus }: Pick<EnginePorts, 'clock' | 'sql' | 'log' | 'bus'>,
  { nodeId, leaseSeconds }: Pick<EngineSettings, 'nodeId' | 'leaseSeconds'>,
  worker: Pick<Worker, 'held' | 'lose' | 'cancel'>,
): Loop {
  const leaseMs = leaseSeconds * 1000
  const every = leaseMs / 3.3
  /** Cancels the alarm of the last renewal that worked or, before there was one, of the first attempt. */
  let disarm: (() => void) | undefined

  async function work(): Promise<number> {
    const held = worker.held()
    const runIds = held.map(({ runId }) => runId)
    const disarmNew = clock.after(leaseMs, () => worker.lose(worker.held()))
    try {
      const renewal = held.length > 0 ? renewLeases(sql, nodeId, leaseSeconds, runIds) : []
      const ours = new Map((await within(every, clock, renewal)).map((lease) => [lease.runId, lease]))
      worker.lose(held.filter(({ runId }) => !ours.has(runId)))
      worker.cancel(held.filter(({ runId }) => ours.get(runId)?.cancelled))
    } catch (error) {
      if (disarm) disarmNew()
      else disarm = disarmNew
      throw error
    }
    disarm?.()
    disarm = disarmNew
    return every
  }

  const loop = createLoop({ name: 'renew', clock, log, work })
  const unsubscribe = bus.subscribe('cancel', loop.wake)
  return {
    wake: loop.wake,
    async stop() {
      unsubscribe()
      await loop.stop()
      disarm?.()
    },
  }
}

async function within<Result>(ms: number, clock: Clock, work: Result | Promise<Result>): Promise<Result> {
  let cancel = () => {}
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(ms, () => reject(new Error(`PostgreSQL did not answer within ${ms} ms`)))
  })
  return Promise.race([work, late]).finally(() => cancel())
}
