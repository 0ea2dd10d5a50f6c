/**
 * Does a run that this node has claimed: starts it, performs its actions one by one with a checkpoint after each, and
 * says how it ended. Every write carries the claim; once one is refused, the run belongs to somebody else and whatever
 * this node still knows of it is worth nothing.
 */
import { createBatch } from '../kernel/batch.ts'
import {
  advanceRun,
  type FinishedStep,
  type Outcome,
  type StartedRun,
  settleRuns,
  startRuns,
  unblockRuns,
} from '../runs/transition.ts'
import { persist } from './persist.ts'
import type { EnginePorts, EngineSettings, StepOutcome } from './ports.ts'
import type { ClaimedRun } from './queries.ts'
import { retryDelay } from './retry.ts'

/** An action that ignores its signal is left behind after this. */
const ABANDON_MS = 2_000
const BATCH = { maxSize: 200, maxInFlight: 2 }

/** Why a run's signal aborts, other than by its timeout. */
export const LOST = Symbol('the lease was lost')
export const DRAINED = Symbol('the node is stopping')

export type Execute = (claim: ClaimedRun, controller: AbortController) => Promise<void>

export function createExecute(ports: EnginePorts, { nodeId }: EngineSettings): Execute {
  const { clock, sql, perform, log, random } = ports

  const start = createBatch<ClaimedRun, StartedRun | null>(async (claims) => {
    const started = await persist(() => startRuns(sql, nodeId, claims), clock)
    const byId = new Map(started.map((run) => [run.runId, run]))
    return claims.map(({ runId }) => byId.get(runId) ?? null)
  }, BATCH)

  const settle = createBatch<Outcome, boolean>(async (outcomes) => {
    const settled = await persist(() => settleRuns(sql, { leaseOwner: nodeId }, outcomes), clock)
    await persist(() => unblockRuns(sql, [...new Set(outcomes.map(({ jobId }) => jobId))].sort()), clock)
    return outcomes.map(({ runId }) => settled.has(runId))
  }, BATCH)

  return async function execute(claim, controller) {
    const run = await start(claim)
    if (!run) return
    const cancelTimeout = clock.after(run.plan.timeout * 1000, () =>
      controller.abort(new DOMException(`the attempt took longer than ${run.plan.timeout} s`, 'TimeoutError')),
    )
    try {
      const outcome = await work(run, controller.signal)
      if (outcome && !(await settle(outcome)))
        log.warn({ runId: run.runId }, 'a result came too late: the lease was lost')
    } finally {
      cancelTimeout()
    }
  }

  /** Null when the run is no longer ours. */
  async function work(run: StartedRun, signal: AbortSignal): Promise<Outcome | null> {
    const { runId, jobId, attempt } = run
    const claim = { runId, attempt, leaseOwner: nodeId }
    for (let position = run.done.length; ; position++) {
      const result = await attemptStep(run, position, signal)
      if (signal.reason === LOST) return null
      if (signal.reason === DRAINED && !result.ok) return { runId, jobId, attempt, status: 'QUEUED', delay: 0 }
      const name = run.plan.actions[position]?.name ?? ''
      const { deliveries } = result
      if (!result.ok) {
        const { code, message } = result.failure
        const error = { code, message }
        const step: FinishedStep = { position, name, status: 'FAILED', error, deliveries }
        const delay = retryDelay(run.plan.retry, result.failure, attempt - run.losses, random())
        return delay === null
          ? { runId, jobId, attempt, step, status: 'FAILED', error }
          : { runId, jobId, attempt, step, status: 'RETRYING', error, delay }
      }
      const { output } = result
      const step: FinishedStep = { position, name, status: 'SUCCEEDED', output, deliveries }
      if (position === run.plan.actions.length - 1) return { runId, jobId, attempt, step, status: 'SUCCEEDED', output }
      if (!(await persist(() => advanceRun(sql, claim, step), clock))) return null
      run.done.push(output)
    }
  }

  async function attemptStep(run: StartedRun, position: number, signal: AbortSignal): Promise<StepOutcome> {
    const failed = (code: string, message: string, transient: boolean): StepOutcome => ({
      ok: false,
      failure: { code, message, transient },
      deliveries: [],
    })
    let cancel = () => {}
    const abandoned = new Promise<StepOutcome>((resolve) => {
      signal.addEventListener(
        'abort',
        () => {
          cancel = clock.after(ABANDON_MS, () => resolve(failed('TIMEOUT', 'the action did not stop in time', true)))
        },
        { once: true },
      )
    })
    try {
      return await Promise.race([perform(run, position, signal), abandoned])
    } catch (error) {
      log.error({ err: error, runId: run.runId, position }, 'an action threw')
      return failed('INTERNAL', 'the action failed for a reason of ours; see the log', true)
    } finally {
      cancel()
    }
  }
}
