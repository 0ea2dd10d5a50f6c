/**
 * What is under way of a run stands in its own row: of an attempt and a step rows are written when they have ended (of a
 * step also when it first reports). To a reader they look the same. The running rows are read before the ended ones: what
 * ends in between is seen twice, and what has ended counts.
 */
import type { Run, RunAttempt, RunStep } from '../db/generated/prisma/client.ts'
import type { RunPlan } from './plan.ts'

/** The columns of a run that say what is under way; all of them are set while it is RUNNING. */
export const RUNNING_FIELDS = {
  ...{ id: true, plan: true, attempt: true, attemptStartedAt: true, nodeId: true, step: true, stepStartedAt: true },
} as const

export type RunningRun = Pick<Run, keyof typeof RUNNING_FIELDS>

/** `attempts` in order, each run's open one behind its others. */
export function withOpenAttempts(running: RunningRun[], attempts: RunAttempt[]): RunAttempt[] {
  const ended = new Set(attempts.map(({ runId, attempt }) => `${runId} ${attempt}`))
  const open = running.filter(({ id, attempt }) => !ended.has(`${id} ${attempt}`))
  return [
    ...attempts,
    ...open.map(
      ({ id, attempt, nodeId, attemptStartedAt }): RunAttempt => ({
        ...{ runId: id, attempt, status: 'RUNNING', nodeId: nodeId ?? '', error: null },
        ...{ startedAt: attemptStartedAt ?? new Date(0), finishedAt: null },
      }),
    ),
  ]
}

/** `steps` in order; in place of what an earlier attempt left of the open step stands the open one. */
export function withOpenSteps(running: RunningRun[], steps: RunStep[]): RunStep[] {
  const open = new Map(running.map((run) => [run.id, run]))
  const kept = steps.filter(({ runId, position, attempt }) => {
    const run = open.get(runId)
    if (run?.step !== position) return true
    if (run.attempt > attempt) return false
    open.delete(runId)
    return true
  })
  return [...kept, ...[...open.values()].map(stepOf)]
}

function stepOf({ id, plan, attempt, step, stepStartedAt }: RunningRun): RunStep {
  const { kind, name } = (plan as RunPlan).actions[step] ?? { kind: '', name: '' }
  return {
    ...{ runId: id, position: step, kind, name, status: 'RUNNING', attempt, output: null, error: null },
    ...{ progress: null, logLines: 0, logBytes: 0, logDropped: 0 },
    ...{ startedAt: stepStartedAt ?? new Date(0), finishedAt: null },
  }
}
