/**
 * The engine of one node. Nodes share nothing but PostgreSQL, whose clock decides what is due: each fires due slots,
 * dispatches events, claims and executes runs, renews its leases, and takes over what dead peers left.
 */
import type { Loop } from '../kernel/loop.ts'
import type { StartHere } from '../runs/start-here.ts'
import { createDispatch } from './dispatch.ts'
import { createFire } from './fire.ts'
import { type Meter, UNMETERED } from './meter.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import { createRecover } from './recover.ts'
import { createRenew } from './renew.ts'
import { createRetain } from './retain.ts'
import { createWorker } from './worker.ts'

export type Engine = {
  startHere: StartHere
  start(): void
  /** Stops claiming, waits for running work up to the drain limit, and returns the rest to the queue. */
  stop(): Promise<void>
  /** Why it does not work at the moment, or null. */
  problem(): string | null
}

export function createEngine(given: Omit<EnginePorts, 'meter'> & { meter?: Meter }, settings: EngineSettings): Engine {
  const ports: EnginePorts = { meter: UNMETERED, ...given }
  const problems = new Map<string, string>()
  const watch = (part: string) => (error: unknown) => {
    if (error === null) problems.delete(part)
    else problems.set(part, `${part}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const worker = createWorker(ports, settings, watch('claim'))
  const renew = createRenew(ports, settings, worker)
  const others: Loop[] = [
    createFire(ports, settings, worker.startHere, watch('fire')),
    createDispatch(ports, settings, worker.startHere),
    createRecover(ports, settings),
    createRetain(ports, settings),
  ]

  return {
    startHere: worker.startHere,
    start() {
      for (const part of [worker, renew, ...others]) part.wake()
    },
    async stop() {
      await Promise.all(others.map((loop) => loop.stop()))
      await worker.drain()
      await renew.stop()
    },
    problem: () => [...problems.values()][0] ?? null,
  }
}
