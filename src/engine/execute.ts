/**
 * Does a run that this node has started: performs its actions one by one with a checkpoint after each, and says how it
 * ended. One that was cancelled in its last action, and succeeded all the same, has succeeded. Every write
 * carries the claim; once one is refused, the run belongs to somebody else and whatever this node still knows of it is
 * worth nothing.
 */
import { createBatch } from '../kernel/batch.ts'
import { isFinal } from '../runs/states.ts'
import { CANCELLED as CANCELLED_ERROR } from '../runs/transition/cancel.ts'
import { type Outcome, settleRuns } from '../runs/transition/settle.ts'
import type { StartedRun } from '../runs/transition/start.ts'
import { advanceRun, type FinishedStep } from '../runs/transition/steps.ts'
import { unblockRuns } from '../runs/transition/waiting.ts'
import { countEnded } from './meter.ts'
import { isPassing, persist } from './persist.ts'
import type { EnginePorts, EngineSettings, StepOutcome } from './ports.ts'
import { createReporting } from './report.ts'
import { retryDelay } from './retry.ts'

/** An action that ignores its signal is left behind after this. */
const ABANDON_MS = 2_000
const BATCH = { maxSize: 200, maxInFlight: 1 }

/** Why a run's signal aborts, other than by its timeout. */
export const LOST = Symbol('the lease was lost')
export const DRAINED = Symbol('the node is stopping')
export const CANCELLED = Symbol('somebody cancelled it')

const UNRECORDABLE = { code: 'INTERNAL', message: 'the result could not be stored; see the log' }

/** `onPerformed` is called when its actions are done, before that is written down. */
export type Execute = (run: StartedRun, controller: AbortController, onPerformed: () => void) => Promise<void>

export function createExecute(ports: EnginePorts, settings: EngineSettings): Execute {
  const { nodeId, cancelGraceSeconds } = settings
  const { clock, sql, perform, retire, meter, log, random } = ports

  const reportOf = createReporting(ports, settings)

  const settle = createBatch<Outcome, boolean>(async (outcomes) => {
    const settled = await record(outcomes)
    const jobIds = new Set(outcomes.flatMap(({ jobId, status }) => (isFinal(status) ? [jobId] : [])))
    await persist(() => unblockRuns(ports, [...jobIds]), clock)
    return outcomes.map(({ runId }) => settled.has(runId))
  }, BATCH)

  /** What PostgreSQL cannot keep (JSON with a NUL, say) fails its own run, and none of those that share its statement. */
  async function record(outcomes: Outcome[]): Promise<Set<string>> {
    try {
      const settled = await persist(() => settleRuns(sql, { leaseOwner: nodeId }, outcomes), clock)
      countEnded(meter, outcomes, settled)
      return settled
    } catch (error) {
      const [first] = outcomes
      if (!first || isPassing(error)) throw error
      if (outcomes.length > 1) {
        const parts = outcomes.map((outcome) => record([outcome]))
        return new Set((await Promise.all(parts)).flatMap((part) => [...part]))
      }
      if (first.status === 'FAILED' && first.error === UNRECORDABLE) throw error
      return record([unrecordable(first, error)])
    }
  }

  function unrecordable(
    { runId, jobId, attempt }: Pick<Outcome, 'runId' | 'jobId' | 'attempt'>,
    error: unknown,
  ): Outcome {
    log.error({ err: error, runId }, 'what a run came to could not be stored')
    return { runId, jobId, attempt, status: 'FAILED', error: UNRECORDABLE }
  }

  return async function execute(run, controller, onPerformed) {
    const { timeout } = run.plan
    const cancelTimeout =
      timeout === null
        ? () => {}
        : clock.after(timeout * 1000, () =>
            controller.abort(new DOMException(`the attempt took longer than ${timeout} s`, 'TimeoutError')),
          )
    try {
      const outcome = await work(run, controller.signal)
      onPerformed()
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
      const isLast = position === run.plan.actions.length - 1
      if (signal.reason === CANCELLED && !(result.ok && isLast)) {
        const error = CANCELLED_ERROR
        const step: FinishedStep = result.ok
          ? { position, name, status: 'SUCCEEDED', ...kept(result), deliveries }
          : { position, name, status: 'FAILED', error, deliveries }
        return { runId, jobId, attempt, step, status: 'CANCELLED', error }
      }
      if (!result.ok) {
        const { code, message, gone } = result.failure
        const step: FinishedStep = { position, name, status: 'FAILED', error: { code, message }, deliveries }
        const error = { code, message, step: name }
        if (gone) await giveUp(run, message)
        const delay = retryDelay(run.plan.retry, result.failure, attempt - run.losses, random())
        return delay === null
          ? { runId, jobId, attempt, step, status: 'FAILED', error }
          : { runId, jobId, attempt, step, status: 'RETRYING', error, delay }
      }
      const { output } = result
      const step: FinishedStep = { position, name, status: 'SUCCEEDED', ...kept(result), deliveries }
      if (isLast) return { runId, jobId, attempt, step, status: 'SUCCEEDED', output }
      try {
        if (!(await persist(() => advanceRun(sql, claim, step), clock))) return null
      } catch (error) {
        if (isPassing(error)) throw error
        return unrecordable(run, error)
      }
      run.done.push(output)
    }
  }

  /** What becomes of the job is not what becomes of the run: that is settled in any case. */
  async function giveUp(run: StartedRun, reason: string) {
    await persist(() => retire(run, reason), clock).catch((error) => {
      log.error({ err: error, jobId: run.jobId }, 'a job that nobody wants any more could not be paused')
    })
  }

  async function attemptStep(run: StartedRun, position: number, signal: AbortSignal): Promise<StepOutcome> {
    const failed = (code: string, message: string, transient: boolean): StepOutcome => ({
      ok: false,
      failure: { code, message, transient },
      deliveries: [],
    })
    if (signal.aborted) return failed('TIMEOUT', 'no time was left for this step', true)
    const said = reportOf({ runId: run.runId, attempt: run.attempt, position })
    let cancel = () => {}
    let onAbort = () => {}
    const abandoned = new Promise<StepOutcome>((resolve) => {
      onAbort = () => {
        const patience = signal.reason === CANCELLED ? cancelGraceSeconds * 1000 : ABANDON_MS
        cancel = clock.after(patience, () => resolve(failed('TIMEOUT', 'the action did not stop in time', true)))
      }
      signal.addEventListener('abort', onAbort)
    })
    try {
      return await Promise.race([perform(run, position, signal, said.report), abandoned])
    } catch (error) {
      log.error({ err: error, runId: run.runId, position }, 'an action threw')
      return failed('INTERNAL', 'the action failed for a reason of ours; see the log', true)
    } finally {
      signal.removeEventListener('abort', onAbort)
      cancel()
      await said.close()
    }
  }
}

const kept = ({ output, warnings }: { output: unknown; warnings?: string[] }) => ({
  output,
  ...(warnings && { warnings }),
})
