/** What a step that is at work says of itself: events of a run that stays RUNNING. */
import type { Sql } from '../../db/sql.ts'
import { notifySql } from '../../live/events.ts'
import type { Report } from '../outflow.ts'
import { bytesOf, type LogLimits } from '../reporting.ts'

export type StepReported = Report & {
  runId: string
  /** Of which attempt and which step it tells; null: of those that are under way. */
  attempt: number | null
  position: number | null
  /** Who holds the run; null: whoever does. */
  leaseOwner: string | null
  /** All or nothing: a report with a line too many changes nothing. */
  whole: boolean
}

/** `dropped`: lines that the step has logged and that are not kept. */
export type Reported = { runId: string; attempt: number; position: number; dropped: number }

/**
 * Writes what steps report, of each step one report. Those that are over, or whose run is in other hands by now, are
 * missing from the answer. The caller is in a transaction.
 */
export async function reportSteps(sql: Sql, limits: LogLimits, reports: StepReported[]): Promise<Reported[]> {
  const given = reports.map(({ lines, ...report }) => {
    let to = 0
    const measured = lines.map((line) => {
      to += bytesOf(line)
      return { ...line, to }
    })
    return { ...report, lines: measured, bytes: to }
  })
  const runIds = [...new Set(reports.map(({ runId }) => runId))]
  await sql(OPEN, [runIds])
  return sql<Reported>(REPORT, [JSON.stringify(given), runIds, limits.lines, limits.bytes])
}

/**
 * A step has no row before it ends or reports. One that an earlier attempt left begins anew; who waited for the queue's
 * entry while the step ended finds it closed by the same attempt, and leaves it so.
 */
const OPEN = `
with held as materialized (
  select run_id, attempt from run_queue
  where run_id = any($1::uuid[]) and lease_owner is not null order by run_id for update
)
insert into run_step as s (run_id, position, kind, name, status, attempt, started_at)
select r.id, r.step, r.plan->'actions'->r.step->>'kind', r.plan->'actions'->r.step->>'name', 'RUNNING', r.attempt,
  r.step_started_at
from held join run r on r.id = held.run_id and r.attempt = held.attempt and r.status = 'RUNNING'
on conflict (run_id, position) do update set status = 'RUNNING', attempt = excluded.attempt, output = null, error = null,
  started_at = excluded.started_at, finished_at = null, progress = null, log_lines = 0, log_bytes = 0, log_dropped = 0
where s.attempt < excluded.attempt`

/** How many of `lines` are kept behind so many lines of so many bytes; `to`: the bytes up to a line's end. */
const kept = (lines: string, before: string, bytesBefore: string) => `(
    select count(*)::int from jsonb_array_elements(${lines}) with ordinality as l(line, n)
    where ${before} + n <= $3 and ${bytesBefore} + (line->>'to')::int <= $4)`

const LENGTH = 'jsonb_array_length(g.lines)'

/**
 * Who waited for the queue's entry while another checkpoint was written finds the step closed, as the row is looked at
 * again; the log's counters are those of the newest row, so several writers keep to one limit.
 */
const REPORT = `
with given as materialized (
  select * from jsonb_to_recordset($1::jsonb) as g(
    "runId" uuid, attempt int, "leaseOwner" uuid, position int, whole boolean, progress jsonb, lines jsonb, bytes int,
    dropped int, last boolean)
), held as materialized (
  select run_id, attempt, lease_owner from run_queue
  where run_id = any($2::uuid[]) and lease_owner is not null order by run_id for update
), step as (
  update run_step s set
    progress = coalesce(g.progress, s.progress),
    log_lines = s.log_lines + ${LENGTH},
    log_bytes = s.log_bytes + g.bytes,
    log_dropped = s.log_dropped + g.dropped + ${LENGTH} - ${kept('g.lines', 's.log_lines', 's.log_bytes')}
  from held h join given g on g."runId" = h.run_id
    and h.attempt = coalesce(g.attempt, h.attempt) and h.lease_owner = coalesce(g."leaseOwner", h.lease_owner)
  where s.run_id = h.run_id and s.attempt = h.attempt and s.status = 'RUNNING'
    and s.position = coalesce(g.position, s.position)
    and (not g.whole or (s.log_lines + ${LENGTH} <= $3 and s.log_bytes + g.bytes <= $4))
  returning s.run_id, s.attempt, s.position, s.name, s.log_dropped, g.progress, g.lines, g.last and s.log_dropped > 0 as owes,
    ${kept('g.lines', `s.log_lines - ${LENGTH}`, 's.log_bytes - g.bytes')} as kept
), said as (
  select *, kept + owes::int + (progress is not null)::int as events from step
), moved as (
  update run set event_seq = event_seq + said.events from said where run.id = said.run_id and said.events > 0
  returning run.id, run.job_id, run.artifact_id, run.event_seq - said.events as seq, said.position, said.name,
    said.progress, said.lines, said.kept, said.owes, said.log_dropped
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, seq + n, kind::run_event_kind, jsonb_build_object('position', position, 'name', name) || data
  from moved cross join lateral (
    select n::int, 'STEP_LOG' as kind, line - 'to' as data
    from jsonb_array_elements(lines) with ordinality as l(line, n) where n <= kept
    union all
    select kept + 1, 'STEP_LOG', jsonb_build_object('level', 'WARN', 'message',
      format('… %s more %s dropped', to_char(log_dropped, 'FM9,999,999,999'),
        case when log_dropped = 1 then 'line was' else 'lines were' end)) where owes
    union all
    select kept + owes::int + 1, 'STEP_PROGRESS', progress where progress is not null
  ) e
  order by id, n
)
select run_id as "runId", attempt, position, log_dropped as dropped from said
cross join (select ${notifySql('events')}) told`
