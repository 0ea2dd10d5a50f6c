/** Reports from outside: whoever does the work of a step, the receiver of a webhook say, tells how far it is. */
import type pg from 'pg'
import type { PrismaClient, RunStep } from '../db/generated/prisma/client.ts'
import { inTransaction } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import type { JobRights } from '../jobs/rights.ts'
import { systemClock } from '../kernel/clock.ts'
import { ConflictError, LimitError, NotFoundError } from '../kernel/errors.ts'
import { createTurns } from '../kernel/turns.ts'
import { validate } from '../kernel/validate.ts'
import type { ReportPasses } from './report-passes.ts'
import { type LogLimits, lineOf, progressOf, REPORT_INTERVAL_MS } from './reporting.ts'
import { requireRun } from './require-run.ts'
import { type ReportStepInput, reportSpec, reportStepSpec, type Said } from './spec.ts'
import { type Reported, reportSteps, type StepReported } from './transition/report.ts'

/** Reports of one step that wait on this node. */
const MOST_WAITING = 20
/** A step that has just begun is not seen by a statement that waited for the end of the one before it. */
const TRIES = 3

type Given = { runId: string; attempt: number | null; position: number | null } & Pick<
  StepReported,
  'progress' | 'lines'
>

export function createRunReports(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  rights: JobRights
  reportPasses: Pick<ReportPasses, 'open'>
  settings: { logLimits: LogLimits }
}) {
  const { prisma, pool, settings } = deps
  const { logLimits } = settings

  const write = createTurns<Given, Reported>(writeTogether, {
    ...{ clock: systemClock, intervalMs: REPORT_INTERVAL_MS, mostWaiting: MOST_WAITING },
    tooMany: `${MOST_WAITING} reports of this step wait already: a step may report ${1000 / REPORT_INTERVAL_MS} times a second`,
  })

  /** Reports of one step as one: its lines, and the newest progress. */
  async function writeTogether(reports: Given[]): Promise<Reported> {
    const report: StepReported = {
      ...reports.reduce(together),
      ...{ leaseOwner: null, whole: true, dropped: 0, last: false },
    }
    for (let tries = TRIES; tries > 0; tries--) {
      const [written] = await inTransaction(pool, (sql) => reportSteps(sql, logLimits, [report]))
      if (written) return written
      await requireRoom(report)
    }
    throw new ConflictError('the step is not under way', 'STEP_OVER')
  }

  /** Says why a report was refused, unless it would be taken now. */
  async function requireRoom({ runId, attempt, position, lines }: StepReported): Promise<void> {
    const run = await prisma.run.findUnique({ where: { id: runId }, include: { steps: true } })
    if (run?.status !== 'RUNNING') {
      throw new ConflictError(`the run is ${run?.status ?? 'gone'}: nothing of it is under way`, 'NOT_RUNNING')
    }
    if (attempt !== null && attempt !== run.attempt) {
      throw new ConflictError(`attempt ${run.attempt} is under way, not ${attempt}`, 'ATTEMPT')
    }
    if (position !== null && run.step !== position) {
      throw new ConflictError(`step ${run.step} is under way, not ${position}`, 'STEP_OVER')
    }
    const open = run.steps.find(({ status }) => status === 'RUNNING')
    const bytes = lines.reduce((sum, { message }) => sum + Buffer.byteLength(message), 0)
    if (open && (open.logLines + lines.length > logLimits.lines || open.logBytes + bytes > logLimits.bytes)) {
      throw new LimitError(
        `the log of a step has at most ${logLimits.lines} lines (MAX_STEP_LOG_LINES) of ${logLimits.bytes} bytes together (MAX_STEP_LOG_BYTES)`,
      )
    }
  }

  const writeOf = (step: Pick<Given, 'runId' | 'attempt' | 'position'>, { progress, logs }: Said) =>
    write(`${step.runId} ${step.attempt} ${step.position}`, {
      ...step,
      progress: progress ? progressOf(progress) : null,
      lines: (logs ?? []).map(({ level, message }) => lineOf(level, message)),
    })

  return {
    /**
     * Tells how far the step is that a run is at, and adds to its log: all of it or nothing. Who reports faster than
     * that is written down waits; of the progress that several told meanwhile the newest counts.
     * @throws ConflictError NOT_RUNNING, ATTEMPT or STEP_OVER when something else is under way, or nothing; LimitError
     */
    async report(viewer: Viewer, input: ReportStepInput & { runId: string }): Promise<RunStep> {
      requireScope(viewer, 'jobs:run')
      const { attempt, position, ...said } = validate(reportStepSpec, input)
      const { runId } = input
      const run = await requireRun(deps, viewer, runId)
      const written = await writeOf({ runId, attempt: attempt ?? run.attempt, position: position ?? null }, said)
      return prisma.runStep.findUniqueOrThrow({ where: { runId_position: { runId, position: written.position } } })
    },

    /**
     * The same by who holds a pass to a step, and needs no other right.
     * @throws NotFoundError for what is no pass
     */
    async reportWith(pass: string, input: unknown): Promise<void> {
      const step = deps.reportPasses.open(pass)
      if (!step) throw new NotFoundError('there is no such address to report to')
      await writeOf(step, validate(reportSpec, input))
    },
  }
}

const together = (earlier: Given, later: Given): Given => ({
  ...later,
  progress: later.progress ?? earlier.progress,
  lines: [...earlier.lines, ...later.lines],
})
