/** QUEUED or RETRYING → RUNNING. */
import type { RunTrigger } from '../../db/generated/prisma/enums.ts'
import { notifySql } from '../../live/events.ts'
import type { RunPlan } from '../plan.ts'

/** What a worker holds: the fence of all its writes. */
export type Claim = { runId: string; attempt: number; leaseOwner: string }

/** A run that has been started, with all that executing it needs. */
export type StartedRun = {
  runId: string
  jobId: string
  attempt: number
  losses: number
  trigger: RunTrigger
  scheduledFor: Date | null
  input: unknown
  plan: RunPlan
  event: { id: string; type: string; payload: unknown; depth: number } | null
  /** The job's signing secrets as they are stored: encrypted, in base64; the current one first. */
  sealedSecrets: string[]
  /** Seconds from the instant at which it could start to its start. */
  delay: number
  /** Outputs of the steps that earlier attempts finished; the run goes on behind them. */
  done: unknown[]
}

/** A new attempt at a step begins to report anew. */
export const REPORTS_ANEW = 'progress = null, log_lines = 0, log_bytes = 0, log_dropped = 0'

/**
 * A statement that leases runs and starts them at once: raises `attempt`, opens the attempt and its first unfinished step.
 * $1: the node, $2: how many seconds the lease lasts. `free`: CTEs, the last of which is called so, with the ids of runs
 * whose entries in the queue it has locked; `limited`: a condition whose truth stands in each row of the
 * answer. Where nothing is free there is one row, with no run.
 */
export const startSql = ({ free, limited }: { free: string; limited: string }) => `
with recursive ${free}, fenced as (
  update run_queue set attempt = attempt + 1, lease_owner = $1::uuid,
    lease_until = clock_timestamp() + make_interval(secs => $2)
  where run_id = any(array(select run_id from free))
  returning run_id
), started as (
  update run set status = 'RUNNING', attempt = attempt + 1, started_at = coalesce(started_at, clock_timestamp()),
    event_seq = event_seq + 2
  where id = any(array(select run_id from fenced))
  returning id, job_id, artifact_id, attempt, losses, trigger, scheduled_for, input, plan, domain_event_id, event_seq,
    extract(epoch from clock_timestamp() - available_at)::float8 as delay
), task as materialized (
  select started.*, past.done, coalesce(jsonb_array_length(past.done), 0) as position
  from started cross join lateral (
    select jsonb_agg(s.output order by s.position) as done from run_step s
    where s.run_id = started.id and s.status = 'SUCCEEDED') past
), attempted as (
  insert into run_attempt (run_id, attempt, status, node_id, started_at)
  select id, attempt, 'RUNNING', $1::uuid, clock_timestamp() from task
), stepped as (
  insert into run_step (run_id, position, kind, name, status, attempt, started_at)
  select id, position, plan->'actions'->position->>'kind', plan->'actions'->position->>'name', 'RUNNING', attempt,
    clock_timestamp()
  from task
  on conflict (run_id, position) do update set status = 'RUNNING', attempt = excluded.attempt, error = null,
    started_at = excluded.started_at, finished_at = null, ${REPORTS_ANEW}
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, event_seq - 1 + n, kind::run_event_kind, data
  from task cross join lateral (values
    (0, 'STARTED', jsonb_build_object('attempt', attempt)),
    (1, 'STEP_STARTED', jsonb_build_object('position', position, 'name', plan->'actions'->position->>'name'))
  ) as e(n, kind, data)
  order by id, n
)
select id as "runId", job_id as "jobId", attempt, losses, trigger, scheduled_for as "scheduledFor", input, plan,
  (select jsonb_build_object('id', d.id, 'type', d.type, 'payload', d.payload, 'depth', d.depth)
    from domain_event d where d.id = task.domain_event_id) as event,
  coalesce((
    select jsonb_path_query_array(jsonb_build_array(encode(s.current, 'base64'),
      case when s.previous_until > clock_timestamp() then encode(s.previous, 'base64') end), '$[*] ? (@ != null)')
    from signing_secret s where s.job_id = task.job_id), '[]') as "sealedSecrets",
  delay, coalesce(done, '[]') as done, told.limited
from (
  select ${limited} as limited, case when exists (select from task) then ${notifySql('events')} end as said
) told left join task on true`
