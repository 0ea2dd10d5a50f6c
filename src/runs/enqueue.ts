/**
 * Wanted runs → recorded ones: counts what is under way in their jobs, decides by their policies, and writes them down.
 * The caller holds the rows of the jobs, so nothing of theirs begins or ends in between.
 */
import type { OverlapPolicy } from '../db/generated/prisma/enums.ts'
import type { Sql } from '../db/sql.ts'
import { type Admission, admit, OVERLAPPED } from './overlap.ts'
import { cancelRunsOf } from './transition/cancel.ts'
import { type NewRun, recordRuns, type SkippedRun } from './transition/record.ts'
import { countActive } from './transition/waiting.ts'

/** A run, and what it does beside others of its job. */
export type WantedRun = NewRun & { policy: OverlapPolicy }

type Recorded = SkippedRun | (NewRun & Admission)

/** Those that wait for no other run of their job. */
export const unblocked = (made: Recorded[]): string[] =>
  made.flatMap((run) => ('waits' in run && !run.waits ? [run.id] : []))

/** Answers those that were made: a slot or an event that has its run already is passed over. */
export async function enqueueRuns(
  sql: Sql,
  runs: (WantedRun | SkippedRun)[],
  { cancelGraceSeconds }: { cancelGraceSeconds: number },
): Promise<Recorded[]> {
  const wanted = runs.filter((run) => 'policy' in run)
  const replacing = new Map(wanted.filter(({ policy }) => policy === 'CANCEL_RUNNING').map((run) => [run.jobId, run]))
  if (replacing.size > 0) await cancelRunsOf(sql, [...replacing.keys()], cancelGraceSeconds)
  const counted = new Set(wanted.filter(({ policy }) => policy !== 'ALLOW').map(({ jobId }) => jobId))
  const active = await countActive(sql, [...counted])
  const decided = runs.map((run): Recorded => {
    if (!('policy' in run)) return run
    const { policy, ...fields } = run
    // Of several that would replace each other only the last is ever seen.
    const replaced = policy === 'CANCEL_RUNNING' && replacing.get(run.jobId) !== run
    return { ...fields, ...(replaced ? OVERLAPPED : admit(policy, active(run.jobId), run.trigger)) }
  })
  const made = await recordRuns(sql, decided)
  return decided.filter(({ id }) => made.has(id))
}
