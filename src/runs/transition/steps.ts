/** From step to step of a run that stays RUNNING. */
import type { StepStatus } from '../../db/generated/prisma/enums.ts'
import type { Sql } from '../../db/sql.ts'
import { notifySql } from '../../live/events.ts'
import type { RunError } from '../states.ts'
import type { Claim } from './start.ts'

/** One outgoing call, as it is kept. */
export type DeliveryRecord = {
  id: string
  method: string
  url: string
  requestBytes: number
  requestHeaders: Record<string, string>
  status: number | null
  responseHeaders: Record<string, string> | null
  /** Base64. */
  responseBody: string | null
  truncated: boolean
  error: RunError | null
  startedAt: Date
  durationMs: number
}

export type FinishedStep = {
  position: number
  name: string
  status: Exclude<StepStatus, 'RUNNING'>
  output?: unknown
  error?: RunError
  warnings?: string[]
  deliveries: DeliveryRecord[]
}

export const insertDeliveries = (source: string) => `
  insert into delivery (id, run_id, attempt, position, method, url, request_bytes, request_headers, status, response_headers,
    response_body, truncated, error, started_at, duration_ms)
  select d.id, s.id, s.attempt, (s.step->>'position')::int, d.method, d.url, d."requestBytes", d."requestHeaders", d.status,
    d."responseHeaders", decode(d."responseBody", 'base64'), d.truncated, d.error, d."startedAt", d."durationMs"
  from ${source} s cross join lateral jsonb_to_recordset(s.step->'deliveries') as d(
    id uuid, method text, url text, "requestBytes" int, "requestHeaders" jsonb, status int, "responseHeaders" jsonb, "responseBody" text,
    truncated boolean, error jsonb, "startedAt" timestamptz, "durationMs" int)`

/**
 * Writes down the steps that have ended of rows with `id`, `attempt`, `position`, `action`, `step_status`, `output`,
 * `error` and `step_started_at`. What the same attempt has reported of its step is kept.
 */
export const insertSteps = (source: string) => `
  insert into run_step as s (run_id, position, kind, name, status, attempt, output, error, started_at, finished_at)
  select id, position, action->>'kind', action->>'name', step_status, attempt, output, error, step_started_at,
    clock_timestamp()
  from ${source}
  on conflict (run_id, position) do update set status = excluded.status, attempt = excluded.attempt,
    output = excluded.output, error = excluded.error, started_at = excluded.started_at, finished_at = excluded.finished_at,
    progress = case when s.attempt = excluded.attempt then s.progress end,
    log_lines = case when s.attempt = excluded.attempt then s.log_lines else 0 end,
    log_bytes = case when s.attempt = excluded.attempt then s.log_bytes else 0 end,
    log_dropped = case when s.attempt = excluded.attempt then s.log_dropped else 0 end`

export const STEP_EVENT = `jsonb_strip_nulls(jsonb_build_object(
  'position', step->'position', 'name', step->'name', 'status', step->'status', 'error', step->'error'))`

/** The warnings of a step as an array of texts. */
export const warningsOf = (step: string) =>
  `array(select jsonb_array_elements_text(coalesce(${step}->'warnings', '[]')))`

/** A checkpoint: closes a step that succeeded and opens the next. False when the claim no longer holds. */
export async function advanceRun(sql: Sql, claim: Claim, step: FinishedStep): Promise<boolean> {
  const held = await sql(ADVANCE, [claim.runId, claim.attempt, claim.leaseOwner, JSON.stringify(step)])
  return held.length > 0
}

/**
 * Sent again because its answer was lost, it finds the run at the next step, and changes nothing more. When the step was
 * begun is what stood in the row before the statement.
 */
const ADVANCE = `
with fenced as (
  select run_id from run_queue where run_id = $1::uuid and attempt = $2 and lease_owner = $3::uuid for update
), moved as (
  update run set step = step + 1, step_started_at = clock_timestamp(), event_seq = event_seq + 2,
    warnings = warnings || ${warningsOf('$4::jsonb')}
  where id = any(array(select run_id from fenced)) and step = ($4::jsonb->>'position')::int
  returning id, job_id, artifact_id, attempt, event_seq, plan, $4::jsonb as step, step as next
), closed as (
  select id, attempt, next - 1 as position, plan->'actions'->(next - 1) as action, 'SUCCEEDED'::step_status as step_status,
    step->'output' as output, null::jsonb as error, (select r.step_started_at from run r where r.id = moved.id)
  from moved
), stepped as (${insertSteps('closed')}
), delivered as (${insertDeliveries('moved')}
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, event_seq - 1 + n, kind::run_event_kind, data
  from moved cross join lateral (values
    (0, 'STEP_FINISHED', ${STEP_EVENT}),
    (1, 'STEP_STARTED', jsonb_build_object('position', next, 'name', plan->'actions'->next->>'name'))
  ) as e(n, kind, data)
  order by n
)
select run_id from fenced cross join (select ${notifySql('events')}) told`
