/** What a step says of itself while it is at work: how far it is, and lines of a log. Never more than can be kept. */
import { storableText } from '../kernel/storable.ts'

export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** `fraction` is from 0 to 1; null of whatever is not known. `done` and `total` are in units of the step's own. */
export type Progress = {
  fraction: number | null
  done: number | null
  total: number | null
  message: string | null
}

export type LogLine = { level: LogLevel; message: string }

/** Of one attempt at a step. */
export type LogLimits = { lines: number /** Of the lines' texts in UTF-8. */; bytes: number }

/** What those who do a step are given. It costs them nothing and never fails; what nobody wants any more goes nowhere. */
export type StepReport = {
  /** Without a fraction it is `done` of `total`. */
  progress(progress: { [Field in keyof Progress]?: Progress[Field] | undefined }): void
  log(level: LogLevel, message: string): void
}

/** For whom nobody listens to. */
export const UNREPORTED: StepReport = { progress() {}, log() {} }

/** Characters of a line, and of what is said of a progress; longer ones are cut. */
const LINE_CHARS = 2_000
const PROGRESS_CHARS = 200
/** Reports of a step go out at most so often, in milliseconds. */
export const REPORT_INTERVAL_MS = 500

export function progressOf({ fraction, done, total, message }: Parameters<StepReport['progress']>[0]): Progress {
  const [part, whole] = [countOf(done), countOf(total)]
  const share = fraction ?? (part !== null && whole ? part / whole : null)
  return {
    fraction: share === null || Number.isNaN(share) ? null : Math.min(Math.max(share, 0), 1),
    done: part,
    total: whole,
    message: message == null ? null : cut(message, PROGRESS_CHARS),
  }
}

export const lineOf = (level: LogLevel, message: string): LogLine => ({ level, message: cut(message, LINE_CHARS) })

export const bytesOf = ({ message }: LogLine): number => Buffer.byteLength(message)

const countOf = (value: number | null | undefined) => (Number.isFinite(value) ? Math.max(value as number, 0) : null)

function cut(given: string, chars: number): string {
  const text = String(given)
  // not between the halves of a surrogate pair
  const start = () => text.slice(0, chars - 1).replace(/[\ud800-\udbff]$/, '')
  return storableText(text.length <= chars ? text : `${start()}…`)
}
