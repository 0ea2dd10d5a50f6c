/**
 * Takes over the runs of workers that are gone, and ends cancelled ones that nobody else will. A process that died is missed by its lock (twice, a moment apart); one
 * that is frozen or cut off is missed by its lease. Whether it was really gone does not matter for what is written: its
 * claim is fenced out by the first statement that takes it away.
 */
import { createLoop, type Loop } from '../kernel/loop.ts'
import { MAX_LOSSES } from '../runs/states.ts'
import { CANCELLED, cancelRuns } from '../runs/transition/cancel.ts'
import { type Outcome, settleRuns } from '../runs/transition/settle.ts'
import { unblockRuns } from '../runs/transition/waiting.ts'
import { countEnded } from './meter.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'
import {
  type AbandonedRun,
  endJobs,
  expiredRuns,
  forgetNode,
  type HeldRun,
  missingNodes,
  overdueCancels,
  runsOfNode,
  stuckJobs,
} from './queries.ts'

const POLL_MS = 250
/** Every so many polls the leases and what a crash left blocked are looked at. */
const SWEEP_EVERY = 4
const ERROR = { code: 'LOST', message: 'the worker died or lost its lease' }

export function createRecover(ports: EnginePorts, { nodeId, cancelGraceSeconds }: EngineSettings): Loop {
  const { clock, sql, transaction, meter, log } = ports
  let missed = new Set<string>()
  let polls = 0

  async function work(): Promise<number> {
    const missing = await missingNodes(sql, nodeId)
    for (const node of missing.filter((id) => missed.has(id))) {
      log.warn({ node }, 'a node is gone; taking over its runs')
      await takeOver(await runsOfNode(sql, node), false)
      await forgetNode(sql, node)
    }
    missed = new Set(missing)
    if (polls++ % SWEEP_EVERY === 0) {
      await takeOver(await expiredRuns(sql), true)
      await endCancelled()
      await unblockRuns(ports, await stuckJobs(sql))
      await endJobs(transaction)
    }
    return POLL_MS
  }

  async function takeOver(runs: AbandonedRun[], expiredOnly: boolean) {
    for (const leaseOwner of new Set(runs.map((run) => run.leaseOwner))) {
      const theirs = runs.filter((run) => run.leaseOwner === leaseOwner)
      const outcomes = theirs.map(lost)
      const taken = await settleRuns(sql, { leaseOwner, expiredOnly }, outcomes)
      meter.lost(taken.size)
      countEnded(meter, outcomes, taken)
      if (taken.size > 0) log.warn({ node: leaseOwner, runs: taken.size }, 'attempts were lost')
      await unblockRuns(ports, [...new Set(theirs.map(({ jobId }) => jobId))])
    }
  }

  /** Their workers died, gave them back, or do not stop. */
  async function endCancelled() {
    const runs = await overdueCancels(sql)
    if (runs.length === 0) return
    const cancelled = await cancelRuns(
      sql,
      runs.filter(({ leaseOwner }) => leaseOwner === null),
      cancelGraceSeconds,
    )
    for (const { ended } of cancelled) if (ended) meter.ended('CANCELLED')
    for (const leaseOwner of new Set(runs.flatMap((run) => run.leaseOwner ?? []))) {
      const theirs = runs.filter((run) => run.leaseOwner === leaseOwner)
      const outcomes = theirs.map(forced)
      countEnded(meter, outcomes, await settleRuns(sql, { leaseOwner }, outcomes))
    }
    await unblockRuns(ports, [...new Set(runs.map(({ jobId }) => jobId))])
  }

  return createLoop({ name: 'recover', clock, log, work })
}

function lost({ runId, jobId, attempt, losses }: AbandonedRun): Outcome {
  const run = { runId, jobId, attempt, error: ERROR, lost: true as const }
  return losses + 1 >= MAX_LOSSES ? { ...run, status: 'FAILED' } : { ...run, status: 'RETRYING', delay: 0 }
}

const forced = ({ runId, jobId, attempt }: HeldRun): Outcome => ({
  ...{ runId, jobId, attempt, status: 'CANCELLED' as const },
  error: { ...CANCELLED, message: `${CANCELLED.message}, and its action did not stop in time` },
})
