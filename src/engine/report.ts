/**
 * What actions say of themselves, on its way to the log: in one statement for all steps of this node that have something
 * to say. A step that says nothing costs nothing, and one that does is not held up by it; only its end waits, a moment,
 * until what it said is written. PostgreSQL being away costs lines of a log, never a run.
 */
import { createBatch } from '../kernel/batch.ts'
import { createOutflow } from '../runs/outflow.ts'
import { lineOf, progressOf, REPORT_INTERVAL_MS, type StepReport } from '../runs/reporting.ts'
import { type Reported, reportSteps, type StepReported } from '../runs/transition/report.ts'
import type { EnginePorts, EngineSettings } from './ports.ts'

/** The end of a step waits no longer for its last report. */
const PATIENCE_MS = 1_000
/** Few enough that even full logs are no statement of a size that hurts. */
const BATCH = { maxSize: 50, maxInFlight: 1 }

export type OpenReport = {
  report: StepReport
  /** Writes what is left; what is said afterwards is not heard. */
  close(): Promise<void> | undefined
}

const keyOf = ({ runId, attempt, position }: Pick<StepReported, 'runId' | 'attempt' | 'position'>) =>
  `${runId} ${attempt} ${position}`

export function createReporting(
  { clock, transaction, log }: Pick<EnginePorts, 'clock' | 'transaction' | 'log'>,
  { nodeId, logLimits }: Pick<EngineSettings, 'nodeId' | 'logLimits'>,
) {
  const write = createBatch<StepReported, Reported | null>(async (reports) => {
    const answers = await transaction((sql) => reportSteps(sql, logLimits, reports))
    const written = new Map(answers.map((each) => [keyOf(each), each]))
    return reports.map((report) => written.get(keyOf(report)) ?? null)
  }, BATCH)

  return function open(step: { runId: string; attempt: number; position: number }): OpenReport {
    const outflow = createOutflow(logLimits, REPORT_INTERVAL_MS)
    let isUsed = false
    let isOver = false
    let cancelTimer: (() => void) | null = null
    let sending: Promise<void> | null = null

    async function send(last: boolean) {
      const report = outflow.take(clock.now(), last)
      if (!report) return
      try {
        const written = await write({ ...step, ...report, leaseOwner: nodeId, whole: false })
        if (written) outflow.wrote(written.dropped)
        else isOver = true
      } catch (error) {
        log.warn({ err: error, runId: step.runId }, 'what a step reported could not be written')
        outflow.lost(report)
      }
    }

    function plan() {
      if (isOver || sending || cancelTimer) return
      const wait = outflow.wait(clock.now())
      if (wait === null) return
      cancelTimer = clock.after(wait, () => {
        cancelTimer = null
        sending = send(false).finally(() => {
          sending = null
          plan()
        })
      })
    }

    function say(what: () => void) {
      if (isOver) return
      isUsed = true
      what()
      plan()
    }

    async function finish() {
      isOver = true
      cancelTimer?.()
      let cancel = () => {}
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(PATIENCE_MS, resolve)
      })
      const rest = (sending ?? Promise.resolve()).then(() => send(true))
      await Promise.race([rest, late])
      cancel()
    }

    return {
      report: {
        progress: (progress) => say(() => outflow.progress(progressOf(progress))),
        log: (level, message) => say(() => outflow.log(lineOf(level, message))),
      },
      close: () => (isUsed ? finish() : undefined),
    }
  }
}
