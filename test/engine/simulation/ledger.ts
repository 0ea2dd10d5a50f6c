/** What a history left in the database. */
import type { SimulatedDatabase } from './database.ts'

export type LoggedEvent = {
  position: number
  runId: string
  jobId: string
  seq: number
  kind: string
  /** Virtual time of the statement that wrote it. */
  at: number
  data: {
    attempt?: number
    position?: number
    status?: string
    availableAt?: string
    error?: { code: string }
    message?: string
  } | null
}

export type Run = {
  id: string
  jobId: string
  status: string
  trigger: string
  scheduledFor: Date | null
  attempt: number
  losses: number
  eventSeq: number
  output: unknown
  error: { code: string } | null
  skipReason: string | null
  skippedCount: number | null
  skippedUntil: Date | null
  domainEventId: string | null
}

export type Attempt = { runId: string; attempt: number; status: string; nodeId: string; startedAt: Date }
export type Step = { runId: string; position: number; status: string; attempt: number; output: unknown }
/** `runId`: of the run that failed, if it is about one. */
export type DomainEvent = { id: string; type: string; runId: string | null; dispatchedAt: Date | null }

export type JobRow = {
  id: string
  enabled: boolean
  isDeleted: boolean
  isPaused: boolean
  deletionQueued: boolean
  endOfLife: string
}

export type Ledger = Awaited<ReturnType<typeof readLedger>>

export async function readLedger({ control }: SimulatedDatabase) {
  const read = async <Row extends object>(name: string, text: string): Promise<Row[]> =>
    (await control.query<Row>({ name: `ledger_${name}`, text })).rows
  return {
    jobs: await read<JobRow>(
      'jobs',
      `select id, enabled, deleted_at is not null as "isDeleted", paused_at is not null as "isPaused",
        deletion_queued as "deletionQueued", end_of_life::text as "endOfLife" from job order by id`,
    ),
    events: await read<LoggedEvent>(
      'events',
      `select position::float8 as position, run_id as "runId", job_id as "jobId", seq, kind::text as kind,
        extract(epoch from at)::float8 * 1000 as at, data from run_event order by position`,
    ),
    runs: await read<Run>(
      'runs',
      `select id, job_id as "jobId", status::text as status, trigger::text as trigger, scheduled_for as "scheduledFor",
        attempt, losses, event_seq as "eventSeq", output, error, skip_reason::text as "skipReason",
        skipped_count as "skippedCount", skipped_until as "skippedUntil", domain_event_id as "domainEventId"
      from run order by id`,
    ),
    attempts: await read<Attempt>(
      'attempts',
      `select run_id as "runId", attempt, status::text as status, node_id as "nodeId", started_at as "startedAt"
      from run_attempt order by run_id, attempt`,
    ),
    steps: await read<Step>(
      'steps',
      `select run_id as "runId", position, status::text as status, attempt, output from run_step order by run_id, position`,
    ),
    domainEvents: await read<DomainEvent>(
      'domain_events',
      `select id, type, substr(payload->'run'->>'id', 5)::uuid as "runId", dispatched_at as "dispatchedAt"
      from domain_event order by id`,
    ),
  }
}

/** What is still to be done, or null. */
export async function readUnrest({ control }: SimulatedDatabase): Promise<string | null> {
  const { rows } = await control.query<{ queued: number; pending: number; due: number; ending: number }>({
    name: 'ledger_unrest',
    text: `select (select count(*) from run_queue)::int as queued, (select count(*) from job where next_run_at is not null)::int as due,
      (select count(*) from domain_event where dispatched_at is null)::int as pending,
      (select count(*) from job where end_of_life <> 'KEEP' and enabled and next_run_at is null)::int as ending`,
  })
  const [{ queued, pending, due, ending } = { queued: 0, pending: 0, due: 0, ending: 0 }] = rows
  if (queued + pending + due + ending === 0) return null
  return `${queued} runs, ${pending} events, ${due} schedules, ${ending} jobs that are to end`
}

export function groupBy<Item>(items: Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
