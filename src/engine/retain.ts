/**
 * Retention: what is older than it need be kept goes, first runs, then the domain events that started them, then deleted
 * jobs. In small transactions with pauses between them, so that the engine never waits for it, and by one node at a
 * time: who finds another at it leaves it to that one.
 */
import { createLoop, type Loop } from '../kernel/loop.ts'
import { type Edge, FIRST_ID, type Forgotten, forgetEvents, forgetJobs, forgetRuns, lockEdge } from '../runs/forget.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'

const EVERY_MS = 300_000
const PAUSE_MS = 100

type Kind = 'runs' | 'events' | 'jobs'
type Forget = (sql: Parameters<typeof lockEdge>[0], edge: Edge, after: string) => Promise<Forgotten>

const forget: Record<Kind, Forget> = { runs: forgetRuns, events: forgetEvents, jobs: forgetJobs }

/** A run needs its event and its job, so they go later. */
const following: Record<Kind, Kind | null> = { runs: 'events', events: 'jobs', jobs: null }

/** How far a pass has come. */
type Place = { kind: Kind; after: string }
const START: Place = { kind: 'runs', after: FIRST_ID }

export function createRetain(
  { clock, log, transaction }: Pick<EnginePorts, 'clock' | 'log' | 'transaction'>,
  { retentionDays }: Pick<EngineSettings, 'retentionDays'>,
): Loop {
  let place = START

  async function work(): Promise<number | null> {
    if (retentionDays === 0) return null
    const { kind, after } = place
    const forgotten = await transaction(async (sql) => {
      const edge = await lockEdge(sql, retentionDays)
      return edge && forget[kind](sql, edge, after)
    })
    if (forgotten && forgotten.count > 0) log.info({ [kind]: forgotten.count }, 'old history was forgotten')
    const next = forgotten && placeBehind(kind, forgotten)
    place = next ?? START
    return next ? PAUSE_MS : EVERY_MS
  }

  return createLoop({ name: 'retain', clock, log, work })
}

function placeBehind(kind: Kind, { next }: Forgotten): Place | null {
  if (next !== null) return { kind, after: next }
  const later = following[kind]
  return later && { kind: later, after: FIRST_ID }
}
