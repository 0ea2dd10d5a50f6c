/** The jobs of a history, as its users mean them: what is due when, whatever the engine does. */
import { type Calendar, recurrenceOf } from './calendar.ts'
import { OWNER_ID } from './database.ts'
import { type Grid, newId, nextSlots, type Recurrence } from './product.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** An instant that is known to lie between two. */
export type Moment = { low: Date; high: Date }

/** While its schedule was in force. The grid's slots behind `from` and up to `to` are due. */
export type Period = { recurrence: Recurrence; grid: Grid; from: Moment; to: (Moment & { latest: Date }) | null }

export type Job = {
  id: string
  recurrence: Recurrence | null
  eventType: string | null
  /** No run of it may start before those that started earlier are final. */
  isExclusive: boolean
  timeout: number
  isEnabled: boolean
  isDeleted: boolean
  /** Whether it is over with its last slot. */
  ends: boolean
  /** When it was asked to go with its next slot. */
  leaving: Moment | null
  grid: Grid
  periods: Period[]
  /** Since when, in virtual time, it has been as it is. */
  changedAt: number
  overlap: string | null
  /** Runs of jobs that share it share its limit. */
  group: { name: string; limit: number } | null
}

export const EVENT_TYPES = ['order.paid', 'stock.low']

const INSERT = `
with given as (select * from jsonb_array_elements($1::jsonb) as g(value)
), scheduled as (
  insert into schedule (id, owner_id, kind, expression, dialect, timezone, interval_seconds, at)
  select s.id, s.owner_id, s.kind, s.expression, s.dialect, s.timezone, s.interval_seconds, s.at
  from given, jsonb_populate_record(null::schedule, value->'schedule') s where s.id is not null
), acting as (
  insert into action (id, job_id, position, kind, name, config)
  select a.id, (value->'job'->>'id')::uuid, a.position, 'webhook', 'step-' || a.position, '{}'
  from given, jsonb_populate_recordset(null::action, value->'actions') a
)
insert into job (id, surface, owner_id, created_by_id, schedule_id, trigger, event_type, anchor, end_on, next_run_at,
  max_attempts, backoff, initial_delay, max_delay, jitter, retry_on, overlap, catch_up, catch_up_window, dst_gap,
  timeout_seconds, priority, spread, spread_offset_ms, concurrency_key, concurrency_limit, end_of_life)
select j.id, 'GRAPHQL', j.owner_id, j.owner_id, j.schedule_id, j.trigger, j.event_type, j.anchor, j.end_on,
  j.next_run_at, j.max_attempts, j.backoff, j.initial_delay, j.max_delay, j.jitter, j.retry_on, j.overlap, j.catch_up,
  j.catch_up_window, j.dst_gap, j.timeout_seconds, j.priority, j.spread, j.spread_offset_ms, j.concurrency_key,
  j.concurrency_limit, j.end_of_life
from given, jsonb_populate_record(null::job, value->'job') j`

export async function createJobs(world: World, calendar: Calendar, horizon: number): Promise<Job[]> {
  const { base, database } = world
  const random = world.random.stream('jobs')
  const endOn = new Date(base.getTime() + horizon)
  // Chances of their own: what else happens is as it was.
  const lives = world.random.stream('lives')
  const lifeOf = (trigger: string): Life => {
    if (trigger !== 'SCHEDULE') return {}
    if (world.mutant) return world.mutant.focus?.ends ? { end_of_life: 'DELETE', overlap: 'QUEUE_ALL' } : {}
    return { end_of_life: lives.pick(['KEEP', 'KEEP', 'DISABLE', 'DELETE'] as const) }
  }
  const made = Array.from({ length: random.int(2, 4) }, (_, index) => makeJob(random, calendar, index, endOn, lifeOf))
  await database.control.query({
    name: 'insert_jobs',
    text: INSERT,
    values: [JSON.stringify(made.map(({ rows }) => rows))],
  })
  for (const { rows } of made) world.note('user', 'makes a job', rows)
  return made.map(({ job }) => job)
}

type Life = { end_of_life?: 'KEEP' | 'DISABLE' | 'DELETE'; overlap?: 'QUEUE_ALL' }

function makeJob(random: Random, calendar: Calendar, index: number, endOn: Date, lifeOf: (trigger: string) => Life) {
  const { base } = calendar
  const trigger = index === 0 ? 'SCHEDULE' : random.pick(['SCHEDULE', 'SCHEDULE', 'EVENT', 'EVENT', 'MANUAL'] as const)
  const recurrence = trigger === 'SCHEDULE' ? recurrenceOf(random, calendar) : null
  const grid: Grid = { anchor: base, startOn: null, endOn, dstGap: random.pick(['RUN_AFTER_GAP', 'SKIP']) }
  const life = lifeOf(trigger)
  const picked = random.pick([
    null,
    null,
    'SKIP',
    'QUEUE_ONE',
    'QUEUE_ALL',
    'QUEUE_ALL',
    'CANCEL_RUNNING',
    'ALLOW',
    'ALLOW',
  ])
  const { end_of_life: endOfLife = 'KEEP', overlap = picked } = life
  const eventType = trigger === 'EVENT' ? random.pick([...EVENT_TYPES, 'run.failed']) : null
  const timeout = random.int(1, 3)
  const group = random.pick([null, null, { name: 'shared', limit: 2 }, { name: 'own', limit: 1 }])
  const job: Job = {
    ...{
      id: newId(),
      recurrence,
      eventType,
      grid,
      timeout,
      overlap,
      isEnabled: true,
      isDeleted: false,
      ends: endOfLife !== 'KEEP',
      leaving: null,
      changedAt: 0,
      group,
    },
    isExclusive: overlap !== 'ALLOW',
    periods: recurrence ? [{ recurrence, grid, from: { low: base, high: base }, to: null }] : [],
  }
  const spread = recurrence && random.chance(0.2) ? 1 : 0
  const scheduleId = recurrence && newId()
  const rows = {
    job: {
      ...{ id: job.id, owner_id: OWNER_ID, schedule_id: scheduleId, trigger, event_type: eventType },
      ...{ anchor: base, end_on: endOn, next_run_at: recurrence && nextSlots(recurrence, grid, base, 1)[0] },
      ...{ max_attempts: random.int(1, 3), backoff: 'FIXED', initial_delay: random.int(0, 1), max_delay: 3 },
      ...{ jitter: random.chance(0.5), retry_on: random.pick(['TRANSIENT', 'ANY']), overlap },
      ...{ catch_up: random.pick(['LATEST', 'ALL', 'NONE']), catch_up_window: random.pick([0, 3, 20, 86_400]) },
      ...{ dst_gap: grid.dstGap, timeout_seconds: timeout, priority: random.int(-1, 1), spread },
      ...{ spread_offset_ms: spread && random.int(0, 999) },
      ...{ concurrency_key: group?.name === 'own' ? null : group?.name, concurrency_limit: group?.limit },
      end_of_life: endOfLife,
    },
    schedule: recurrence ? { id: scheduleId, owner_id: OWNER_ID, ...scheduleRow(recurrence) } : {},
    actions: Array.from({ length: random.int(1, 3) }, (_, position) => ({ id: newId(), position })),
  }
  return { job, rows }
}

function scheduleRow(recurrence: Recurrence) {
  if (recurrence.kind === 'INTERVAL') return { kind: recurrence.kind, interval_seconds: recurrence.seconds }
  return recurrence
}
