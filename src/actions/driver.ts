/**
 * The contract of an action kind. A driver says what its configuration looks like and does one step with it; it knows no
 * database, no queue and no transport. Its failures are values: what it throws is a fault of ours.
 */
import type { z } from 'zod'
import type { Egress } from '../egress/egress.ts'
import type { Scope } from '../identity/viewer.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Issue } from '../kernel/errors.ts'
import type { StepReport } from '../runs/reporting.ts'
import type { ArtifactPort, DatasetPort, EffectKey, MailPort, Subject } from './ports.ts'
import type { Places } from './template.ts'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** What a step is told: the run as it was planned, and where it stands. */
export type StepContext = {
  /** For whom it is done. */
  subject: Subject
  /** By what an effect inside of Runsheet is known, so that it happens once; null: it is being tried out. */
  effect: EffectKey | null
  /** How many events stand before the run in its chain: those that it emits are so deep in theirs. */
  depth: number
  /** UUID with dashes. */
  runId: string
  /** The step's place in the run, from 0. */
  position: number
  /** From 1. */
  attempt: number
  /** Ends the step: its reason is a TimeoutError (as of `AbortSignal.timeout`) when the time is up, else a cancellation. */
  signal: AbortSignal
  /** Where it may say how far it is; whether anybody listens is not its concern. */
  report: StepReport
  run: {
    /** `run_…` */
    id: string
    /** `job_…` */
    job: { id: string; name: string | null }
    trigger: string
    /** ISO 8601. */
    scheduledFor: string | null
    /** When the step began, ISO 8601. */
    startedAt: string
    attempt: number
    /** Where its receiver may report to, for a step that asks for it. */
    reportUrl?: string
  }
  /** `documents`: by their keys, for a step that asks for them. */
  artifact: { id: string; slug: string; name: string; url: string; documents?: JsonValue } | null
  event: { id: string; type: string; payload: JsonValue } | null
  input: JsonValue
  /** What the steps before it left, by their names. */
  steps: Readonly<Record<string, JsonValue>>
  /** `whsec_…`, the current one first; all of them sign. */
  signingSecrets: readonly string[]
}

/** One outgoing call, or one recipient of a mail. */
export type Delivery = {
  /** HTTP's, or `SMTP`. */
  method: string
  /** Without what is secret in it; of a mail `mailto:` and the recipient. */
  url: string
  /** Bytes of the request's body. */
  requestBytes: number
  /** Names in lower case; without the values that are secret. */
  requestHeaders: Record<string, string>
  /** Of HTTP or of SMTP; null when no answer came. */
  status: number | null
  /** Names in lower case, several values joined by `, `; without `set-cookie`. */
  responseHeaders: Record<string, string>
  /** The first 20,000 bytes. */
  responseBody: Buffer
  /** Whether the answer was longer than that. */
  truncated: boolean
  /** Why there is no whole answer. A status of 500 is no error here. */
  error: { code: string; message: string } | null
  startedAt: Date
  durationMs: number
}

export type Failure = {
  code: string
  message: string
  /** Whether the same call may succeed later. */
  transient: boolean
  /** Seconds that the receiver asked to wait before the next call. */
  retryAfter?: number
  /** The receiver wants no more calls, ever (410). */
  gone?: true
}

export type StepResult =
  | {
      ok: true
      output: JsonValue
      deliveries: Delivery[] /** For people: what went wrong without failing it. */
      warnings?: string[]
    }
  | { ok: false; failure: Failure; deliveries: Delivery[] }

export type DriverDeps = {
  egress: Egress
  mail: MailPort
  datasets: DatasetPort
  artifacts: ArtifactPort
  /** Runsheet's version, for the user agent. */
  version: string
  clock?: Clock
  /** Bytes of what one step fetches to keep it. */
  maxFetchBytes: number
}

/** `Config` is the parsed form: defaults are filled in. */
export type Driver<Config> = {
  config: ActionKind<Config>['config']
  /**
   * What the shape cannot say, as far as it is known before a run: also whether what it names is there for `subject`.
   * Paths start at the configuration. Texts may still hold templates.
   */
  check(config: Config, subject: Subject): Issue[] | Promise<Issue[]>
  /** The fields whose texts may hold templates, and where their values land. Other fields may hold none. */
  places?(config: Config): Places<keyof Config>
  /** No text holds templates, and `{{` is taken as it is. */
  isVerbatim?: true
  /** `config` has its templates filled in. */
  execute(config: Config, context: StepContext): Promise<StepResult>
}

/** What is known of a kind without making its driver: GraphQL inputs, REST validation and docs derive from it. */
export type ActionKind<Config> = {
  /** Name in the APIs and in the database. */
  kind: string
  description: string
  /** Each field carries a description. */
  config: z.ZodObject & z.ZodType<Config>
  /**
   * What a token needs, beside the scope to change jobs, to give one this action: it could do the same by itself, and must
   * not get further by way of a job. Absent: nothing.
   */
  scopes?(config: Config): Scope[]
  /** The configuration for those who may read a job and not change it: without what is secret in it. Absent: nothing is. */
  redact?(config: Config): Config
  create(deps: DriverDeps): Driver<Config>
}
