/** Jobs that end with their last slot, and jobs that their next slot deletes. */
import { describe, expect, it } from 'vitest'
import type { Surface } from '../../src/db/generated/prisma/enums.ts'
import { formatId, newId } from '../../src/kernel/ids.ts'
import { createStage, failure, type JobInput, succeed, useWorld, type World, webhook } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

/** Who holds jobs, and lets them go. */
const admin = () => ({ ...world.alice, isAdmin: true, scopes: new Set([...world.alice.scopes, 'admin' as const]) })

const soon = { timeout: 10_000 }
const someday = new Date('2999-01-01T00:00:00Z')

const make = async (surface: Surface, input: JobInput = {}) =>
  (await world.jobs.create(world.alice, { actions: [webhook('only')], schedule: { at: someday }, ...input }, surface))
    .id

/** What is there of a job: it is enabled, disabled, or gone. */
async function stateOf(id: string) {
  const { enabled, deletedAt } = await world.prisma.job.findUniqueOrThrow({ where: { id } })
  if (deletedAt) expect(enabled).toBe(false)
  return deletedAt ? 'gone' : enabled ? 'enabled' : 'disabled'
}
const becomes = (id: string, state: string) => expect.poll(() => stateOf(id), soon).toBe(state)

/** Its only slot is now, or was so many seconds ago. */
async function due(id: string, secondsAgo = 0) {
  await world.sql(
    `with moved as (
      update job set next_run_at = date_trunc('second', now()) - make_interval(secs => $2) where id = $1::uuid
      returning schedule_id, next_run_at)
    update schedule set at = next_run_at from moved where schedule.id = schedule_id and kind = 'ONCE'`,
    [id, secondsAgo],
  )
  await world.sql(`select pg_notify('runsheet', 'jobs')`)
}

/** Its schedule is a cron that fires for the last time so many seconds ago, and each `every` seconds before. */
async function dueForTheLastTime(id: string, secondsAgo: number, count = 1) {
  const last = new Date(Math.floor(Date.now() / 1000) * 1000 - secondsAgo * 1000)
  const seconds = Array.from({ length: count }, (_, back) => new Date(last.getTime() - back * 1000))
  // Within one minute, or there would be more of them.
  const within = seconds.filter((slot) => slot.getUTCMinutes() === last.getUTCMinutes())
  const fields = [last.getUTCMinutes(), last.getUTCHours(), last.getUTCDate(), last.getUTCMonth() + 1]
  const expression = `${within.map((slot) => slot.getUTCSeconds())} ${fields.join(' ')} ? ${last.getUTCFullYear()}`
  const first = within.at(-1) ?? last
  await world.sql(
    `with moved as (update job set next_run_at = $2 where id = $1::uuid returning schedule_id)
    update schedule set kind = 'CRON', dialect = 'QUARTZ', timezone = 'UTC', at = null, expression = $3
    from moved where schedule.id = schedule_id`,
    [id, first, expression],
  )
  await world.sql(`select pg_notify('runsheet', 'jobs')`)
  return { first, last, count: within.length }
}

/** With a shared interval that has one slot. */
async function makeOnce(input: JobInput = {}) {
  const schedule = { id: newId(), ownerId: world.alice.principalId, shared: true }
  await world.prisma.schedule.create({ data: { ...schedule, kind: 'INTERVAL', intervalSeconds: 3600, once: true } })
  const id = await make('KRAGLE', { ...input, schedule: undefined, scheduleId: schedule.id })
  return { id, scheduleId: schedule.id }
}

describe('a job that ends with its last slot', () => {
  const KINDS: [string, () => Promise<string>, (id: string) => Promise<unknown>, 'gone' | 'disabled'][] = [
    ['an instant of Boozles', () => make('BOOZLES'), due, 'gone'],
    ['the last year of a cron of Boozles', () => make('BOOZLES'), (id) => dueForTheLastTime(id, 1), 'gone'],
    ['an instant of Kragle', () => make('KRAGLE'), due, 'disabled'],
    ['a period of Kragle that comes once', async () => (await makeOnce()).id, due, 'disabled'],
    ['an instant of Informer', () => make('INFORMER', { name: 'Once' }), due, 'disabled'],
    ['an instant of ours', () => make('GRAPHQL'), due, 'enabled' as never],
  ]

  it.each(KINDS)('%s: is over the moment that its run is, and not before', async (_, make, due, state) => {
    const stage = createStage()
    const id = await make()
    await due(id)
    await world.node(stage.perform)
    const { end } = await stage.call(0)
    expect(await stateOf(id)).toBe('enabled')
    end(failure({ transient: false }))
    await expect.poll(() => world.statuses(id), soon).toEqual(['FAILED'])
    expect(await stateOf(id)).toBe(state)
  })

  it('is in no list then, and its runs can still be read', async () => {
    const id = await make('BOOZLES', { name: 'Fleeting' })
    const other = await make('BOOZLES', { name: 'Lasting' })
    await due(id)
    await world.node(succeed)
    await becomes(id, 'gone')
    expect(await world.jobs.find(world.alice, id)).toBeNull()
    const listed = await world.jobs.list(world.alice, { first: 10, filter: { surface: 'BOOZLES' } })
    expect(listed.edges.map(({ node }) => node.id)).toEqual([other])
    expect(await world.sql('select job_id as id from job_text where job_id = any($1::uuid[])', [[id, other]])).toEqual([
      { id: other },
    ])
    const [run] = await world.runsOf(id)
    expect(await world.runs.find(world.alice, run?.id ?? '')).toMatchObject({ id: run?.id, status: 'SUCCEEDED' })
    expect(await world.jobs.byIds(world.alice, [id])).toMatchObject([{ id, deletedAt: expect.any(Date) }])
  })

  it('stays while a failed run is to be tried again, and is over when that is cancelled', async () => {
    const id = await make('BOOZLES', { retry: { maxAttempts: 2, initialDelay: 3600 } })
    await due(id)
    await world.node(async () => failure())
    await expect.poll(() => world.statuses(id), soon).toEqual(['RETRYING'])
    expect(await stateOf(id)).toBe('enabled')
    const [run] = await world.runsOf(id)
    await world.runs.cancel(world.alice, run?.id ?? '')
    await becomes(id, 'gone')
    expect(await world.statuses(id)).toEqual(['CANCELLED'])
  })

  it('is over when its last try was lost', async () => {
    const stage = createStage()
    const id = await make('BOOZLES')
    await due(id)
    await world.node(stage.perform)
    await stage.call(0)
    expect(await world.runs.release(admin(), id)).toMatchObject({ id })
    expect(await world.statuses(id)).toEqual(['FAILED'])
    await becomes(id, 'gone')
  })

  it('is over when its last slots were missed for good', async () => {
    const id = await make('BOOZLES', { catchUpWindow: 0 })
    const { first, last, count } = await dueForTheLastTime(id, 7200, 3)
    await world.node(succeed)
    await becomes(id, 'gone')
    expect(await world.runsOf(id)).toMatchObject([
      { status: 'SKIPPED', skipReason: 'MISFIRE', scheduledFor: first, skippedUntil: last, skippedCount: count },
    ])
  })

  it.each(['LATEST', 'NONE', 'ALL'] as const)('runs its one slot however late under %s', async (catchUp) => {
    const ids = [await make('BOOZLES', { catchUp, catchUpWindow: 0 }), (await makeOnce({ catchUp })).id]
    for (const id of ids) await due(id, 40 * 86_400)
    await world.node(succeed)
    await becomes(ids[0] ?? '', 'gone')
    await becomes(ids[1] ?? '', 'disabled')
    for (const id of ids) expect(await world.statuses(id)).toEqual(['SUCCEEDED'])
  })

  it('runs all that it has to catch up before it is over', async () => {
    const stage = createStage()
    const id = await make('BOOZLES', { catchUp: 'ALL' })
    const { count } = await dueForTheLastTime(id, 30, 3)
    await world.node(stage.perform)
    for (let index = 0; index < count; index++) {
      const { end } = await stage.call(index)
      expect(await stateOf(id)).toBe('enabled')
      end()
    }
    await becomes(id, 'gone')
    expect(await world.statuses(id)).toEqual(Array.from({ length: count }, () => 'SUCCEEDED'))
  })

  it('waits for a run by hand, before its slot or behind it', async () => {
    for (const [overlap, statuses] of [
      [null, ['SUCCEEDED', 'SKIPPED']],
      ['QUEUE_ALL', ['SUCCEEDED', 'SUCCEEDED']],
      ['ALLOW', ['SUCCEEDED', 'SUCCEEDED']],
    ] as const) {
      const stage = createStage()
      const id = await make('BOOZLES', { overlap })
      const node = await world.node(stage.perform)
      await world.start(id)
      await stage.call(0)
      await due(id)
      await expect.poll(() => world.runsOf(id), soon).toHaveLength(2)
      if (overlap === 'ALLOW') (await stage.call(1)).end()
      expect(await stateOf(id)).toBe('enabled')
      stage.calls[0]?.end()
      if (overlap === 'QUEUE_ALL') {
        const last = await stage.call(1)
        expect(await stateOf(id)).toBe('enabled')
        last.end()
      }
      await becomes(id, 'gone')
      expect(await world.statuses(id)).toEqual(statuses)
      await node.stop()
    }
    const stage = createStage()
    const id = await make('BOOZLES')
    await due(id)
    await world.node(stage.perform)
    const { end } = await stage.call(0)
    await world.start(id)
    end()
    const last = await stage.call(1)
    expect(await stateOf(id)).toBe('enabled')
    last.end()
    await becomes(id, 'gone')
  })

  it('stays when it is paused or held before, and when it gets new slots meanwhile', async () => {
    const stage = createStage()
    const [paused, held, edited, bystander] = [
      await make('BOOZLES'),
      await make('BOOZLES'),
      await make('KRAGLE'),
      await make('BOOZLES', { catchUpWindow: 0 }),
    ]
    await world.jobs.pause(world.alice, paused)
    await world.runs.hold(admin(), held, null)
    await due(edited)
    await world.node(stage.perform)
    const { end } = await stage.call(0)
    const later = new Date('2999-06-01T00:00:00Z')
    await world.sql(
      `with changed as (update job set next_run_at = $2 where id = $1::uuid returning schedule_id)
      update schedule set at = $2 from changed where schedule.id = schedule_id`,
      [edited, later],
    )
    end()
    await expect.poll(() => world.statuses(edited), soon).toEqual(['SUCCEEDED'])
    // What the sweep does it has done once another job is gone.
    await dueForTheLastTime(bystander, 7200)
    await becomes(bystander, 'gone')
    expect(await Promise.all([paused, held, edited].map(stateOf))).toEqual(['disabled', 'enabled', 'enabled'])
  })

  it('is not resumed when its slots are past; only what Kragle says of it stays without an answer', async () => {
    const [instant, cron, kragle] = [await make('BOOZLES'), await make('BOOZLES'), await make('KRAGLE')]
    for (const id of [instant, cron, kragle]) await world.jobs.pause(world.alice, id)
    for (const id of [instant, kragle]) await due(id, 60)
    await dueForTheLastTime(cron, 60)
    for (const id of [instant, cron, kragle]) {
      await expect(world.jobs.resume(world.alice, id)).rejects.toMatchObject({ code: 'ENDED' })
    }
    await world.node(succeed)
    expect(await Promise.all([instant, cron, kragle].map(stateOf))).toEqual(['disabled', 'disabled', 'disabled'])
  })

  it('is found by an index of those that may end', async () => {
    // Of a handful of jobs, any index is as good.
    const id = await make('GRAPHQL', { schedule: { every: { seconds: 60 } } })
    await world.sql(
      `insert into job select (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid(), 'number', -n))).*
      from job j, generate_series(1, 3000) n where j.id = $1::uuid`,
      [id],
    )
    await world.sql('analyze job')
    const [plan] = await world.sql<{ 'QUERY PLAN': [{ Plan: object }] }>(
      `explain (format json) select id from job
      where end_of_life <> 'KEEP' and enabled and next_run_at is null and deleted_at is null
        and held_at is null and draft_of_id is null and not exists (select from run_queue q where q.job_id = job.id)
      order by id limit 100 for no key update skip locked`,
    )
    await world.sql('delete from job where number < 0')
    expect(JSON.stringify(plan)).toContain('job_ending')
  })
})

describe('a job whose next slot is to delete it', () => {
  const everyMinute: JobInput = { schedule: { every: { seconds: 60 } } }
  const ask = (id: string) => world.jobs.removeAtNextSlot(world.alice, id)

  it('is gone as the slot comes: that and what waits are skipped, what works finishes', async () => {
    const stage = createStage()
    const id = await make('KRAGLE', everyMinute)
    await world.node(stage.perform)
    const [working, waiting] = [await world.start(id), await world.start(id)]
    const { end } = await stage.call(0)
    expect(await ask(id)).toMatchObject({ deletionQueued: true, enabled: true })
    expect(await ask(id)).toMatchObject({ deletionQueued: true, enabled: true })
    expect(await world.jobs.find(world.alice, id)).toMatchObject({ id, deletionQueued: true })
    await due(id)
    await becomes(id, 'gone')
    expect(await world.jobs.find(world.alice, id)).toBeNull()
    end()
    await expect.poll(async () => (await world.run(working)).status, soon).toBe('SUCCEEDED')
    const runs = await world.runsOf(id)
    expect(runs).toMatchObject([
      { id: working, status: 'SUCCEEDED' },
      { id: waiting, status: 'SKIPPED', skipReason: 'DELETED', trigger: 'MANUAL' },
      { status: 'SKIPPED', skipReason: 'DELETED', trigger: 'SCHEDULE', skippedCount: 1, startedAt: null },
    ])
    expect(await world.runs.find(world.alice, runs[2]?.id ?? '')).toMatchObject({ skipReason: 'DELETED' })
    expect(stage.calls).toHaveLength(1)
  })

  it('writes all slots of a downtime down as one, whatever it would have caught up, on two nodes too', async () => {
    const stage = createStage()
    const ids = await Promise.all(
      (['NONE', 'LATEST', 'ALL'] as const).map((catchUp) => make('KRAGLE', { ...everyMinute, catchUp })),
    )
    for (const id of ids) await ask(id)
    await world.sql(
      `update job set anchor = now() - interval '630 seconds', next_run_at = now() - interval '570 seconds'
      where id = any($1::uuid[])`,
      [ids],
    )
    await Promise.all([world.node(stage.perform), world.node(stage.perform)])
    for (const id of ids) {
      await becomes(id, 'gone')
      expect(await world.runsOf(id)).toMatchObject([{ status: 'SKIPPED', skipReason: 'DELETED', skippedCount: 10 }])
    }
    expect(stage.calls).toEqual([])
  })

  it('does not run its one time either', async () => {
    const stage = createStage()
    const [period, instant] = [(await makeOnce()).id, await make('KRAGLE')]
    for (const id of [period, instant]) {
      await ask(id)
      await due(id)
    }
    await world.node(stage.perform)
    for (const id of [period, instant]) {
      await becomes(id, 'gone')
      expect(await world.runsOf(id)).toMatchObject([{ status: 'SKIPPED', skipReason: 'DELETED', skippedCount: 1 }])
    }
    expect(stage.calls).toEqual([])
  })

  it('shows no slots to come, and goes at once when it has none, or one that is due', async () => {
    const [coming, paused, overdue] = await Promise.all([1, 2, 3].map(() => make('KRAGLE', everyMinute)))
    if (!coming || !paused || !overdue) throw new Error('they were made')
    const schedule = await world.prisma.schedule.findFirst({ where: { jobs: { some: { id: coming } } } })
    expect(world.jobs.upcoming(await ask(coming), schedule, 5)).toEqual([])
    await world.jobs.pause(world.alice, paused)
    await ask(paused)
    await world.missSlotsSince(overdue, 1)
    await ask(overdue)
    expect(await Promise.all([coming, paused, overdue].map(stateOf))).toEqual(['enabled', 'gone', 'gone'])
  })

  it('stays while it is paused or held, and goes with the first slot after that', async () => {
    const [paused, held, other] = await Promise.all([1, 2, 3].map(() => make('KRAGLE', everyMinute)))
    if (!paused || !held || !other) throw new Error('they were made')
    for (const id of [paused, held, other]) await ask(id)
    await world.jobs.pause(world.alice, paused)
    await world.runs.hold(admin(), held, null)
    await due(other)
    await world.node(succeed)
    await becomes(other, 'gone')
    expect(await Promise.all([paused, held].map(stateOf))).toEqual(['disabled', 'enabled'])
    expect(await world.jobs.resume(world.alice, paused)).toMatchObject({ deletionQueued: true, enabled: true })
    await world.runs.release(admin(), held)
    for (const id of [paused, held]) {
      await due(id)
      await becomes(id, 'gone')
      expect(await world.statuses(id)).toEqual(['SKIPPED'])
    }
  })

  it('is forgotten in time, and the schedule that others can see is not', async () => {
    const { id, scheduleId } = await makeOnce()
    await ask(id)
    await due(id)
    await world.node(succeed, { retentionDays: 30, pace: 1000 })
    await becomes(id, 'gone')
    await world.sql(
      `with old as (update job set deleted_at = now() - interval '31 days' where id = $1::uuid)
      delete from run where job_id = $1::uuid`,
      [id],
    )
    await expect.poll(() => world.prisma.job.findUnique({ where: { id } }), soon).toBeNull()
    expect(await world.prisma.schedule.findUnique({ where: { id: scheduleId } })).toMatchObject({ shared: true })
    expect(formatId('Job', id)).toMatch(/^job_/)
  })
})
