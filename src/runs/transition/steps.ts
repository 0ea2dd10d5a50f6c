/** From step to step of a run that stays RUNNING. */
import type { StepStatus } from '../../db/generated/prisma/enums.ts'
import type { Sql } from '../../db/sql.ts'
import { notifySql } from '../../live/events.ts'
import type { RunError } from '../states.ts'
import { type Claim, REPORTS_ANEW } from './start.ts'

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

/** Sent again because its answer was lost, it finds the step closed, and changes nothing more. */
const ADVANCE = `
with fenced as (
  select run_id from run_queue where run_id = $1::uuid and attempt = $2 and lease_owner = $3::uuid for update
), closed as (
  update run_step set status = 'SUCCEEDED', output = $4::jsonb->'output', finished_at = clock_timestamp()
  where run_id = any(array(select run_id from fenced)) and position = ($4::jsonb->>'position')::int and status = 'RUNNING'
  returning run_id
), moved as (
  update run set event_seq = event_seq + 2, warnings = warnings || ${warningsOf('$4::jsonb')} where id = any(array(select run_id from closed))
  returning id, job_id, artifact_id, attempt, event_seq, plan, $4::jsonb as step, ($4::jsonb->>'position')::int + 1 as next
), opened as (
  insert into run_step (run_id, position, kind, name, status, attempt, started_at)
  select id, next, plan->'actions'->next->>'kind', plan->'actions'->next->>'name', 'RUNNING', attempt, clock_timestamp()
  from moved
  on conflict (run_id, position) do update set status = 'RUNNING', attempt = excluded.attempt, error = null,
    started_at = excluded.started_at, finished_at = null, ${REPORTS_ANEW}
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
