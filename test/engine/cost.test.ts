import { expect, it } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { enqueueRuns } from '../../src/runs/enqueue.ts'
import { labelOf } from './simulation/statements.ts'
import { createStage, succeed, useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 20_000 }
const queueIsEmpty = async () => (await world.sql('select 1 from run_queue limit 1')).length === 0

it('a thousand runs are started and settled in so few statements, each with one commit', async () => {
  const jobId = await world.job({ overlap: 'ALLOW' })
  const byHand = () => ({ id: newId(), jobId, trigger: 'MANUAL' as const, policy: 'ALLOW' as const })
  const runs = Array.from({ length: 1_000 }, byHand)
  await world.ports.transaction((sql) => enqueueRuns(sql, runs, { cancelGraceSeconds: 10 }))
  const counts: Record<string, number> = {}
  await world.node(succeed, {
    concurrency: 50,
    onStatement: (text) => {
      counts[labelOf(text)] = (counts[labelOf(text)] ?? 0) + 1
    },
  })
  await expect.poll(queueIsEmpty, soon).toBe(true)
  // Twenty would do if nothing ever came in between.
  expect(counts.start).toBeLessThanOrEqual(40)
  expect(counts.settle).toBeLessThanOrEqual(40)
  expect((await world.statuses(jobId)).every((status) => status === 'SUCCEEDED')).toBe(true)
})

it('a run whose start was never answered is given back at once, and its attempt is not counted', async () => {
  const stage = createStage()
  let lost = 0
  await world.node(stage.perform, {
    onAnswer(text, rows) {
      const isStart = labelOf(text) === 'start' && rows.some((row) => (row as { runId: string | null }).runId !== null)
      if (isStart && lost++ === 0) throw new Error('the answer is lost')
    },
  })
  const runId = await world.start(await world.job())
  const call = await stage.call(0)
  expect(call.run).toMatchObject({ runId, attempt: 1, losses: 0 })
  call.end()
  await expect.poll(async () => (await world.run(runId)).status, soon).toBe('SUCCEEDED')
  expect(await world.kinds(runId)).toEqual([
    ...['QUEUED', 'STARTED', 'STEP_STARTED', 'QUEUED'],
    ...['STARTED', 'STEP_STARTED', 'STEP_FINISHED', 'SUCCEEDED'],
  ])
})
