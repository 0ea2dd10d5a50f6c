/** What must be true in the end, read from the database, the receiver and the watchers. */
import pg from 'pg'
import { messageId } from '../../../src/actions/signature.ts'
import { formatId, uuidOf } from '../../../src/kernel/ids.ts'
import type { Load, Ticking } from './load.ts'
import type { ChaosReceiver } from './receiver.ts'
import type { Watcher } from './watcher.ts'

const STEP_MS = 1000
/** A slot this short before its job was paused need not have been dealt with. */
const EDGE_MS = 1_500

export type Figures = Record<string, number>

type SlotRow = { slot: Date; count: number; until: Date | null; status: string }

const SLOTS = `select scheduled_for as slot, coalesce(skipped_count, 1) as count, skipped_until as until, status
  from run where job_id = $1 and trigger = 'SCHEDULE' order by scheduled_for`

/** Runs whose row, log, queue entry and attempts do not tell the same story. */
const TORN = `
with log as (
  select run_id, count(*) as events, min(seq) as first, max(seq) as last,
    array_agg(seq order by position) = array_agg(seq order by seq) as in_step,
    count(*) filter (where kind in ('SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED')) as ends,
    (array_agg(kind::text order by seq desc))[1] as newest
  from run_event group by run_id
)
select r.id, r.status, log.events, log.ends from run r left join log on log.run_id = r.id
where log.events is distinct from r.event_seq or log.first <> 1 or log.last <> log.events or not log.in_step
  or log.ends <> 1 or log.newest <> r.status::text
  or exists (select from run_queue q where q.run_id = r.id)
  or (select count(*) from run_attempt a where a.run_id = r.id) <> r.attempt
  or (select count(*) from run_attempt a where a.run_id = r.id and a.status = 'SUCCEEDED') <> (r.status = 'SUCCEEDED')::int
  or exists (select from run_attempt a where a.run_id = r.id and a.status = 'RUNNING')`

const EVENTS = `select e.id, e.dispatched_at is not null as dispatched,
  (select array_agg(r.job_id::text) from run r where r.domain_event_id = e.id) as jobs
  from domain_event e where e.type = $1`

export async function judge({
  url,
  load,
  receiver,
  watchers,
}: {
  url: string
  load: Load
  receiver: ChaosReceiver
  watchers: Watcher[]
}): Promise<{ faults: string[]; figures: Figures }> {
  const faults: string[] = []
  const client = new pg.Client(url)
  await client.connect()
  const rows = async <Row extends object>(text: string, values: unknown[] = []) =>
    (await client.query<Row>(text, values)).rows
  const count = async (what: string) => (await rows<{ n: number }>(`select count(*)::int as n from ${what}`))[0]?.n ?? 0
  const figures: Figures = {}

  async function slots({ name, id, firstSlot, until }: Ticking) {
    const found = await rows<SlotRow>(SLOTS, [uuidOf('Job', id)])
    const times = found.flatMap(({ slot, count }) =>
      Array.from({ length: count }, (_, n) => slot.getTime() + n * STEP_MS),
    )
    for (const { slot, count, until: end } of found) {
      if (end && end.getTime() !== slot.getTime() + (count - 1) * STEP_MS)
        faults.push(`${name}: the range from ${slot.toISOString()} ends elsewhere than its ${count} slots`)
    }
    times.sort((a, b) => a - b)
    const last = times.at(-1) ?? 0
    const whole = new Set(times)
    figures.slots = (figures.slots ?? 0) + whole.size
    figures.slotsSkipped =
      (figures.slotsSkipped ?? 0) +
      found.reduce((sum, { status, count }) => sum + (status === 'SKIPPED' ? count : 0), 0)
    figures.slotsTwice = (figures.slotsTwice ?? 0) + times.length - whole.size
    if (times.length !== whole.size) faults.push(`${name}: ${times.length - whole.size} slots are there twice`)
    let lost = 0
    for (let at = firstSlot.getTime(); at <= Math.max(last, until.getTime() - EDGE_MS); at += STEP_MS) {
      if (!whole.has(at)) lost++
    }
    figures.slotsLost = (figures.slotsLost ?? 0) + lost
    if (lost > 0) faults.push(`${name}: ${lost} slots from ${firstSlot.toISOString()} are lost`)
  }

  async function events() {
    const found = await rows<{ id: string; dispatched: boolean; jobs: string[] | null }>(EVENTS, ['chaos.happened'])
    const expected = load.listeners.map((id) => uuidOf('Job', id)).sort()
    for (const { id, dispatched, jobs } of found) {
      if (!dispatched || JSON.stringify(jobs?.sort()) !== JSON.stringify(expected))
        faults.push(`event ${id} started ${JSON.stringify(jobs)}`)
    }
    const ids = new Set(found.map(({ id }) => formatId('DomainEvent', id)))
    const lost = load.events.filter((id) => !ids.has(id))
    if (lost.length > 0) faults.push(`events that were accepted are lost: ${lost}`)
    figures.events = ids.size
    figures.eventsAccepted = load.events.length
    figures.eventsLost = lost.length
  }

  async function deliveries() {
    const ended = await rows<{ id: string; steps: number }>(
      `select id, jsonb_array_length(plan->'actions') as steps from run where status = 'SUCCEEDED'`,
    )
    const unseen = ended.filter(({ id, steps }) =>
      Array.from({ length: steps }, (_, step) => receiver.successes.get(messageId(id, step))).includes(undefined),
    )
    if (unseen.length > 0) faults.push(`succeeded without a call: ${unseen.map(({ id }) => id)}`)
    const made = new Set((await rows<{ id: string }>('select id from run')).map(({ id }) => formatId('Run', id)))
    const lost = load.runs.filter((id) => !made.has(id))
    if (lost.length > 0) faults.push(`runs that were accepted are lost: ${lost}`)
    figures.runs = made.size
    figures.runsSucceeded = ended.length
    // Its action never fails for good: only the loss of five workers ends a run so.
    const failed = await rows<{ error: { code: string } }>(`select id, error from run where status = 'FAILED'`)
    const others = failed.filter(({ error }) => error.code !== 'LOST')
    if (others.length > 0) faults.push(`runs that failed: ${JSON.stringify(others)}`)
    figures.runsFailedLost = failed.length - others.length
    figures.runsSkipped = await count(`run where status = 'SKIPPED'`)
    figures.runsByHandAccepted = load.runs.length
    figures.runsByHandLost = lost.length
    figures.attempts = await count('run_attempt')
    figures.attemptsLost = await count(`run_attempt where status = 'LOST'`)
    figures.calls = receiver.calls()
    figures.callsRepeated = [...receiver.successes.values()].reduce((sum, times) => sum + times - 1, 0)
    figures.requestsUnanswered = load.refused()
  }

  async function log() {
    const torn = await rows(TORN)
    if (torn.length > 0) faults.push(`runs that are torn: ${JSON.stringify(torn)}`)
    const waiting = await count('run_queue')
    if (waiting > 0) faults.push(`${waiting} runs are still queued`)
    const written = (
      await rows<{ id: string; seq: number }>('select run_id as id, seq from run_event order by position')
    ).map(({ id, seq }) => `${formatId('Run', id)} ${seq}`)
    figures.runEvents = written.length
    for (const [index, watcher] of watchers.entries()) {
      const { seen } = watcher
      const at = written.findIndex((event, position) => seen[position] !== event)
      if (at !== -1 || seen.length !== written.length) {
        faults.push(
          `watcher ${index} saw ${seen.length} of ${written.length} events, the first other one at ${at}: ${seen[at]} for ${written[at]}`,
        )
      }
      figures.watcherConnections = (figures.watcherConnections ?? 0) + watcher.connections()
      figures.watcherErrors = (figures.watcherErrors ?? 0) + watcher.errors()
    }
  }

  try {
    for (const job of load.ticking) await slots(job)
    await events()
    await deliveries()
    await log()
    figures.nodeRowsLeft = await count('node')
  } finally {
    await client.end()
  }
  return { faults, figures }
}
