/** The engine's own statements on the queue: who may work on what, and for how long. */
import type {
  CatchUpPolicy,
  CronDialect,
  DstGapPolicy,
  OverlapPolicy,
  ScheduleKind,
} from '../db/generated/prisma/enums.ts'
import type { Sql } from '../db/sql.ts'
import { OWNER_WIDE } from '../events/spec.ts'
import { notifyOfSql } from '../live/events.ts'
import { NODE_LOCK_CLASS } from './node.ts'
import type { EnginePorts } from './ports.ts'

/** Extends the leases of these runs; answers those that are still ours, and which of them are to stop. */
export const renewLeases = (
  sql: Sql,
  nodeId: string,
  leaseSeconds: number,
  runIds: string[],
): Promise<{ runId: string; cancelled: boolean }[]> =>
  sql(
    `update run_queue set lease_until = clock_timestamp() + make_interval(secs => $2)
    where run_id = any($3::uuid[]) and lease_owner = $1::uuid
    returning run_id as "runId", cancel_by is not null as cancelled`,
    [nodeId, leaseSeconds, runIds],
  )

/** A run and the attempt at it that somebody holds. */
export type HeldRun = { runId: string; jobId: string; attempt: number }

export type AbandonedRun = HeldRun & { leaseOwner: string; losses: number }

const ABANDONED = `
  q.run_id as "runId", q.job_id as "jobId", q.attempt, q.lease_owner as "leaseOwner", r.losses
  from run_queue q join run r on r.id = q.run_id`

/** What a node holds. */
export const runsOfNode = (sql: Sql, nodeId: string): Promise<AbandonedRun[]> =>
  sql<AbandonedRun>(`select ${ABANDONED} where q.lease_owner = $1::uuid limit 500`, [nodeId])

/** What a node holds beside these runs. */
export const straysOfNode = (sql: Sql, nodeId: string, known: string[]): Promise<HeldRun[]> =>
  sql<HeldRun>(
    `select run_id as "runId", job_id as "jobId", attempt from run_queue
    where lease_owner = $1::uuid and run_id <> all($2::uuid[])`,
    [nodeId, known],
  )

/** Runs whose lease ran out. */
export const expiredRuns = (sql: Sql): Promise<AbandonedRun[]> =>
  sql<AbandonedRun>(
    `select ${ABANDONED} where q.lease_owner is not null and q.lease_until < clock_timestamp() limit 500`,
  )

/** Runs that were cancelled and that nobody works on, or whose worker has not stopped in time. */
export const overdueCancels = (sql: Sql): Promise<(HeldRun & { leaseOwner: string | null })[]> =>
  sql(
    `select run_id as "runId", job_id as "jobId", attempt, lease_owner as "leaseOwner" from run_queue
    where cancel_by is not null and (lease_owner is null or cancel_by < clock_timestamp()) limit 500`,
  )

/** Jobs with a waiting run that nothing holds back: a node died between a settlement and what should have followed. */
export async function stuckJobs(sql: Sql): Promise<string[]> {
  const jobs = await sql<{ jobId: string }>(
    `select j.id as "jobId" from (select distinct job_id from run_queue where blocked) as j(id)
    where not exists (select 1 from run_queue q where q.job_id = j.id and not q.blocked) limit 100`,
  )
  return jobs.map(({ jobId }) => jobId)
}

export type DueJob = {
  jobId: string
  nextRunAt: Date
  /** The database's clock. */
  now: Date
  anchor: Date
  startOn: Date | null
  endOn: Date | null
  dstGap: DstGapPolicy
  overlap: OverlapPolicy | null
  catchUp: CatchUpPolicy
  catchUpWindow: number
  kind: ScheduleKind
  expression: string | null
  dialect: CronDialect | null
  timezone: string | null
  intervalSeconds: number | null
  once: boolean
  at: Date | null
  /** The slot is to delete it. */
  deletionQueued: boolean
}

/** Columns of a `DueJob` from `job j` and `schedule s`. */
const SCHEDULED_JOB = `
  j.id as "jobId", j.next_run_at as "nextRunAt", clock_timestamp() as now, j.anchor, j.start_on as "startOn",
  j.end_on as "endOn", j.dst_gap as "dstGap", j.overlap, j.catch_up as "catchUp", j.catch_up_window as "catchUpWindow",
  s.kind, s.expression, s.dialect, s.timezone, s.interval_seconds as "intervalSeconds", s.once, s.at,
  j.deletion_queued as "deletionQueued"`

/** Jobs whose next slot is due, with their rows locked; those that another node has in hand are left to it. */
export const lockDueJobs = (sql: Sql, limit: number): Promise<DueJob[]> =>
  sql<DueJob>(
    `select ${SCHEDULED_JOB} from job j join schedule s on s.id = j.schedule_id
    where j.next_run_at <= (select clock_timestamp())
    order by j.next_run_at limit $1 for no key update of j skip locked`,
    [limit],
  )

export async function setNextSlots(sql: Sql, slots: { jobId: string; next: Date | null }[]): Promise<void> {
  await sql(
    `update job set next_run_at = ($2::timestamptz[])[array_position($1::uuid[], id)] where id = any($1::uuid[])`,
    [slots.map(({ jobId }) => jobId), slots.map(({ next }) => next)],
  )
}

/** Milliseconds until the earliest slot of all jobs; null when there is none. */
export async function nextSlotDue(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ ms: number }>(
    `select (extract(epoch from next_run_at - clock_timestamp()) * 1000)::float8 as ms from job
    where next_run_at is not null order by next_run_at limit 1`,
  )
  return row?.ms ?? null
}

export type PendingEvent = {
  id: string
  type: string
  ownerId: string
  artifactId: string | null
  depth: number
  createdAt: Date
}

export const lockPendingEvents = (sql: Sql, limit: number): Promise<PendingEvent[]> =>
  sql<PendingEvent>(
    `select id, type, owner_id as "ownerId", artifact_id as "artifactId", depth, created_at as "createdAt" from domain_event
    where dispatched_at is null order by id limit $1 for update skip locked`,
    [limit],
  )

/**
 * In an index by owner and in one by artifact; with `or` between the two PostgreSQL would walk through all of the type.
 * That the rows still are so when they are locked is asked in words (`is true`) that invite it to no index.
 */
const LISTENING = 'event_type = any($2::text[]) and enabled and deleted_at is null'

/**
 * Enabled jobs that nobody holds and that wait for one of these events, with their rows locked: of the same artifact or, if the event names
 * none, of the same owner; and for some types those of the owner that are on no artifact.
 */
export const lockListeners = (
  sql: Sql,
  events: PendingEvent[],
): Promise<{ eventId: string; jobId: string; depth: number; overlap: OverlapPolicy | null; outOfWindow: boolean }[]> =>
  sql(
    `with event as (
      select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::int[])
        as e(id, type, owner_id, artifact_id, created_at, depth)
    ), listener as materialized (
      select id, event_type, owner_id, artifact_id, overlap, start_on, end_on from job
      where id = any(array(
          select id from job where ${LISTENING} and owner_id = any($3::uuid[])
          union select id from job where ${LISTENING} and artifact_id = any($4::uuid[])))
        and (event_type = any($2::text[])) is true and enabled and deleted_at is null and held_at is null and draft_of_id is null
        and (artifact_id = any($4::uuid[]) or owner_id = any($3::uuid[]))
      order by id for no key update
    )
    select event.id as "eventId", listener.id as "jobId", event.depth, listener.overlap,
      coalesce(event.created_at < listener.start_on or event.created_at > listener.end_on, false) as "outOfWindow"
    from event join listener
      on listener.event_type = event.type
      and case when event.artifact_id is null then listener.owner_id = event.owner_id
        when event.type = any($7::text[]) and listener.artifact_id is null then listener.owner_id = event.owner_id
        else listener.artifact_id = event.artifact_id end
    order by event.id, listener.id`,
    [
      events.map(({ id }) => id),
      events.map(({ type }) => type),
      events.map(({ ownerId }) => ownerId),
      events.map(({ artifactId }) => artifactId),
      events.map(({ createdAt }) => createdAt),
      events.map(({ depth }) => depth),
      OWNER_WIDE,
    ],
  )

export async function markDispatched(sql: Sql, eventIds: string[]): Promise<void> {
  await sql('update domain_event set dispatched_at = clock_timestamp() where id = any($1::uuid[])', [eventIds])
}

/**
 * Disables or deletes jobs that have no more slots, where no settlement has done so: the last run was cancelled or skipped.
 * What queues up while their rows are waited for is seen only by a statement that begins once they are held.
 */
export async function endJobs(transaction: EnginePorts['transaction']): Promise<void> {
  await transaction(async (sql) => {
    const over = await sql<{ id: string }>(HOLD_ENDING)
    if (over.length > 0) await sql(END, [over.map(({ id }) => id)])
  })
}

const IDLE = 'not exists (select from run_queue q where q.job_id = job.id)'

const HOLD_ENDING = `
select id from job
where end_of_life <> 'KEEP' and enabled and next_run_at is null and deleted_at is null
  and held_at is null and draft_of_id is null and ${IDLE}
order by id limit 100 for no key update skip locked`

const END = `
with ended as (
  update job set enabled = false, updated_at = clock_timestamp(),
    deleted_at = case when end_of_life = 'DELETE' then clock_timestamp() end
  where id = any($1::uuid[]) and ${IDLE}
  returning id)
select ${notifyOfSql('jobs', 'id')} from ended`

const DELETE = `
with gone as (
  update job set enabled = false, next_run_at = null, deleted_at = clock_timestamp() where id = any($1::uuid[]) returning id)
select ${notifyOfSql('jobs', 'id')} from gone`

/** Deletes jobs, as their owners asked for when their next slots come. The caller holds their rows. */
export async function deleteJobs(sql: Sql, jobIds: string[]): Promise<void> {
  await sql(DELETE, [jobIds])
}

/**
 * Other nodes whose lock is free although nothing but the end of their process explains it. Shared locks that last as
 * long as the statement, so that nodes which look at the same time do not see each other's looking.
 */
export async function missingNodes(sql: Sql, nodeId: string): Promise<string[]> {
  const nodes = await sql<{ id: string }>(
    `select id from node where id <> $1::uuid and postmaster_started_at = pg_postmaster_start_time()
      and pg_try_advisory_xact_lock_shared($2, lock_key)`,
    [nodeId, NODE_LOCK_CLASS],
  )
  return nodes.map(({ id }) => id)
}

/** Removes a node that is gone, once nothing is leased to it. */
export async function forgetNode(sql: Sql, nodeId: string): Promise<void> {
  await sql(
    `delete from node where id = $1::uuid and not exists (select 1 from run_queue where lease_owner = $1::uuid)`,
    [nodeId],
  )
}

export type QueueDepth = { waiting: number; ready: number; leased: number }

const COUNTED = 100_000

/**
 * What is not final: leased to a node, ready to be claimed, or waiting for its time or for another run. Of a queue that
 * is longer only the first COUNTED entries that are found, so that looking at it stays cheap.
 */
export async function queueDepth(sql: Sql): Promise<QueueDepth> {
  const [depth] = await sql<QueueDepth>(QUEUE_DEPTH, [COUNTED])
  return depth ?? { waiting: 0, ready: 0, leased: 0 }
}

const QUEUE_DEPTH = `
select (count(*) filter (where leased))::int as leased, (count(*) filter (where not leased and due))::int as ready,
  (count(*) filter (where not leased and not due))::int as waiting
from (
  select lease_owner is not null as leased, not blocked and available_at <= clock_timestamp() as due
  from run_queue limit $1
) entry`
