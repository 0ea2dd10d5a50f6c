/** What a driver is told in tests of it. */
import type { StepContext } from '../../src/actions/driver.ts'
import type { Subject } from '../../src/actions/ports.ts'
import { type StepReport, UNREPORTED } from '../../src/runs/reporting.ts'

/** Owns nothing. */
export const nobody: Subject = { ownerId: '0190a3b4-0000-7000-8000-0000000000ff', artifactId: null }

export const stepContext = (part: Partial<StepContext> = {}): StepContext => ({
  subject: nobody,
  effect: null,
  depth: 0,
  runId: '0190a3b4-0000-7000-8000-000000000001',
  position: 0,
  attempt: 1,
  signal: new AbortController().signal,
  report: UNREPORTED,
  run: {
    id: 'run_0190a3b4000070008000000000000001',
    job: { id: 'job_1', name: 'Report' },
    trigger: 'SCHEDULE',
    scheduledFor: '2026-03-01T12:00:00.000Z',
    startedAt: '2026-03-01T12:00:01.000Z',
    attempt: 1,
  },
  artifact: { id: 'art_1', slug: 'demo', name: 'Demo', url: 'http://demo.localhost:4000/' },
  event: null,
  input: null,
  steps: {},
  signingSecrets: [],
  ...part,
})

/** What a driver says of its step, in order. */
export function listener() {
  const said: unknown[] = []
  const report: StepReport = {
    progress: (progress) => void said.push(progress),
    log: (level, message) => void said.push(`${level} ${message}`),
  }
  return { said, report }
}
