import { describe, expect, it } from 'vitest'
import { claimRuns } from '../../src/engine/claim.ts'
import { newId } from '../../src/kernel/ids.ts'
import type { Admission } from '../../src/runs/overlap.ts'
import { type NewRun as AnyRun, recordRuns } from '../../src/runs/transition/record.ts'
import { type Outcome, settleRuns } from '../../src/runs/transition/settle.ts'
import type { StartedRun } from '../../src/runs/transition/start.ts'
import { advanceRun, type DeliveryRecord, type FinishedStep } from '../../src/runs/transition/steps.ts'
import { skipWaitingRuns, unblockRuns } from '../../src/runs/transition/waiting.ts'
import { expectConsistent, useWorld, type World, webhook } from '../engine/world.ts'

type NewRun = AnyRun & Admission

let world: World
const nodeA = newId()
const nodeB = newId()
const slot = (minute: number) => new Date(Date.UTC(2024, 0, 1, 10, minute))
const LOST = { code: 'LOST', message: 'gone' }

useWorld((made) => {
  world = made
})

const twoSteps = { actions: [webhook('one'), webhook('two')] }
const byHand = (jobId: string, waits = false): NewRun => ({ id: newId(), jobId, trigger: 'MANUAL', waits })
const forSlot = (jobId: string, scheduledFor: Date): NewRun => ({
  id: newId(),
  jobId,
  trigger: 'SCHEDULE',
  scheduledFor,
  waits: false,
})
const stepOf = (position: number, more: Partial<FinishedStep> = {}): FinishedStep => ({
  position,
  name: `step ${position}`,
  status: 'SUCCEEDED',
  output: { position },
  deliveries: [],
  ...more,
})
const delivery = (more: Partial<DeliveryRecord> = {}): DeliveryRecord => ({
  id: newId(),
  method: 'POST',
  url: 'https://receiver.example/',
  requestBytes: 2,
  requestHeaders: {},
  status: 200,
  responseHeaders: { 'x-a': 'b' },
  responseBody: Buffer.from([0, 255]).toString('base64'),
  truncated: false,
  error: null,
  startedAt: slot(0),
  durationMs: 5,
  ...more,
})

/** Starts all that is free, for a node. */
async function begin(node = nodeA): Promise<StartedRun[]> {
  return (await claimRuns(world.sql, node, 10, 100)).runs
}
async function beginOne(node = nodeA): Promise<StartedRun> {
  const [run, ...others] = await begin(node)
  if (!run || others.length > 0) throw new Error('expected one run')
  return run
}
const settle = (leaseOwner: string, outcome: Outcome, expiredOnly = false) =>
  settleRuns(world.sql, { leaseOwner, expiredOnly }, [outcome])
const succeeded = ({ runId, jobId, attempt }: StartedRun): Outcome => ({
  runId,
  jobId,
  attempt,
  step: stepOf(0),
  status: 'SUCCEEDED',
  output: { done: true },
})
const lost = ({ runId, jobId, attempt }: StartedRun): Outcome => ({
  runId,
  jobId,
  attempt,
  status: 'RETRYING',
  error: LOST,
  delay: 0,
  lost: true,
})

describe('recording runs', () => {
  it('makes one run of a slot and one of an event, however often it is told', async () => {
    const jobId = await world.job()
    const domainEventId = await world.emit('order.paid')
    const ofEvent = (): NewRun => ({ id: newId(), jobId, trigger: 'EVENT', domainEventId, waits: false })
    const first = [forSlot(jobId, slot(1)), ofEvent()]
    expect(await recordRuns(world.sql, first)).toEqual(new Set(first.map(({ id }) => id)))
    expect(await recordRuns(world.sql, [forSlot(jobId, slot(1)), ofEvent()])).toEqual(new Set())
    const rivals = Array.from({ length: 8 }, () => recordRuns(world.sql, [forSlot(jobId, slot(2)), ofEvent()]))
    expect((await Promise.all(rivals)).flatMap((made) => [...made])).toHaveLength(1)
    expect(await world.statuses(jobId)).toEqual(['QUEUED', 'QUEUED', 'QUEUED'])
  })

  it('lets a slot run on two jobs, and a run by hand beside any slot', async () => {
    const [one, two] = [await world.job(), await world.job()]
    const runs = [forSlot(one, slot(1)), forSlot(two, slot(1)), byHand(one), byHand(one)]
    expect((await recordRuns(world.sql, runs)).size).toBe(4)
  })

  it('writes a range of skipped slots down as one final run with its event', async () => {
    const jobId = await world.job()
    const id = newId()
    const range = { skipReason: 'MISFIRE', skippedCount: 7, skippedUntil: slot(9) } as const
    await recordRuns(world.sql, [{ id, jobId, trigger: 'SCHEDULE', scheduledFor: slot(3), ...range }])
    expect(await world.run(id)).toMatchObject({ status: 'SKIPPED', scheduledFor: slot(3), ...range })
    expect((await world.run(id)).finishedAt).not.toBeNull()
    expect(await world.kinds(id)).toEqual(['SKIPPED'])
    expect(await begin()).toEqual([])
  })

  it('keeps the plan as it stood, whatever becomes of the job', async () => {
    const jobId = await world.job({ name: 'before', ...twoSteps })
    await recordRuns(world.sql, [byHand(jobId)])
    await world.jobs.update(world.alice, { jobId, name: 'after', actions: [webhook('other')] })
    const { plan } = await beginOne()
    expect(plan).toMatchObject({ job: { id: jobId, name: 'before' }, timeout: 60, retry: { maxAttempts: 1 } })
    expect(plan.actions.map(({ config }) => config)).toMatchObject([
      { url: 'https://receiver.example/one' },
      { url: 'https://receiver.example/two' },
    ])
  })
})

describe('the fence', () => {
  it('lets each run be started once, however many nodes ask', async () => {
    await recordRuns(world.sql, [byHand(await world.job()), byHand(await world.job()), byHand(await world.job())])
    const started = await Promise.all([begin(nodeA), begin(nodeB), begin(nodeA), begin(nodeB)])
    expect(new Set(started.flat().map(({ runId }) => runId)).size).toBe(3)
    expect(started.flat()).toHaveLength(3)
    expect(await begin(nodeB)).toEqual([])
  })

  it('takes results and checkpoints of the attempt and the owner that hold the lease, and of no other', async () => {
    await recordRuns(world.sql, [byHand(await world.job(twoSteps))])
    const run = await beginOne()
    const { runId } = run
    for (const [attempt, leaseOwner] of [
      [0, nodeA],
      [2, nodeA],
      [1, nodeB],
    ] as const) {
      expect(await advanceRun(world.sql, { runId, attempt, leaseOwner }, stepOf(0))).toBe(false)
      expect(await settle(leaseOwner, { ...succeeded(run), attempt })).toEqual(new Set())
    }
    expect(await world.kinds(runId)).toEqual(['QUEUED', 'STARTED', 'STEP_STARTED'])
    expect(await advanceRun(world.sql, { runId, attempt: 1, leaseOwner: nodeA }, stepOf(0))).toBe(true)
    expect(await settle(nodeA, { ...succeeded(run), step: stepOf(1) })).toEqual(new Set([runId]))
    expect(await settle(nodeA, { ...succeeded(run), step: stepOf(1) })).toEqual(new Set())
    const steps = ['STEP_STARTED', 'STEP_FINISHED']
    expect(await world.kinds(runId)).toEqual(['QUEUED', 'STARTED', ...steps, ...steps, 'SUCCEEDED'])
  })

  it('takes a checkpoint once, however often it is sent because its answer was lost', async () => {
    await recordRuns(world.sql, [byHand(await world.job(twoSteps))])
    const { runId } = await beginOne()
    const claim = { runId, attempt: 1, leaseOwner: nodeA }
    const step = stepOf(0, { deliveries: [delivery()] })
    expect(await Promise.all([1, 2, 3].map(() => advanceRun(world.sql, claim, step)))).toEqual([true, true, true])
    expect(await world.kinds(runId)).toEqual(['QUEUED', 'STARTED', 'STEP_STARTED', 'STEP_FINISHED', 'STEP_STARTED'])
    expect(await world.steps(runId)).toMatchObject([{ position: 0, status: 'SUCCEEDED' }])
    expect(await world.run(runId)).toMatchObject({ step: 1 })
  })

  it('refuses what a node says of an attempt that was lost, though it has leased the same run anew', async () => {
    await recordRuns(world.sql, [byHand(await world.job(twoSteps))])
    const run = await beginOne()
    expect(await settle(nodeA, lost(run))).toEqual(new Set([run.runId]))
    expect(await beginOne()).toMatchObject({ runId: run.runId, attempt: 2 })
    expect(await settle(nodeA, succeeded(run))).toEqual(new Set())
    expect(await advanceRun(world.sql, { runId: run.runId, attempt: 1, leaseOwner: nodeA }, stepOf(0))).toBe(false)
  })

  it('lets a successor speak for a worker only once the lease has run out', async () => {
    await recordRuns(world.sql, [byHand(await world.job())])
    const run = await beginOne()
    expect(await settle(nodeA, lost(run), true)).toEqual(new Set())
    await world.sql("update run_queue set lease_until = 'epoch'")
    expect(await settle(nodeA, lost(run), true)).toEqual(new Set([run.runId]))
    const again = await beginOne(nodeB)
    expect(await settle(nodeA, succeeded(run))).toEqual(new Set())
    expect(await settle(nodeB, succeeded(again))).toEqual(new Set([run.runId]))
    expect((await world.attempts(run.runId)).map(({ status, nodeId }) => [status, nodeId])).toEqual([
      ['LOST', nodeA],
      ['SUCCEEDED', nodeB],
    ])
  })
})

describe('an attempt', () => {
  it('that was drained is taken back: not counted, not listed, and made again under the same number', async () => {
    await recordRuns(world.sql, [byHand(await world.job())])
    const run = await beginOne()
    const { runId, jobId } = run
    await settle(nodeA, { runId, jobId, attempt: 1, status: 'QUEUED', delay: 0 })
    expect(await world.run(runId)).toMatchObject({ status: 'QUEUED', attempt: 0, losses: 0, finishedAt: null })
    expect(await world.attempts(runId)).toEqual([])
    expect(await world.steps(runId)).toEqual([])
    await expectConsistent(world)
    const again = await beginOne(nodeB)
    expect(again.attempt).toBe(1)
    expect(await settle(nodeA, succeeded(run))).toEqual(new Set())
    await settle(nodeB, succeeded(again))
    expect(await world.kinds(runId)).toEqual(
      'QUEUED STARTED STEP_STARTED QUEUED STARTED STEP_STARTED STEP_FINISHED SUCCEEDED'.split(' '),
    )
  })

  it('that failed waits as RETRYING until its delay is over', async () => {
    await recordRuns(world.sql, [byHand(await world.job())])
    const { runId, jobId } = await beginOne()
    const error = { code: 'HTTP_500', message: 'the receiver answered 500' }
    const step = stepOf(0, { status: 'FAILED', error })
    await settle(nodeA, { runId, jobId, attempt: 1, step, status: 'RETRYING', error, delay: 3600 })
    expect(await world.run(runId)).toMatchObject({ status: 'RETRYING', error, attempt: 1, finishedAt: null })
    expect(await begin()).toEqual([])
    const { availableAt } = await world.run(runId)
    expect(availableAt.getTime() - Date.now()).toBeGreaterThan(3_500_000)
    expect((await world.entry(runId))?.availableAt).toEqual(availableAt)
    const [event] = await world.sql('select data from run_event order by seq desc limit 1')
    expect(event).toMatchObject({ data: { attempt: 1, error } })
    await world.sql("update run_queue set available_at = 'epoch'")
    await settle(nodeA, succeeded(await beginOne()))
    expect(await world.run(runId)).toMatchObject({ status: 'SUCCEEDED', attempt: 2, error: null })
    expect(await world.steps(runId)).toMatchObject([{ status: 'SUCCEEDED', attempt: 2, error: null }])
  })

  it('that was lost raises attempt and losses, and closes the step that was open', async () => {
    await recordRuns(world.sql, [byHand(await world.job())])
    const { runId, jobId } = await beginOne()
    await settle(nodeA, { runId, jobId, attempt: 1, status: 'FAILED', error: LOST, lost: true })
    expect(await world.run(runId)).toMatchObject({ status: 'FAILED', attempt: 1, losses: 1, error: LOST })
    expect(await world.attempts(runId)).toMatchObject([{ status: 'LOST', error: LOST }])
    expect(await world.steps(runId)).toMatchObject([{ status: 'FAILED', error: LOST }])
    expect((await world.steps(runId))[0]?.finishedAt).not.toBeNull()
  })

  it('goes on behind the steps that earlier attempts finished, with what they put out', async () => {
    await recordRuns(world.sql, [byHand(await world.job(twoSteps))])
    const run = await beginOne()
    const { runId } = run
    expect(run.done).toEqual([])
    const mine = delivery()
    const claim = { runId, attempt: 1, leaseOwner: nodeA }
    await advanceRun(world.sql, claim, stepOf(0, { output: 'kept', deliveries: [mine] }))
    await settle(nodeA, lost(run))
    const again = await beginOne(nodeB)
    expect(again).toMatchObject({ attempt: 2, losses: 1, done: ['kept'] })
    const failed = delivery({ status: null, responseHeaders: null, responseBody: null, error: LOST })
    await settle(nodeB, { ...succeeded(again), step: stepOf(1, { deliveries: [failed, delivery()] }) })
    expect(await world.steps(runId)).toMatchObject([
      { position: 0, attempt: 1, status: 'SUCCEEDED', output: 'kept' },
      { position: 1, attempt: 2, status: 'SUCCEEDED' },
    ])
    const kept = await world.prisma.delivery.findMany({
      where: { runId },
      orderBy: [{ position: 'asc' }, { id: 'asc' }],
    })
    expect(kept.map(({ attempt, position, status }) => [attempt, position, status])).toEqual([
      [1, 0, 200],
      [2, 1, null],
      [2, 1, 200],
    ])
    expect(kept[0]).toEqual({ ...mine, runId, attempt: 1, position: 0, responseBody: new Uint8Array([0, 255]) })
  })

  it('is judged on its job, unless it was skipped', async () => {
    const jobId = await world.job()
    await recordRuns(world.sql, [byHand(jobId)])
    const run = await beginOne()
    await settle(nodeA, succeeded(run))
    await recordRuns(world.sql, [byHand(jobId)])
    await world.jobs.remove(world.alice, jobId)
    const job = await world.prisma.job.findUniqueOrThrow({ where: { id: jobId } })
    expect(job).toMatchObject({ lastStatus: 'SUCCEEDED', lastRunAt: (await world.run(run.runId)).startedAt })
  })
})

describe('runs that wait for another', () => {
  it('go on one by one, in the order of their slots, and only when nothing else of the job is active', async () => {
    const [jobId, other] = [await world.job(), await world.job()]
    const first = byHand(jobId)
    const waiting = [3, 1, 2].map((minute) => ({ ...forSlot(jobId, slot(minute)), waits: true }))
    await recordRuns(world.sql, [first, ...waiting, byHand(other, true)])
    let [run] = await begin()
    expect(run?.runId).toBe(first.id)
    await unblockRuns(world.ports, [jobId])
    expect(await begin()).toEqual([])
    for (const minute of [1, 2, 3]) {
      if (run) await settle(nodeA, succeeded(run))
      await unblockRuns(world.ports, [jobId, jobId])
      run = await beginOne()
      expect(run.scheduledFor).toEqual(slot(minute))
    }
    await unblockRuns(world.ports, [other])
    expect((await beginOne()).jobId).toBe(other)
  })
})

describe('skipping what waits', () => {
  const setUp = async () => {
    const jobId = await world.job()
    const [running, retrying, slotted, manual, blocked] = [
      byHand(jobId),
      byHand(jobId),
      forSlot(jobId, slot(1)),
      byHand(jobId),
      { ...forSlot(jobId, slot(2)), waits: true },
    ]
    await recordRuns(world.sql, [running, retrying])
    for (const run of await begin()) {
      if (run.runId !== retrying.id) continue
      await settle(nodeA, { ...lost(run), delay: 60 } as Outcome)
    }
    await recordRuns(world.sql, [slotted, manual, blocked])
    return { jobId, states: async () => world.statuses(jobId) }
  }

  it('on pause takes slots only', async () => {
    const { jobId, states } = await setUp()
    await skipWaitingRuns(world.sql, jobId, 'PAUSED')
    expect(await states()).toEqual(['RUNNING', 'RETRYING', 'SKIPPED', 'QUEUED', 'SKIPPED'])
  })

  it('on delete takes all but what runs', async () => {
    const { jobId, states } = await setUp()
    await skipWaitingRuns(world.sql, jobId, 'DELETED')
    expect(await states()).toEqual(['RUNNING', 'SKIPPED', 'SKIPPED', 'SKIPPED', 'SKIPPED'])
  })

  it('comes before a start or after it, never between', async () => {
    for (let round = 0; round < 30; round++) {
      const jobId = await world.job()
      await recordRuns(world.sql, [forSlot(jobId, slot(1)), forSlot(jobId, slot(2)), forSlot(jobId, slot(3))])
      const [started] = await Promise.all([begin(), skipWaitingRuns(world.sql, jobId, 'PAUSED')])
      const runs = await world.runsOf(jobId)
      const running = runs.filter(({ status }) => status === 'RUNNING').map(({ id }) => id)
      expect(running.sort()).toEqual(started.map(({ runId }) => runId).sort())
      expect(runs.filter(({ status }) => status === 'SKIPPED')).toHaveLength(3 - running.length)
      await expectConsistent(world)
    }
  })
})
