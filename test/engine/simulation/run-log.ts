/** The log of one run, read as a sentence: which event may follow which, and what the run's rows must say in the end. */
import { saidBy } from './actions.ts'
import type { Attempt, LoggedEvent, Run } from './ledger.ts'

type Flaw = { invariant: string; detail: string }

/** What could not be written while PostgreSQL was away is counted at the end of its step. */
const DROPPED = /^… \d+ more lines? (was|were) dropped$/
const TERMINAL = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED'])

export function checkRunLog(run: Run, log: LoggedEvent[], attempts: Attempt[], wentBack: boolean): Flaw | null {
  const kinds = log.map(({ kind }) => kind)
  const flaw = (invariant: string, detail: string = kinds.join(' ')) => ({ invariant, detail })

  if (log.some(({ seq }, index) => seq !== index + 1) || run.eventSeq !== log.length) {
    return flaw(
      'seq counts from 1 without a gap, in step with position',
      `${log.map(({ seq }) => seq)} of ${run.eventSeq}`,
    )
  }
  if (!TERMINAL.has(run.status)) return flaw('every run ends', `${run.status}: ${kinds.join(' ')}`)
  if (kinds.filter((kind) => TERMINAL.has(kind)).length !== 1 || kinds.at(-1) !== run.status) {
    return flaw('a run ends once, and nothing comes after', `${run.status}: ${kinds.join(' ')}`)
  }
  const sentence = parse(log)
  if (typeof sentence === 'string')
    return flaw('events follow each other as states do', `${sentence} in ${kinds.join(' ')}`)
  if (sentence.attempts !== run.attempt || sentence.lost !== run.losses) {
    const said = `${run.attempt} attempts, ${run.losses} lost`
    return flaw('attempts are counted', `${said}: ${kinds.join(' ')}`)
  }
  if (
    attempts.some(({ attempt, status }, index) => attempt !== index + 1 || status === 'RUNNING') ||
    attempts.length !== run.attempt
  ) {
    return flaw('attempts are counted', attempts.map(({ attempt, status }) => `${attempt} ${status}`).join(', '))
  }
  return wentBack ? null : earlyStart(run, log, attempts)
}

/** Reads it event by event; answers what is wrong, or what it came to. */
function parse(log: LoggedEvent[]): string | { attempts: number; lost: number } {
  let attempts = 0
  let lost = 0
  let done = 0
  let state: 'new' | 'waiting' | 'started' | 'step' | 'between' | 'failed' | 'final' = 'new'
  for (const { runId, kind, data, seq } of log) {
    const wrong = `${kind} at ${seq}`
    const isRunning = state === 'step' || state === 'failed'
    if (kind === 'QUEUED') {
      if (state === 'step') attempts--
      else if (state !== 'new') return wrong
      state = 'waiting'
    } else if (kind === 'STARTED') {
      attempts++
      if (state !== 'waiting' || data?.attempt !== attempts) return wrong
      state = 'started'
    } else if (kind === 'STEP_STARTED') {
      if ((state !== 'started' && state !== 'between') || data?.position !== done) return wrong
      state = 'step'
    } else if (kind === 'STEP_PROGRESS' || kind === 'STEP_LOG') {
      if (state !== 'step' || data?.position !== done) return wrong
      const isKept = data.message === saidBy({ runId, attempt: attempts, position: done })
      if (!isKept && !(kind === 'STEP_LOG' && DROPPED.test(data.message ?? ''))) return wrong
    } else if (kind === 'STEP_FINISHED') {
      if (state !== 'step' || data?.position !== done) return wrong
      if (data.status === 'SUCCEEDED') done++
      state = data.status === 'SUCCEEDED' ? 'between' : 'failed'
    } else if (kind === 'RETRYING') {
      if (!isRunning || data?.attempt !== attempts) return wrong
      if (data.error?.code === 'LOST') lost++
      state = 'waiting'
    } else if (kind === 'SUCCEEDED') {
      if (state !== 'between') return wrong
      state = 'final'
    } else if (kind === 'FAILED') {
      if (!isRunning) return wrong
      if (data?.error?.code === 'LOST') lost++
      state = 'final'
    } else if (kind === 'SKIPPED') {
      if (state !== 'new' && state !== 'waiting') return wrong
      state = 'final'
    } else if (kind === 'CANCELLED') {
      if (!isRunning && state !== 'between' && state !== 'waiting') return wrong
      state = 'final'
    }
  }
  return { attempts, lost }
}

function earlyStart(run: Run, log: LoggedEvent[], attempts: Attempt[]): Flaw | null {
  const availableAt = new Map<number, Date>()
  if (run.scheduledFor) availableAt.set(1, run.scheduledFor)
  for (const { kind, data } of log) {
    if (kind === 'RETRYING' && data?.availableAt) availableAt.set((data.attempt ?? 0) + 1, new Date(data.availableAt))
  }
  for (const { attempt, startedAt } of attempts) {
    const earliest = availableAt.get(attempt)
    if (earliest && startedAt < earliest) {
      const detail = `attempt ${attempt} at ${startedAt.toISOString()}, not before ${earliest.toISOString()}`
      return { invariant: 'no attempt begins before its time', detail }
    }
  }
  return null
}
