/** Cancelling as the nodes see it: whoever works on a run, and whether or not anybody does, it ends. */
import { describe, expect, it } from 'vitest'
import { claimRuns } from '../../src/engine/claim.ts'
import { CANCELLED } from '../../src/engine/execute.ts'
import { newId } from '../../src/kernel/ids.ts'
import { settleRuns } from '../../src/runs/transition/settle.ts'
import { advanceRun, type FinishedStep } from '../../src/runs/transition/steps.ts'
import { createStage, failure, succeed, useWorld, type World, webhook } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 15_000 }
const cancel = (runId: string) => world.runs.cancel(world.alice, runId)
const ends = (runId: string, status: string) =>
  expect.poll(async () => (await world.run(runId)).status, soon).toBe(status)
/** Its time to stop is over. */
const outOfPatience = (runId: string) =>
  world.sql("update run_queue set cancel_by = 'epoch' where run_id = $1::uuid", [runId])
const stepsOf = async (runId: string) => (await world.steps(runId)).map(({ status }) => status)
const twoSteps = { actions: [webhook('one'), webhook('two')] }
const done = { ok: true as const, output: 'done', deliveries: [] }

describe('an action that was asked to stop', () => {
  it('is told why, and what it comes to is the end of the run', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const runId = await world.start(await world.job({ ...twoSteps, retry: { maxAttempts: 5, initialDelay: 0 } }))
    const call = await stage.call(0)
    await cancel(runId)
    await expect.poll(() => call.signal.reason, soon).toBe(CANCELLED)
    call.end(failure())
    await ends(runId, 'CANCELLED')
    expect(await stepsOf(runId)).toEqual(['FAILED'])
    expect(await world.attempts(runId)).toMatchObject([{ status: 'CANCELLED', error: { code: 'CANCELLED' } }])
    expect(stage.calls).toHaveLength(1)
  })

  it('and succeeds all the same is the success of the run if it was the last', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const runId = await world.start(await world.job(twoSteps))
    ;(await stage.call(0)).end(done)
    const last = await stage.call(1)
    await cancel(runId)
    await expect.poll(() => last.signal.aborted, soon).toBe(true)
    last.end(done)
    await ends(runId, 'SUCCEEDED')
    expect(await world.run(runId)).toMatchObject({ output: 'done', error: null, cancelRequestedAt: expect.any(Date) })
    expect(await stepsOf(runId)).toEqual(['SUCCEEDED', 'SUCCEEDED'])
  })

  it('and succeeds before the last keeps its step, and no further one is begun', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const runId = await world.start(await world.job(twoSteps))
    const first = await stage.call(0)
    await cancel(runId)
    await expect.poll(() => first.signal.aborted, soon).toBe(true)
    first.end(done)
    await ends(runId, 'CANCELLED')
    expect(await stepsOf(runId)).toEqual(['SUCCEEDED'])
    expect(await world.kinds(runId)).toEqual(['QUEUED', 'STARTED', 'STEP_STARTED', 'STEP_FINISHED', 'CANCELLED'])
    expect(stage.calls).toHaveLength(1)
  })

  it('is told by the next renewal when the message was lost', async () => {
    const stage = createStage()
    await world.node(stage.perform, { leaseSeconds: 2 })
    const runId = await world.start(await world.job())
    const call = await stage.call(0)
    // Without the NOTIFY of a request.
    await world.sql(`update run_queue set cancel_by = clock_timestamp() + interval '1 hour' where run_id = $1::uuid`, [
      runId,
    ])
    await expect.poll(() => call.signal.reason, soon).toBe(CANCELLED)
    call.end(failure())
    await ends(runId, 'CANCELLED')
  })
})

describe('an action that does not listen', () => {
  it('is left behind by its node after the grace', async () => {
    const stage = createStage()
    await world.node(stage.perform, { cancelGraceSeconds: 1 })
    const runId = await world.start(await world.job())
    const call = await stage.call(0)
    await cancel(runId)
    await ends(runId, 'CANCELLED')
    expect(await world.attempts(runId)).toMatchObject([{ status: 'CANCELLED' }])
    call.end(done)
    const after = await world.start(await world.job())
    ;(await stage.call(1)).end(done)
    await ends(after, 'SUCCEEDED')
    expect(await world.run(runId)).toMatchObject({ status: 'CANCELLED', output: null })
  })

  it('is ended by any node after the grace, and what it comes to is refused', async () => {
    const stage = createStage()
    await world.node(stage.perform, { cancelGraceSeconds: 3_600 })
    const jobId = await world.job()
    const [runId, next] = [await world.start(jobId), await world.start(jobId)]
    const call = await stage.call(0)
    await cancel(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'RUNNING' })
    await outOfPatience(runId)
    await ends(runId, 'CANCELLED')
    expect((await world.run(runId)).error).toMatchObject({ message: expect.stringContaining('did not stop in time') })
    expect(await stepsOf(runId)).toEqual(['FAILED'])
    // What waited behind it goes on while the action is still at it.
    const second = await stage.call(1)
    expect(second.run.runId).toBe(next)
    call.end(done)
    second.end(done)
    await ends(next, 'SUCCEEDED')
    expect(await world.run(runId)).toMatchObject({ status: 'CANCELLED', output: null })
  })

  it('is ended when its node is dead, and is not begun again', async () => {
    const stage = createStage()
    const node = await world.node(stage.perform, { leaseSeconds: 3_600, drainSeconds: 0, pace: 10 })
    const jobId = await world.job({ retry: { maxAttempts: 5, initialDelay: 0 } })
    const [runId, next] = [await world.start(jobId), await world.start(jobId)]
    await stage.call(0)
    await node.abandon()
    await cancel(runId)
    const heir = createStage()
    await world.node(heir.perform)
    await ends(runId, 'CANCELLED')
    const call = await heir.call(0)
    expect(call.run.runId).toBe(next)
    call.end(done)
    await ends(next, 'SUCCEEDED')
    expect(heir.calls).toHaveLength(1)
  })

  it('is ended when its node is cut off, which can write nothing afterwards', async () => {
    const cutOff = newId()
    const runId = await world.start(await world.job(twoSteps))
    const [started] = (await claimRuns(world.sql, cutOff, 3_600, 10)).runs
    await world.node(succeed)
    await cancel(runId)
    await outOfPatience(runId)
    await ends(runId, 'CANCELLED')
    const { jobId = '', attempt = 0 } = started ?? {}
    const step: FinishedStep = { position: 0, name: 'one', status: 'SUCCEEDED', output: 1, deliveries: [] }
    expect(await advanceRun(world.sql, { runId, attempt, leaseOwner: cutOff }, step)).toBe(false)
    const late = { runId, jobId, attempt, step, status: 'SUCCEEDED' as const, output: 1 }
    expect(await settleRuns(world.sql, { leaseOwner: cutOff }, [late])).toEqual(new Set())
    expect(await stepsOf(runId)).toEqual(['FAILED'])
  })
})

describe('a run that was asked to stop', () => {
  it('and was given back instead ends without being started again', async () => {
    const node = newId()
    const jobId = await world.job()
    const runId = await world.start(jobId)
    await claimRuns(world.sql, node, 3_600, 10)
    await cancel(runId)
    await settleRuns(world.sql, { leaseOwner: node }, [{ runId, jobId, attempt: 1, status: 'QUEUED', delay: 0 }])
    expect((await claimRuns(world.sql, newId(), 10, 10)).runs).toEqual([])
    await world.node(succeed)
    await ends(runId, 'CANCELLED')
    expect(await world.attempts(runId)).toEqual([])
  })

  it('and failed meanwhile is not tried again', async () => {
    const node = newId()
    const jobId = await world.job()
    const runId = await world.start(jobId)
    await claimRuns(world.sql, node, 3_600, 10)
    await cancel(runId)
    const error = { code: 'BAD', message: 'it went wrong' }
    const outcome = { runId, jobId, attempt: 1, status: 'RETRYING' as const, error, delay: 0 }
    await settleRuns(world.sql, { leaseOwner: node }, [outcome])
    expect((await claimRuns(world.sql, newId(), 10, 10)).runs).toEqual([])
    await world.node(succeed)
    await ends(runId, 'CANCELLED')
    expect(await world.attempts(runId)).toMatchObject([{ status: 'FAILED' }])
  })

  it('by a node that is stopping ends by its word', async () => {
    const stage = createStage()
    const node = await world.node(stage.perform, { drainSeconds: 30 })
    const runId = await world.start(await world.job())
    const call = await stage.call(0)
    const stopped = node.stop()
    await cancel(runId)
    await expect.poll(() => call.signal.reason, soon).toBe(CANCELLED)
    call.end(failure())
    await stopped
    expect((await world.run(runId)).status).toBe('CANCELLED')
  })
})
