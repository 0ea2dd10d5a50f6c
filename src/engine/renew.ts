/**
 * Keeps the leases of what this node is doing, in one statement for all. A run that the answer lacks was taken over, and
 * its task is told. When the database cannot be reached for as long as a lease lasts, all are given up.
 */
import { createLoop, type Loop } from '../kernel/loop.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import { renewLeases } from './queries.ts'
import type { Worker } from './worker.ts'

export function createRenew({ clock, sql, log }: EnginePorts, settings: EngineSettings, worker: Worker): Loop {
  const { nodeId, leaseSeconds } = settings
  const every = (leaseSeconds * 1000) / 3.3
  let renewedAt = clock.now()

  return createLoop({
    name: 'renew',
    clock,
    log,
    async work() {
      const asked = clock.now()
      const held = worker.held()
      if (held.length > 0) {
        const ours = await renewLeases(sql, nodeId, leaseSeconds, held)
        worker.lose(held.filter((runId) => !ours.has(runId)))
      }
      renewedAt = asked
      return every
    },
    onHealth(error) {
      if (error !== null && clock.now() - renewedAt > leaseSeconds * 1000) worker.lose(worker.held())
    },
  })
}
