/**
 * The states of a run. Pure; the statements in `transition/` are the only writers. Each change is one statement, so a
 * run's row, its queue entry, its attempt and steps and its events change together or not at all; `seq` is drawn under
 * the run's row lock, so it has no gaps.
 *
 * The fence: after a start every write names (run, attempt, lease owner) and touches only runs whose queue entry still
 * says so. A worker that lost its lease changes nothing, and sees it by its run missing from the answer.
 *
 * Lock order: jobs (sorted) → queue entries → runs. Whoever must decide about overlap holds the job's row.
 *
 * The queue is never joined: after a vacuum of the empty table the planner takes it for one row, and a join then scans
 * it from end to end. Entries are found by `= any(array(…))` on the primary key instead.
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

/** `step`: the name of the step that failed, of an error that is one's. */
export type RunError = { code: string; message: string; step?: string }
