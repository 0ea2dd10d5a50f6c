/**
 * The outbox of domain events → runs of the jobs that wait for them. Events and their runs change in one transaction,
 * and (job, event) is unique: however often a node dies in between, each event job gets exactly one run per event.
 */
import type { Sql } from '../db/sql.ts'
import { MAX_CHAIN } from '../events/spec.ts'
import { newId } from '../kernel/ids.ts'
import { createLoop, type Loop } from '../kernel/loop.ts'
import { enqueueRuns, unblocked } from '../runs/enqueue.ts'
import { DEFAULT_OVERLAP } from '../runs/overlap.ts'
import type { Start, StartHere } from '../runs/start-here.ts'
import { countSkipped } from './meter.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import { lockListeners, lockPendingEvents, markDispatched } from './queries.ts'

const BATCH = 50
const SWEEP_MS = 5_000
const skipped = (skipReason: 'OUT_OF_WINDOW' | 'LOOP') => ({ skipReason, skippedCount: 1 }) as const

export function createDispatch(
  { clock, log, bus, meter, transaction }: EnginePorts,
  settings: EngineSettings,
  startHere: StartHere,
): Loop {
  const loop = createLoop({ name: 'dispatch', clock, log, work })
  const unsubscribe = bus.subscribe('outbox', loop.wake)

  async function work(): Promise<number> {
    const { events, made } = await startHere((start) => transaction((sql) => dispatch(sql, start)))
    countSkipped(meter, made)
    return events === BATCH ? 0 : SWEEP_MS
  }

  async function dispatch(sql: Sql, start: Start) {
    const pending = await lockPendingEvents(sql, BATCH)
    if (pending.length === 0) return { events: 0, made: [] }
    const listeners = await lockListeners(sql, pending)
    const runs = listeners.map(({ eventId, jobId, depth, overlap, outOfWindow }) => ({
      ...{ id: newId(), jobId, trigger: 'EVENT' as const, domainEventId: eventId },
      ...(depth >= MAX_CHAIN
        ? skipped('LOOP')
        : outOfWindow
          ? skipped('OUT_OF_WINDOW')
          : { policy: overlap ?? DEFAULT_OVERLAP.EVENT }),
    }))
    const made = await enqueueRuns(sql, runs, settings)
    await markDispatched(
      sql,
      pending.map(({ id }) => id),
    )
    await start(sql, unblocked(made))
    return { events: pending.length, made }
  }

  return {
    wake: loop.wake,
    async stop() {
      unsubscribe()
      await loop.stop()
    },
  }
}
