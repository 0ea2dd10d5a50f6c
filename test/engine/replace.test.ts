/** Overlap CANCEL_RUNNING: a new run takes the place of those before it, and begins when they have ended. */
import { expect, it } from 'vitest'
import { createStage, failure, succeed, useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 15_000 }
const replacing = { overlap: 'CANCEL_RUNNING' as const }
const overlapped = { status: 'SKIPPED', skipReason: 'OVERLAP', skippedCount: 1 }
const statuses = (jobId: string) => expect.poll(() => world.statuses(jobId), soon)

it('by hand: the new run waits until the old one has ended, which is asked to at once', async () => {
  const stage = createStage()
  await world.node(stage.perform)
  const jobId = await world.job(replacing)
  const first = await world.start(jobId)
  const old = await stage.call(0)
  const second = await world.start(jobId)
  await expect.poll(() => old.signal.aborted, soon).toBe(true)
  expect((await world.entry(second))?.blocked).toBe(true)
  expect(stage.calls).toHaveLength(1)
  old.end(failure())
  const next = await stage.call(1)
  expect(next.run.runId).toBe(second)
  const [ended, begun] = [await world.run(first), await world.run(second)]
  expect(ended).toMatchObject({ status: 'CANCELLED', error: { code: 'CANCELLED' } })
  expect(begun.startedAt?.getTime()).toBeGreaterThanOrEqual(ended.finishedAt?.getTime() ?? Number.NaN)
  next.end()
  await statuses(jobId).toEqual(['CANCELLED', 'SUCCEEDED'])
})

it('of several that wait only the newest is left', async () => {
  const stage = createStage()
  await world.node(stage.perform)
  const jobId = await world.job(replacing)
  const ids = [await world.start(jobId)]
  const old = await stage.call(0)
  for (let n = 0; n < 3; n++) ids.push(await world.start(jobId))
  expect(await world.statuses(jobId)).toEqual(['RUNNING', 'CANCELLED', 'CANCELLED', 'QUEUED'])
  for (const runId of ids.slice(1, 3)) {
    expect((await world.run(runId)).error).toMatchObject({ message: 'a newer run of its job took its place' })
    expect(await world.kinds(runId)).toEqual(['QUEUED', 'CANCELLED'])
  }
  old.end(failure())
  ;(await stage.call(1)).end()
  await statuses(jobId).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED', 'SUCCEEDED'])
  expect(stage.calls.map(({ run }) => run.runId)).toEqual([ids[0], ids[3]])
})

it('of events that are dispatched together the last one runs, and the others are skipped', async () => {
  const stage = createStage()
  const jobId = await world.job({ ...replacing, eventType: 'order.paid' })
  const other = await world.job({ eventType: 'order.paid' })
  const events = await world.sql<{ id: string }>(
    `insert into domain_event (id, type, owner_id)
    select ('0190000' || n || '-0000-7000-8000-000000000000')::uuid, 'order.paid', $1::uuid from generate_series(1, 4) n
    returning id`,
    [world.alice.principalId],
  )
  await world.node(stage.perform)
  await stage.call(1)
  const runs = await world.runsOf(jobId)
  expect(runs.map(({ domainEventId }) => domainEventId)).toEqual(events.map(({ id }) => id))
  expect(runs.slice(0, 3)).toMatchObject([overlapped, overlapped, overlapped])
  expect((await world.runsOf(other)).map(({ status }) => status)).not.toContain('SKIPPED')
  await expect
    .poll(async () => {
      for (const { end } of stage.calls) end()
      return world.sql('select 1 from run_queue')
    }, soon)
    .toEqual([])
  expect((await world.runsOf(jobId)).at(-1)?.status).toBe('SUCCEEDED')
})

it('by events one after the other: each takes the place of the one before it', async () => {
  const stage = createStage()
  await world.node(stage.perform)
  const jobId = await world.job({ ...replacing, eventType: 'order.paid' })
  await world.emit('order.paid')
  const first = await stage.call(0)
  await world.emit('order.paid')
  await expect.poll(() => first.signal.aborted, soon).toBe(true)
  first.end(failure())
  ;(await stage.call(1)).end()
  await statuses(jobId).toEqual(['CANCELLED', 'SUCCEEDED'])
})

it('by slots: the newest one runs, and each that was missed is skipped', async () => {
  const stage = createStage()
  await world.node(stage.perform)
  const jobId = await world.job({ ...replacing, schedule: { every: { seconds: 1 } } })
  const first = await stage.call(0)
  await expect.poll(() => first.signal.aborted, soon).toBe(true)
  await world.sql('update job set enabled = false, next_run_at = null')
  const ended = async () => {
    for (const { end } of stage.calls) end()
    return world.sql('select 1 from run_queue')
  }
  await expect.poll(ended, soon).toEqual([])
  const runs = await world.runsOf(jobId)
  expect(runs.length).toBeGreaterThanOrEqual(2)
  expect(runs.at(-1)?.status).toBe('SUCCEEDED')

  const late = await world.job({
    ...{ overlap: 'CANCEL_RUNNING', catchUp: 'ALL', enabled: false },
    schedule: { cron: { expression: '* * * * * *' } },
  })
  await world.sql('update job set enabled = true where id = $1::uuid', [late])
  await world.missSlotsSince(late, 30)
  await world.jobs.update(world.alice, { jobId: late, name: 'late' })
  await expect.poll(async () => (await world.runsOf(late)).length, soon).toBeGreaterThanOrEqual(30)
  await world.sql('update job set enabled = false, next_run_at = null')
  await expect.poll(ended, soon).toEqual([])
  const [oldest, ...others] = await world.runsOf(late)
  expect(oldest).toMatchObject(overlapped)
  expect(others.slice(0, 20)).toEqual(others.slice(0, 20).map(() => expect.objectContaining(overlapped)))
  expect(others.at(-1)?.status).toBe('SUCCEEDED')
})

it('an old run that succeeds all the same has succeeded', async () => {
  const stage = createStage()
  await world.node(stage.perform)
  const jobId = await world.job(replacing)
  await world.start(jobId)
  const old = await stage.call(0)
  await world.start(jobId)
  await expect.poll(() => old.signal.aborted, soon).toBe(true)
  old.end()
  ;(await stage.call(1)).end()
  await statuses(jobId).toEqual(['SUCCEEDED', 'SUCCEEDED'])
})

it('leaves no two runs at work, however many come at the same time', async () => {
  let working = 0
  let most = 0
  await world.node(async (...step) => {
    most = Math.max(most, ++working)
    await new Promise((resolve) => setImmediate(resolve))
    working--
    return step[2].aborted ? failure() : succeed(...step)
  })
  const jobId = await world.job(replacing)
  await Promise.all(Array.from({ length: 40 }, () => world.start(jobId)))
  await expect.poll(() => world.sql('select 1 from run_queue'), soon).toEqual([])
  expect(most).toBe(1)
  const ends = new Set(await world.statuses(jobId))
  expect(ends).toContain('SUCCEEDED')
  // Those that came in one transaction with a newer one never were.
  expect(['CANCELLED', 'SKIPPED', 'SUCCEEDED']).toEqual(expect.arrayContaining([...ends]))
})
