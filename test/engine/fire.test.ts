import { describe, expect, it } from 'vitest'
import type { Run } from '../../src/db/generated/prisma/client.ts'
import { newId } from '../../src/kernel/ids.ts'
import { recordRuns } from '../../src/runs/transition/record.ts'
import { createStage, type JobInput, succeed, useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 10_000 }
const everyMinute: JobInput = { schedule: { cron: { expression: '* * * * *' } } }
const everySecond: JobInput = { schedule: { every: { seconds: 1 } } }

const jobOf = (jobId: string) => world.prisma.job.findUniqueOrThrow({ where: { id: jobId } })
const slotsOf = (runs: Run[]) => runs.map(({ scheduledFor }) => scheduledFor?.getTime() ?? 0).sort()
const only = (runs: Run[], status: Run['status']) => runs.filter((run) => run.status === status)

describe('after a downtime', () => {
  /** A job that fires each minute and missed its slots for so many minutes. */
  async function comeBack(input: JobInput, minutes: number, { fired = 0 } = {}) {
    const jobId = await world.job({ ...everyMinute, ...input })
    const [row] = await world.sql<{ at: Date }>(
      `update job set next_run_at = date_trunc('minute', clock_timestamp()) - make_interval(mins => $2)
      where id = $1::uuid returning next_run_at as at`,
      [jobId, minutes],
    )
    const first = row?.at.getTime() ?? 0
    const run = (index: number) => ({
      ...{ id: newId(), jobId, trigger: 'SCHEDULE' as const, waits: false },
      scheduledFor: new Date(first + index * 60_000),
    })
    await recordRuns(
      world.sql,
      Array.from({ length: fired }, (_, index) => run(index)),
    )
    await world.node(succeed)
    await expect.poll(async () => (await jobOf(jobId)).nextRunAt?.getTime(), soon).toBeGreaterThan(Date.now())
    await expect.poll(() => world.sql('select 1 from run_queue'), soon).toEqual([])
    const runs = await world.runsOf(jobId)
    // The last minute may have come meanwhile.
    const last = (await jobOf(jobId)).nextRunAt?.getTime() ?? 0
    const all = Array.from({ length: (last - first) / 60_000 }, (_, index) => first + index * 60_000)
    return { runs, all, first }
  }

  it('LATEST runs the newest slot and writes the others down as one range', async () => {
    const { runs, all, first } = await comeBack({ catchUp: 'LATEST' }, 12)
    expect(slotsOf(only(runs, 'SUCCEEDED'))).toEqual(all.slice(12))
    expect(only(runs, 'SKIPPED')).toMatchObject([
      { skipReason: 'MISFIRE', skippedCount: 12, scheduledFor: new Date(first), skippedUntil: new Date(all[11] ?? 0) },
    ])
  })

  it('begins the range where no run is, should the clock have gone back behind slots that fired', async () => {
    const { runs, all } = await comeBack({ catchUp: 'LATEST', overlap: 'ALLOW' }, 12, { fired: 3 })
    expect(slotsOf(only(runs, 'SUCCEEDED')).slice(0, 3)).toEqual(all.slice(0, 3))
    expect(only(runs, 'SKIPPED')).toMatchObject([{ skippedCount: 9, scheduledFor: new Date(all[3] ?? 0) }])
  })

  it('ALL runs each of them, one after the other', async () => {
    const { runs, all } = await comeBack({ catchUp: 'ALL' }, 110)
    expect(slotsOf(runs)).toEqual(all)
    // A minute that comes while they are at it finds one under way, and is skipped.
    const done = only(runs, 'SUCCEEDED')
    expect(slotsOf(done).slice(0, 111)).toEqual(all.slice(0, 111))
    const inOrder = done.toSorted((a, b) => (a.scheduledFor?.getTime() ?? 0) - (b.scheduledFor?.getTime() ?? 0))
    for (const [index, run] of inOrder.entries()) {
      const before = inOrder[index - 1]?.finishedAt?.getTime() ?? 0
      expect(run.startedAt?.getTime()).toBeGreaterThanOrEqual(before)
    }
  })

  it('ALL leaves alone what lies before its window', async () => {
    const { runs, all } = await comeBack({ catchUp: 'ALL', catchUpWindow: 300 }, 20)
    const skipped = only(runs, 'SKIPPED')
    expect(skipped).toMatchObject([{ skipReason: 'MISFIRE', scheduledFor: new Date(all[0] ?? 0) }])
    expect(slotsOf(only(runs, 'SUCCEEDED'))).toEqual(all.slice(skipped[0]?.skippedCount ?? 0))
    expect(only(runs, 'SUCCEEDED').length).toBeLessThanOrEqual(6)
  })

  it('NONE runs none, unless a slot is just now due', async () => {
    const { runs, all } = await comeBack({ catchUp: 'NONE' }, 7)
    const [range, ...others] = only(runs, 'SKIPPED')
    expect(others).toEqual([])
    expect(range).toMatchObject({ skipReason: 'MISFIRE', scheduledFor: new Date(all[0] ?? 0) })
    expect((range?.skippedCount ?? 0) + only(runs, 'SUCCEEDED').length).toBe(all.length)
  })

  it('a ONCE job runs however late, and has no further slot', async () => {
    const at = new Date(Date.now() + 3_600_000)
    const jobId = await world.job({ schedule: { at }, catchUp: 'NONE', catchUpWindow: 0 })
    await world.sql(`update job set next_run_at = '2020-01-01T00:00:00Z' where id = $1::uuid`, [jobId])
    await world.node(succeed)
    await expect.poll(() => world.statuses(jobId), soon).toEqual(['SUCCEEDED'])
    expect((await jobOf(jobId)).nextRunAt).toBeNull()
    const [run] = await world.runsOf(jobId)
    expect(run?.scheduledFor).toEqual(new Date('2020-01-01T00:00:00Z'))
  })

  it('a job whose slots cannot be computed holds up no other', async () => {
    const [broken, sound] = [await world.job(everySecond), await world.job(everySecond)]
    await world.sql(
      `update schedule set interval_seconds = null where id = (select schedule_id from job where id = $1::uuid)`,
      [broken],
    )
    await world.node(succeed)
    await expect.poll(async () => (await world.statuses(sound)).length, soon).toBeGreaterThan(0)
    expect(await world.runsOf(broken)).toEqual([])
  })
})

describe('pausing a job', () => {
  it('skips the slots that wait and those that are due, leaves runs by hand, and resuming starts from now', async () => {
    const jobId = await world.job({ ...everySecond, overlap: 'QUEUE_ALL' })
    const stage = createStage()
    const node = await world.node(stage.perform, { drainSeconds: 0, pace: 10 })
    const running = await stage.call(0)
    await expect.poll(() => world.statuses(jobId), soon).toEqual(['RUNNING', 'QUEUED'])
    const byHand = await world.start(jobId)
    await node.stop()
    const held = await world.runsOf(jobId)
    // From before the job was made, so that the range begins at a slot that no run has.
    await world.sql(`update job set anchor = anchor - interval '1 day' where id = $1::uuid`, [jobId])
    await world.missSlotsSince(jobId, 600)
    await world.jobs.pause(world.alice, jobId)
    expect(await jobOf(jobId)).toMatchObject({ enabled: false, nextRunAt: null })
    const runs = await world.runsOf(jobId)
    expect(only(runs, 'QUEUED').map(({ id }) => id)).toEqual([byHand])
    const range = runs.find(({ skippedCount }) => (skippedCount ?? 0) > 1)
    expect(range).toMatchObject({ status: 'SKIPPED', skipReason: 'PAUSED' })
    for (const { id } of held.filter(({ trigger }) => trigger === 'SCHEDULE')) {
      expect(await world.run(id)).toMatchObject({ status: 'SKIPPED', skipReason: 'PAUSED', skippedCount: 1 })
    }
    running.end()

    const resumed = Date.now()
    await world.jobs.resume(world.alice, jobId)
    await world.node(succeed)
    await expect.poll(async () => only(await world.runsOf(jobId), 'SUCCEEDED').length, soon).toBeGreaterThan(1)
    const after = only(await world.runsOf(jobId), 'SUCCEEDED').filter(({ id }) => id !== byHand)
    for (const slot of slotsOf(after)) expect(slot).toBeGreaterThan(resumed - 1)
    expect((await world.run(byHand)).status).toBe('SUCCEEDED')
  })

  it('lets a retry go on', async () => {
    const retry = { maxAttempts: 2, backoff: 'FIXED' as const, initialDelay: 1, jitter: false }
    const jobId = await world.job({ ...everySecond, retry, timeout: 1 })
    await world.node(async (run) =>
      run.attempt === 1
        ? { ok: false, failure: { code: 'BAD', message: '', transient: true }, deliveries: [] }
        : { ok: true, output: null, deliveries: [] },
    )
    await expect.poll(() => world.statuses(jobId), soon).toContain('RETRYING')
    await world.jobs.pause(world.alice, jobId)
    await expect.poll(async () => (await world.statuses(jobId))[0], soon).toBe('SUCCEEDED')
  })
})

describe('editing a schedule', () => {
  it('fires no old slot: those that are due are written down, and the next is of the new one', async () => {
    const jobId = await world.job(everyMinute)
    await world.missSlotsSince(jobId, 180)
    const first = Math.ceil(((await jobOf(jobId)).nextRunAt?.getTime() ?? 0) / 60_000) * 60_000
    const before = Date.now()
    await world.jobs.update(world.alice, { jobId, schedule: { every: { seconds: 1 } } })
    const edited = Date.now()
    await world.node(succeed)
    await expect.poll(async () => only(await world.runsOf(jobId), 'SUCCEEDED').length, soon).toBeGreaterThan(1)
    const [range, ...others] = only(await world.runsOf(jobId), 'SKIPPED')
    const until = range?.skippedUntil?.getTime() ?? 0
    expect(until).toBeGreaterThan(before - 60_000)
    expect(until).toBeLessThanOrEqual(edited)
    const skippedCount = (until - first) / 60_000 + 1
    expect(range).toMatchObject({ skipReason: 'MISFIRE', skippedCount, scheduledFor: new Date(first) })
    expect(others.filter(({ skipReason }) => skipReason === 'MISFIRE')).toEqual([])
    const { anchor } = await jobOf(jobId)
    for (const slot of slotsOf(only(await world.runsOf(jobId), 'SUCCEEDED'))) {
      expect(slot).toBeGreaterThan(edited - 1_000)
      expect((slot - anchor.getTime()) % 1000).toBe(0)
    }
  })
})

describe('deleting a job', () => {
  it('skips what is queued and what waits for a retry; what runs finishes', async () => {
    const jobId = await world.job({ overlap: 'ALLOW', retry: { maxAttempts: 2, backoff: 'FIXED', initialDelay: 3600 } })
    const stage = createStage()
    await world.node(stage.perform, { concurrency: 2 })
    const [running, retrying] = [await world.start(jobId), await world.start(jobId)]
    const call = async (runId: string) => {
      await stage.call(1)
      return stage.calls.find(({ run }) => run.runId === runId)
    }
    const waiting = await world.prisma.job.findUniqueOrThrow({ where: { id: jobId } })
    expect(waiting.deletedAt).toBeNull()
    ;(await call(retrying))?.end({ ok: false, failure: { code: 'BAD', message: '', transient: true }, deliveries: [] })
    await expect.poll(async () => (await world.run(retrying)).status, soon).toBe('RETRYING')
    const other = await world.start(await world.job())
    await stage.call(2)
    const queued = await world.start(jobId)
    await world.jobs.remove(world.alice, jobId)
    for (const runId of [retrying, queued]) {
      expect(await world.run(runId)).toMatchObject({ status: 'SKIPPED', skipReason: 'DELETED' })
    }
    for (const { end } of stage.calls) end()
    for (const runId of [running, other]) {
      await expect.poll(async () => (await world.run(runId)).status, soon).toBe('SUCCEEDED')
    }
    expect((await world.kinds(retrying)).at(-1)).toBe('SKIPPED')
  })
})
