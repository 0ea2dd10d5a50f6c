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

/**
 * A statement that leases runs and starts them at once: raises `attempt`, and goes on at the first unfinished step. What is
 * under way stands in the run's own row; of its attempt and its step rows are written when they have ended.
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
  update run set status = 'RUNNING', attempt = attempt + 1, node_id = $1::uuid, attempt_started_at = clock_timestamp(),
    step_started_at = clock_timestamp(), started_at = coalesce(started_at, clock_timestamp()), event_seq = event_seq + 2
  where id = any(array(select run_id from fenced))
  returning id, job_id, artifact_id, attempt, losses, trigger, scheduled_for, input, plan, domain_event_id, event_seq, step,
    extract(epoch from clock_timestamp() - available_at)::float8 as delay
), logged as (
  insert into run_event (run_id, job_id, artifact_id, seq, kind, data)
  select id, job_id, artifact_id, event_seq - 1 + n, kind::run_event_kind, data
  from started cross join lateral (values
    (0, 'STARTED', jsonb_build_object('attempt', attempt)),
    (1, 'STEP_STARTED', jsonb_build_object('position', step, 'name', plan->'actions'->step->>'name'))
  ) as e(n, kind, data)
  order by id, n
)
select id as "runId", job_id as "jobId", attempt, losses, trigger, scheduled_for as "scheduledFor", input, plan,
  (select jsonb_build_object('id', d.id, 'type', d.type, 'payload', d.payload, 'depth', d.depth)
    from domain_event d where d.id = started.domain_event_id) as event,
  coalesce((
    select jsonb_path_query_array(jsonb_build_array(encode(s.current, 'base64'),
      case when s.previous_until > clock_timestamp() then encode(s.previous, 'base64') end), '$[*] ? (@ != null)')
    from signing_secret s where s.job_id = started.job_id), '[]') as "sealedSecrets",
  delay, case when step = 0 then '[]' else (
    select jsonb_agg(s.output order by s.position) from run_step s where s.run_id = started.id and s.status = 'SUCCEEDED'
  ) end as done, told.limited
from (
  select ${limited} as limited, case when exists (select from started) then ${notifySql('events')} end as said
) told left join started on true`
