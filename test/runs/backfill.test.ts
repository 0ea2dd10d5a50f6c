/** Making up for past slots, from the outside. */
import type { ServerResponse } from 'node:http'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BackfillJobInput, CreateJobInput } from '../generated/graphql.ts'
import { actions, jobOf } from '../jobs/operations.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, type Person, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { only, runActions, snapshot, uuidOf } from './operations.ts'

let app: TestApp
let alice: Person
let bob: Person
let api: ReturnType<typeof runActions>
let jobs: ReturnType<typeof actions>

beforeAll(async () => {
  app = await createTestApp()
  ;[alice, bob] = [await signUp(app, 'alice'), await signUp(app, 'bob')]
  api = runActions(app, alice.token)
  jobs = actions(app, alice.token)
})
// Ends what a test began, so that the next starts with nothing to do.
afterEach(async () => {
  await query(app, 'update job set enabled = false, next_run_at = null')
  for (const table of ['run_queue', 'run', 'run_event']) await query(app, `delete from ${table}`)
})
afterAll(() => app?.stop())

const soon = { timeout: 15_000 }
const daily = { cron: { expression: '0 0 * * *', timezone: 'UTC' } }
const midnight = (day: number) => new Date(Date.UTC(2024, 2, day)).toISOString()
const days = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => midnight(first + n))
const make = async (more: Partial<CreateJobInput> = {}) =>
  (await makeJob(app, alice.token, { schedule: daily, ...more })).id
const backfill = async (jobId: string, first: number, last: number, more: Partial<BackfillJobInput> = {}) =>
  only(await api.backfill({ jobId, from: midnight(first), to: midnight(last + 1), ...more }), 'Backfill')
/** Slots of the backfilled runs, in the order in which those were made. */
const slotsOf = async (jobId: string) =>
  (await api.runsOf(jobId)).flatMap(({ trigger, scheduledFor }) => (trigger === 'BACKFILL' ? [scheduledFor] : []))
const allEnd = async (jobId: string) => {
  const open = 'select 1 from run_queue where job_id = $1::uuid'
  await expect.poll(() => query(app, open, [uuidOf(jobId)]), { timeout: 60_000 }).toEqual([])
}
/** A receiver that answers when it is told to. */
async function startSlow() {
  const waiting: ServerResponse[] = []
  const receiver = await startReceiver((response) => void waiting.push(response))
  return {
    receiver,
    actions: [{ webhook: { url: receiver.url } }],
    /** Slots that were asked for so far. */
    slots: () => receiver.calls.map(({ body }) => JSON.parse(body).run.scheduledFor as string | null),
    async answer(index: number, status = 200) {
      await expect.poll(() => waiting.length, soon).toBeGreaterThan(index)
      waiting[index]?.writeHead(status).end()
    },
  }
}

describe('a backfill', () => {
  it('queues a run for each slot of its range, and they run one after the other, the oldest first', async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions })
    expect(await backfill(jobId, 1, 4)).toMatchObject({
      slots: 4,
      present: 0,
      queued: 4,
      skipped: 0,
      job: { id: jobId },
    })
    for (let n = 0; n < 4; n++) {
      await slow.answer(n)
      expect(slow.slots()).toHaveLength(n + 1)
      await expect.poll(async () => (await api.runsOf(jobId))[n]?.status, soon).toBe('SUCCEEDED')
    }
    expect(slow.slots()).toEqual(days(1, 4))
    expect(JSON.parse(slow.receiver.calls[0]?.body ?? '').run).toMatchObject({
      trigger: 'BACKFILL',
      scheduledFor: midnight(1),
    })
    expect(await slotsOf(jobId)).toEqual(days(1, 4))
  })

  it('reaches back before an interval’s job was made, on its grid', async () => {
    const jobId = await make({ schedule: { every: { seconds: 3600 } } })
    const [row] = await query<{ anchor: Date }>(app, 'select anchor from job where id = $1::uuid', [uuidOf(jobId)])
    const hoursAgo = (hours: number) => new Date((row?.anchor.getTime() ?? 0) - hours * 3_600_000).toISOString()
    const answer = await api.backfill({ jobId, from: hoursAgo(3), to: hoursAgo(0) })
    expect(answer).toMatchObject({ slots: 3, queued: 3 })
    expect(await slotsOf(jobId)).toEqual([3, 2, 1].map(hoursAgo))
    await allEnd(jobId)
  })

  it('takes all of them at once under ALLOW, and one under SKIP', async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions })
    expect(await backfill(jobId, 1, 3, { overlap: 'ALLOW' })).toMatchObject({ queued: 3, skipped: 0 })
    await expect.poll(() => slow.slots().sort(), soon).toEqual(days(1, 3))
    expect(await backfill(jobId, 4, 6, { overlap: 'SKIP' })).toMatchObject({ queued: 0, skipped: 3 })
    for (let n = 0; n < 3; n++) await slow.answer(n)
    await allEnd(jobId)
    expect(await backfill(jobId, 4, 6, { overlap: 'SKIP' })).toMatchObject({ present: 0, queued: 1, skipped: 2 })
    await slow.answer(3)
    await allEnd(jobId)
    expect(slow.slots()[3]).toBe(midnight(4))
    expect(await backfill(jobId, 4, 6, { overlap: 'QUEUE_ONE' })).toMatchObject({ present: 1, queued: 2, skipped: 0 })
    await slow.answer(4)
    await slow.answer(5)
    await allEnd(jobId)
  })

  it('goes by the job’s own policy when it says none', async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions, overlap: 'SKIP' })
    expect(await backfill(jobId, 1, 3)).toMatchObject({ queued: 1, skipped: 2 })
    expect(await backfill(jobId, 2, 3, { overlap: 'QUEUE_ALL' })).toMatchObject({ queued: 2, skipped: 0 })
    for (let n = 0; n < 3; n++) await slow.answer(n)
    await allEnd(jobId)
  })

  it('replaces all but the last slot under CANCEL_RUNNING, however many there are', async () => {
    const slow = await startSlow()
    const jobId = await make({
      actions: slow.actions,
      schedule: { cron: { expression: '* * * * *', timezone: 'UTC' } },
    })
    const byHand = await api.start(jobId)
    await expect.poll(() => slow.slots(), soon).toHaveLength(1)
    const to = new Date(Date.UTC(2024, 2, 1, 20)).toISOString()
    const answer = await api.backfill({ jobId, from: midnight(1), to, overlap: 'CANCEL_RUNNING' })
    expect(answer).toMatchObject({ slots: 1200, queued: 1, skipped: 1199 })
    expect((await api.story(byHand)).at(-1)).toBe('RunCancelled')
    await slow.answer(1)
    await allEnd(jobId)
    expect(slow.slots()).toEqual([null, new Date(Date.UTC(2024, 2, 1, 19, 59)).toISOString()])
    const ends = await query(
      app,
      'select status, count(*)::int from run where job_id = $1::uuid group by 1 order by 1',
      [uuidOf(jobId)],
    )
    expect(ends).toEqual([
      { status: 'SUCCEEDED', count: 1 },
      { status: 'CANCELLED', count: 1 },
      { status: 'SKIPPED', count: 1199 },
    ])
  })

  it('of a paused job works, and of one whose schedule fired once', async () => {
    const receiver = await startReceiver()
    const webhook = [{ webhook: { url: receiver.url } }]
    const paused = await make({ actions: webhook, enabled: false })
    expect(await backfill(paused, 1, 2)).toMatchObject({ queued: 2 })
    const once = await make({ actions: webhook, schedule: { at: new Date(Date.now() + 3_600_000).toISOString() } })
    await query(
      app,
      `update schedule set at = '2024-03-05T00:00:00Z' where id = (select schedule_id from job where id = $1::uuid)`,
      [uuidOf(once)],
    )
    expect(await backfill(once, 1, 9)).toMatchObject({ slots: 1, queued: 1 })
    for (const jobId of [paused, once]) await allEnd(jobId)
    expect(await slotsOf(once)).toEqual([midnight(5)])
    expect((await api.runsOf(paused)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED'])
  })
})

describe('a slot is missing', () => {
  it('when its runs failed, were skipped or cancelled; not when one succeeded or may still do so', async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions })
    const states = ['SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED', 'QUEUED', 'RUNNING', 'RETRYING'] as const
    // As the schedule would have fired them; the engine does not look at runs that are not in its queue.
    await query(
      app,
      `insert into run (id, job_id, trigger, status, scheduled_for, available_at, plan, queued_at, skip_reason, skipped_count)
      select gen_random_uuid(), $1::uuid, (case when n % 2 = 0 then 'SCHEDULE' else 'RETRY' end)::run_trigger, s::run_status,
        slot, slot, '{"actions": []}', slot, case when s = 'SKIPPED' then 'MISFIRE'::skip_reason end, case when s = 'SKIPPED' then 1 end
      from unnest($2::text[], $3::timestamptz[]) with ordinality as given(s, slot, n)`,
      [uuidOf(jobId), states, days(1, states.length)],
    )
    expect(await backfill(jobId, 1, states.length)).toMatchObject({ slots: 7, present: 4, queued: 3 })
    expect(await slotsOf(jobId)).toEqual(days(2, 4))
    for (let n = 0; n < 3; n++) await slow.answer(n, n === 0 ? 400 : 200)
    await allEnd(jobId)
    expect(await backfill(jobId, 1, states.length)).toMatchObject({ present: 6, queued: 1 })
    await slow.answer(3)
    await allEnd(jobId)
    expect(await backfill(jobId, 1, states.length)).toMatchObject({ present: 7, queued: 0, skipped: 0 })
    expect(await backfill(jobId, 1, states.length, { onlyMissing: false })).toMatchObject({ present: 0, queued: 7 })
  })

  it('once: a second backfill queues none, nor do several at the same time', async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions })
    const answers = await Promise.all([1, 2, 3].map(() => backfill(jobId, 1, 5)))
    expect(answers.map(({ queued }) => queued).sort()).toEqual([0, 0, 5])
    const overlapping = await Promise.all([backfill(jobId, 4, 8), backfill(jobId, 6, 10)])
    expect(overlapping.reduce((sum, { queued }) => sum + queued, 0)).toBe(5)
    expect(await backfill(jobId, 1, 10)).toMatchObject({ present: 10, queued: 0 })
    expect((await slotsOf(jobId)).toSorted()).toEqual(days(1, 10))
  })
})

describe('a large backfill', () => {
  const perSecond = { cron: { expression: '* * * * * *', timezone: 'UTC' } }
  const instant = (seconds: number) => new Date(Date.UTC(2024, 2, 1) + seconds * 1000).toISOString()

  it('queues 10,000 runs at once, and refuses one more with their number', { timeout: 60_000 }, async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions, schedule: perSecond, enabled: false })
    const before = await snapshot(app)
    expect(await api.backfill({ jobId, from: instant(0), to: instant(10_001) })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: 'to', message: expect.stringContaining('has 10001 slots') }],
    })
    expect(await snapshot(app)).toEqual(before)
    const answer = await api.backfill({ jobId, from: instant(0), to: instant(10_000) })
    expect(answer).toMatchObject({ slots: 10_000, queued: 10_000, skipped: 0 })
    await expect.poll(() => slow.slots(), soon).toEqual([instant(0)])
    const [row] = await query(
      app,
      'select count(*)::int, count(distinct scheduled_for)::int as slots from run where job_id = $1::uuid',
      [uuidOf(jobId)],
    )
    expect(row).toEqual({ count: 10_000, slots: 10_000 })
  })

  it('is queued as a whole or not at all', { timeout: 60_000 }, async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions, schedule: perSecond, enabled: false })
    const client = new pg.Client(app.databaseUrl)
    await client.connect()
    // The last slot of the range cannot be written.
    await client.query(`alter table run add constraint unlucky check (scheduled_for <> '${instant(1_999)}') not valid`)
    try {
      const before = await snapshot(app)
      const failing = api.backfill({ jobId, from: instant(0), to: instant(2_000) }).catch((error: unknown) => error)
      expect(await failing).not.toMatchObject({ __typename: 'Backfill' })
      expect(await snapshot(app)).toEqual(before)
    } finally {
      await client.query('alter table run drop constraint unlucky')
      await client.end()
    }
    expect(await api.backfill({ jobId, from: instant(0), to: instant(2_000) })).toMatchObject({ queued: 2_000 })
  })
})

describe('what happens now', () => {
  it('goes before what is made up for: the slots that fire, and runs by hand', async () => {
    const slow = await startSlow()
    const jobId = await make({ actions: slow.actions, overlap: 'QUEUE_ALL' })
    await backfill(jobId, 1, 3)
    await expect.poll(() => slow.slots(), soon).toEqual([midnight(1)])
    await query(app, `update job set next_run_at = date_trunc('day', clock_timestamp()) where id = $1::uuid`, [
      uuidOf(jobId),
    ])
    jobOf(await jobs.update({ jobId, name: 'due now' }))
    await expect
      .poll(async () => (await api.runsOf(jobId)).filter(({ trigger }) => trigger === 'SCHEDULE'), soon)
      .toHaveLength(1)
    await api.start(jobId)
    for (let n = 0; n < 5; n++) await slow.answer(n)
    await allEnd(jobId)
    const triggers = slow.receiver.calls.map(({ body }) => JSON.parse(body).run.trigger)
    expect(triggers.slice(1, 3).sort()).toEqual(['MANUAL', 'SCHEDULE'])
    expect(triggers.slice(3)).toEqual(['BACKFILL', 'BACKFILL'])
  })
})

it('of more runs than others may wait for fills nobody else’s queue', { timeout: 60_000 }, async () => {
  const slow = await startSlow()
  const hourly = { cron: { expression: '0 * * * *', timezone: 'UTC' } }
  const jobId = await make({ actions: slow.actions, schedule: hourly })
  const days = { from: midnight(1), to: new Date(Date.UTC(2024, 3, 20)).toISOString() }
  expect(only(await api.backfill({ jobId, ...days }), 'Backfill')).toMatchObject({ queued: 1_200 })
  await api.start(jobId)
  await slow.answer(0)
  await slow.answer(1)
  expect(slow.receiver.calls.slice(0, 2).map(({ body }) => JSON.parse(body).run.trigger)).toEqual([
    'BACKFILL',
    'MANUAL',
  ])
})

describe('backfillJob refuses', () => {
  const refuses = async (input: BackfillJobInput, path: string) => {
    const before = await snapshot(app)
    expect(await api.backfill(input)).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path, message: expect.stringMatching(/\S/) }],
    })
    expect(await snapshot(app)).toEqual(before)
  }

  it('a range that is empty or the wrong way round, and one that reaches into the future', async () => {
    const jobId = await make()
    await refuses({ jobId, from: midnight(1), to: midnight(1) }, 'to')
    await refuses({ jobId, from: midnight(2), to: midnight(1) }, 'to')
    const future = new Date(Date.now() + 60_000).toISOString()
    await refuses({ jobId, from: new Date(Date.now() - 1_000).toISOString(), to: future }, 'to')
    await refuses({ jobId, from: future, to: '9999-12-31T00:00:00Z' }, 'to')
  })

  it('a job that has no slots', async () => {
    for (const more of [{ schedule: null }, { schedule: null, eventType: 'order.paid' }]) {
      await refuses({ jobId: await make(more), from: midnight(1), to: midnight(2) }, 'jobId')
    }
  })

  it('a priority beyond ±100', async () => {
    const jobId = await make()
    for (const priority of [-101, 101])
      await refuses({ jobId, from: midnight(1), to: midnight(2), priority }, 'priority')
  })

  it('a job of somebody else, one that is deleted and what is no job', async () => {
    const jobId = await make()
    const deleted = await make()
    jobOf(await jobs.remove(deleted))
    const range = { from: midnight(1), to: midnight(2) }
    const before = await snapshot(app)
    const notFound = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
    expect(await runActions(app, bob.token).backfill({ jobId, ...range })).toMatchObject(notFound)
    for (const id of ['', 'job_', deleted, jobId.replace('job', 'run')]) {
      expect(await api.backfill({ jobId: id, ...range })).toMatchObject(notFound)
    }
    const writer = await issueToken(app, alice.token, { scopes: ['jobs:read', 'jobs:write'] })
    const refused = { __typename: 'ForbiddenError', code: 'INSUFFICIENT_SCOPE' }
    expect(await runActions(app, writer.token).backfill({ jobId, ...range })).toMatchObject(refused)
    expect(await snapshot(app)).toEqual(before)
  })
})
