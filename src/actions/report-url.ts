/** The address that a step's receiver may report to, for steps whose templates ask for it. */
import type { ReportedStep } from '../runs/report-passes.ts'

export type ReportUrlFor = (step: ReportedStep) => string

const asksFor = (config: unknown) => JSON.stringify(config ?? null).includes('run.reportUrl')

/** The part of a step's context; nothing for a step that does not ask. */
export const reportUrlFor = (urlFor: ReportUrlFor, config: unknown, step: ReportedStep) =>
  asksFor(config) ? { reportUrl: urlFor(step) } : {}
