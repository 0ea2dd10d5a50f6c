/** Slots that are spread: the slot stays what it is, and the run begins at its job's place behind it. */
import { expect, it } from 'vitest'
import type { Perform } from '../../src/engine/ports.ts'
import { succeed, useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const everyThree = { schedule: { cron: { expression: '*/3 * * * * *', timezone: 'UTC' } } }
const soon = { timeout: 15_000 }
const job = (jobId: string) => world.prisma.job.findUniqueOrThrow({ where: { id: jobId } })

it('a run begins at its slot and its job’s place in the spread, not before', async () => {
  const begun = new Map<string, number>()
  const perform: Perform = async (run, ...rest) => {
    begun.set(run.runId, Date.now())
    return succeed(run, ...rest)
  }
  await world.node(perform)
  const jobs = await Promise.all([0, 1, 2, 3].map(() => world.job({ ...everyThree, spread: 2 })))
  for (const jobId of jobs) {
    const { spreadOffsetMs, spread } = await job(jobId)
    expect(spread).toBe(2)
    expect(spreadOffsetMs).toBeGreaterThanOrEqual(0)
    expect(spreadOffsetMs).toBeLessThan(2_000)
    const ended = async () => (await world.runsOf(jobId)).filter(({ status }) => status === 'SUCCEEDED').length
    await expect.poll(ended, soon).toBeGreaterThanOrEqual(1)
    for (const { id, scheduledFor, availableAt, startedAt } of await world.runsOf(jobId)) {
      const slot = scheduledFor?.getTime() ?? Number.NaN
      expect(slot % 3_000).toBe(0)
      expect(availableAt.getTime()).toBe(slot + spreadOffsetMs)
      if (startedAt) expect(startedAt.getTime()).toBeGreaterThanOrEqual(availableAt.getTime())
      const at = begun.get(id)
      if (at) expect(at).toBeGreaterThanOrEqual(availableAt.getTime())
    }
  }
})

it('runs by hand and by events begin at once', async () => {
  await world.node(succeed)
  const jobId = await world.job({ schedule: { cron: { expression: '0 0 1 1 *' } }, spread: 86_400 })
  await world.sql('update job set spread_offset_ms = 80000000 where id = $1::uuid', [jobId])
  await world.start(jobId)
  await expect.poll(() => world.statuses(jobId), soon).toEqual(['SUCCEEDED'])
  const listening = await world.job({ eventType: 'order.paid', spread: 86_400 })
  await world.sql('update job set spread_offset_ms = 80000000 where id = $1::uuid', [listening])
  await world.emit('order.paid')
  await expect.poll(() => world.statuses(listening), soon).toEqual(['SUCCEEDED'])
})

it('a job keeps its place, and gets it anew with another spread', async () => {
  const jobId = await world.job({ ...everyThree, spread: 1_000, enabled: false })
  const { spreadOffsetMs: first } = await job(jobId)
  await world.jobs.update(world.alice, { jobId, name: 'renamed' })
  expect((await job(jobId)).spreadOffsetMs).toBe(first)
  await world.jobs.update(world.alice, { jobId, spread: 10_000 })
  expect(Math.abs((await job(jobId)).spreadOffsetMs - 10 * first)).toBeLessThanOrEqual(10)
  await world.jobs.update(world.alice, { jobId, spread: null })
  expect(await job(jobId)).toMatchObject({ spread: 0, spreadOffsetMs: 0 })
  await world.jobs.update(world.alice, { jobId, spread: 1_000 })
  expect((await job(jobId)).spreadOffsetMs).toBe(first)
})
