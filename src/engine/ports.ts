/** All that the engine needs of the world, so that it can run against a simulated one. */
import type { Sql } from '../db/sql.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import type { Bus } from '../live/bus.ts'
import type { LogLimits, StepReport } from '../runs/reporting.ts'
import type { StartedRun } from '../runs/transition/start.ts'
import type { DeliveryRecord } from '../runs/transition/steps.ts'
import type { Meter } from './meter.ts'
import type { Failure } from './retry.ts'
import type { Alarm } from './timer.ts'

export type StepOutcome =
  | { ok: true; output: unknown; warnings?: string[]; deliveries: DeliveryRecord[] }
  | { ok: false; failure: Failure & { code: string; message: string }; deliveries: DeliveryRecord[] }

/**
 * Does one action of a run. It must end soon after `signal` aborts: with a TimeoutError when the attempt's time is up,
 * else because its result is no longer wanted. What it throws counts as a failure that nothing is known of.
 */
export type Perform = (
  run: StartedRun,
  position: number,
  signal: AbortSignal,
  report: StepReport,
) => Promise<StepOutcome>

/**
 * Pauses a job whose receiver wants no more of it (410), with a note for its owner. Called before the run is settled, so
 * that a crash in between repeats it; it must not mind being called twice.
 */
type Retire = (run: Pick<StartedRun, 'runId' | 'jobId' | 'event'>, reason: string) => Promise<void>

export type EnginePorts = {
  clock: Clock
  alarm: Alarm
  bus: Bus
  sql: Sql
  transaction: <Result>(work: (sql: Sql) => Promise<Result>) => Promise<Result>
  perform: Perform
  retire: Retire
  meter: Meter
  log: Log
  /** From [0, 1). */
  random: () => number
}

export type EngineSettings = {
  /** Identity of this process, new at every start: the owner of its leases. */
  nodeId: string
  concurrency: number
  leaseSeconds: number
  drainSeconds: number
  /** A cancelled run whose action has not stopped after this is ended by force. */
  cancelGraceSeconds: number
  /** History older than this goes; 0: none does. */
  retentionDays: number
  /** Of what an attempt at a step logs. */
  logLimits: LogLimits
}
