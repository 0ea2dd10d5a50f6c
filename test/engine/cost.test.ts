import { describe, expect, it } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { enqueueRuns } from '../../src/runs/enqueue.ts'
import { createQueueing } from '../../src/runs/queueing.ts'
import { type StartHere, startNothing } from '../../src/runs/start-here.ts'
import { countStatements } from '../support/statements.ts'
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

it('what a run leaves is written once, by the statement that ends it, and the words of its job not at all', async () => {
  const stage = createStage()
  await world.node(stage.perform)
  const jobId = await world.job({ name: 'words' })
  const words = () =>
    world.sql<{ by: string }>('select xmin::text as by from job_text where job_id = $1::uuid', [jobId])
  const before = await words()
  const runId = await world.start(jobId)
  const call = await stage.call(0)
  expect([await world.attempts(runId), await world.steps(runId)]).toEqual([[], []])
  call.end()
  await expect.poll(async () => (await world.run(runId)).status, soon).toBe('SUCCEEDED')
  const written = await world.sql<{ attempt: string; step: string; event: string }>(
    `select a.xmin::text as attempt, s.xmin::text as step, e.xid::text as event
    from run_attempt a join run_step s using (run_id) join run_event e using (run_id)
    where run_id = $1::uuid and e.kind = 'SUCCEEDED'`,
    [runId],
  )
  expect(written).toEqual([{ attempt: written[0]?.event, step: written[0]?.event, event: expect.any(String) }])
  expect(before).toHaveLength(1)
  expect(await words()).toEqual(before)
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

it('places that become free while more waits are filled several at a time', async () => {
  const stage = createStage()
  const jobId = await world.job({ overlap: 'ALLOW' })
  const runs = Array.from({ length: 40 }, () => ({
    ...{ id: newId(), jobId, trigger: 'MANUAL' as const, policy: 'ALLOW' as const },
  }))
  await world.ports.transaction((sql) => enqueueRuns(sql, runs, { cancelGraceSeconds: 10 }))
  // No time passes, so that only the number of free places counts.
  const clock = { now: () => 0, after: () => () => {} }
  const node = await world.node(stage.perform, { concurrency: 20, clock })
  await stage.call(19)
  const ended = async () => (await world.statuses(jobId)).filter((status) => status === 'SUCCEEDED').length
  for (let n = 0; n < 4; n++) {
    stage.calls[n]?.end()
    await expect.poll(ended, soon).toBe(n + 1)
  }
  await new Promise((resolve) => setImmediate(resolve))
  expect(stage.calls).toHaveLength(20)
  stage.calls[4]?.end()
  await stage.call(24)
  for (const { end } of stage.calls) end()
  await stage.call(39)
  for (const { end } of stage.calls) end()
  await node.stop()
})

it('runs by hand that are asked for at the same time share statements, and one that is refused fails alone', async () => {
  const [jobId, held] = [await world.job({ overlap: 'ALLOW' }), await world.job()]
  await world.prisma.job.update({ where: { id: held }, data: { heldAt: new Date() } })
  let asked: PromiseSettledResult<string>[] = []
  const written = await countStatements(/insert into run \(id/, async () => {
    asked = await Promise.allSettled([...Array.from({ length: 40 }, () => jobId), held].map((id) => world.start(id)))
  })
  expect(written).toBeLessThanOrEqual(20)
  expect(asked.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { code: 'HELD' } }])
  expect(new Set(asked.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))).size).toBe(40)
})

it('runs by hand whose transaction fails are queued each by itself', async () => {
  const jobId = await world.job({ overlap: 'ALLOW' })
  let transactions = 0
  const queueRun = createQueueing({
    prisma: world.prisma,
    startHere: startNothing,
    settings: { cancelGraceSeconds: 10 },
    transaction: (work) =>
      transactions++ === 0 ? Promise.reject(new Error('refused')) : world.ports.transaction(work),
  })
  const byHand = { jobId, input: undefined, overlap: null, priority: null, most: Number.POSITIVE_INFINITY }
  const runs = await Promise.all([queueRun(byHand), queueRun(byHand), queueRun(byHand)])
  expect(runs.map(({ status }) => status)).toEqual(['QUEUED', 'QUEUED', 'QUEUED'])
  expect(transactions).toBe(4)
})

describe('a run that is queued where there is a place for it', () => {
  const queueOn = (startHere: StartHere, transaction = world.ports.transaction) =>
    createQueueing({ prisma: world.prisma, settings: { cancelGraceSeconds: 10 }, startHere, transaction })
  const byHand = (jobId: string) => ({
    ...{ jobId, input: undefined, overlap: null, priority: null, most: Number.POSITIVE_INFINITY },
  })
  /** What its first events were, by the transactions that wrote them. */
  const transactionsOf = (runId: string) =>
    world.sql<{ kinds: string[] }>(
      `select array_agg(kind::text order by seq) as kinds from run_event where run_id = $1::uuid group by xid order by min(seq)`,
      [runId],
    )

  it('starts in the transaction that queues it, by hand or by its slot', async () => {
    const stage = createStage()
    const { engine } = await world.node(stage.perform)
    const { id } = await queueOn(engine.startHere)(byHand(await world.job()))
    await world.job({ schedule: { at: new Date(Date.now() + 200) } })
    const [hand, slot] = [await stage.call(0), await stage.call(1)]
    expect(hand.run).toMatchObject({ runId: id, attempt: 1 })
    for (const { run } of [hand, slot]) {
      expect(await transactionsOf(run.runId)).toEqual([{ kinds: ['QUEUED', 'STARTED', 'STEP_STARTED'] }])
    }
    for (const { end } of stage.calls) end()
    await expect.poll(queueIsEmpty, soon).toBe(true)
  })

  it('waits where there is none, and behind another run of its job', async () => {
    const stage = createStage()
    const { engine } = await world.node(stage.perform, { concurrency: 2 })
    const queueRun = queueOn(engine.startHere)
    const [one, other] = [await world.job(), await world.job({ overlap: 'ALLOW' })]
    const runs = [await queueRun(byHand(one)), await queueRun(byHand(one)), await queueRun(byHand(other))]
    expect(runs.map(({ status }) => status)).toEqual(['RUNNING', 'QUEUED', 'RUNNING'])
    expect((await queueRun(byHand(other))).status).toBe('QUEUED')
    for (let n = 0; n < 4; n++) (await stage.call(n)).end()
    await expect.poll(queueIsEmpty, soon).toBe(true)
  })

  it('is given back uncounted when nobody learns that it was started', async () => {
    const stage = createStage()
    const { engine } = await world.node(stage.perform)
    let lost = 0
    const queueRun = queueOn(engine.startHere, async (work) => {
      const result = await world.ports.transaction(work)
      if (lost++ === 0) throw new Error('the answer is lost')
      return result
    })
    const jobId = await world.job()
    await expect(queueRun(byHand(jobId))).rejects.toThrow('the answer is lost')
    const call = await stage.call(0)
    expect(call.run).toMatchObject({ attempt: 1, losses: 0 })
    call.end()
    await expect.poll(() => world.statuses(jobId), soon).toEqual(['SUCCEEDED'])
    expect((await transactionsOf(call.run.runId)).map(({ kinds }) => kinds)).toEqual([
      ...[['QUEUED', 'STARTED', 'STEP_STARTED'], ['QUEUED'], ['STARTED', 'STEP_STARTED']],
      ['STEP_FINISHED', 'SUCCEEDED'],
    ])
  })
})
