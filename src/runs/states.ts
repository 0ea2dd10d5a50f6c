/**
 * The states of a run. Pure; `transition.ts` is the only writer.
 *
 *   QUEUED ⇄ RUNNING → RETRYING → RUNNING …
 *     │         ├→ SUCCEEDED | FAILED | CANCELLED
 *     │         ├→ RETRYING  (the attempt failed and may be tried again, or its worker was lost)
 *     │         └→ QUEUED    (the node was drained; the attempt is not counted)
 *     └→ CANCELLED | SKIPPED
 */
import type { RunEventKind, RunStatus } from '../db/generated/prisma/enums.ts'

/** Whether a run in this state never changes again. */
const final: Record<RunStatus, boolean> = {
  QUEUED: false,
  RUNNING: false,
  RETRYING: false,
  SUCCEEDED: true,
  FAILED: true,
  CANCELLED: true,
  SKIPPED: true,
}

export const isFinal = (status: RunStatus): boolean => final[status]

/** After an event of these kinds comes no other of the same run. */
export const isTerminal = (kind: RunEventKind): boolean => kind in final && final[kind as RunStatus]

/** A run ends FAILED(LOST) when it has lost this many workers: it probably kills them. */
export const MAX_LOSSES = 5

export type RunError = { code: string; message: string }
