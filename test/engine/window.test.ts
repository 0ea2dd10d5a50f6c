import { expect, it } from 'vitest'
import { createStage, type JobInput, succeed, useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const [past, future] = [new Date('2001-01-01T00:00:00Z'), new Date('2090-01-01T00:00:00Z')]
const skipped = { status: 'SKIPPED', trigger: 'EVENT', skipReason: 'OUT_OF_WINDOW', skippedCount: 1 }

it.each<[string, JobInput, object]>([
  ['before its window', { startOn: future }, skipped],
  ['after its window', { endOn: past }, skipped],
  ['within its window', { startOn: past, endOn: future }, { status: 'SUCCEEDED', skipReason: null }],
])('an event that comes %s of a job leaves a run that says so', async (_when, window, expected) => {
  await world.node(succeed)
  const jobId = await world.job({ eventType: 'order.paid', ...window })
  const domainEventId = await world.emit('order.paid')
  const ended = async () => (await world.runsOf(jobId)).filter(({ finishedAt }) => finishedAt !== null)
  await expect.poll(ended, { timeout: 15_000 }).toMatchObject([{ domainEventId, ...expected }])
})

it('an event outside of the window takes no run’s place', async () => {
  const stage = createStage()
  await world.node(stage.perform)
  const jobId = await world.job({ eventType: 'order.paid', overlap: 'CANCEL_RUNNING', endOn: past })
  const byHand = await world.start(jobId)
  const call = await stage.call(0)
  await world.emit('order.paid')
  await expect.poll(() => world.statuses(jobId), { timeout: 15_000 }).toEqual(['RUNNING', 'SKIPPED'])
  expect((await world.run(byHand)).cancelRequestedAt).toBeNull()
  call.end()
  await expect.poll(() => world.statuses(jobId), { timeout: 15_000 }).toEqual(['SUCCEEDED', 'SKIPPED'])
})
