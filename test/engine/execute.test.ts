import { describe, expect, it } from 'vitest'
import { DRAINED, LOST } from '../../src/engine/execute.ts'
import type { Perform } from '../../src/engine/ports.ts'
import { createStage, expectConsistent, failure, useWorld, type World, webhook } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 10_000 }
const retry = { maxAttempts: 3, backoff: 'FIXED' as const, initialDelay: 0 }
const ended = (runId: string) => expect.poll(async () => (await world.run(runId)).finishedAt, soon).not.toBeNull()
const attemptsOf = async (runId: string) =>
  (await world.attempts(runId)).map(({ status, error }) => [status, (error as { code?: string } | null)?.code ?? null])

/** As a well-behaved action: ends when its signal says so. */
const untilAborted: Perform = (_run, _position, signal) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(failure({ code: 'ABORTED' })), { once: true })
  })

describe('an action that fails', () => {
  it('is tried again, and the run can be seen waiting for it', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const runId = await world.start(await world.job({ retry: { ...retry, initialDelay: 1, jitter: false } }))
    ;(await stage.call(0)).end(failure())
    await expect.poll(async () => (await world.run(runId)).status).toBe('RETRYING')
    const { availableAt, error } = await world.run(runId)
    expect(error).toEqual({ code: 'BAD', message: 'it went wrong', step: 'webhook' })
    const second = await stage.call(1)
    expect(Date.now()).toBeGreaterThanOrEqual(availableAt.getTime() - 100)
    expect(second.run).toMatchObject({ attempt: 2, losses: 0 })
    second.end()
    await ended(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'SUCCEEDED', attempt: 2, error: null })
    expect(await attemptsOf(runId)).toEqual([
      ['FAILED', 'BAD'],
      ['SUCCEEDED', null],
    ])
  })

  it('fails its run when the attempts are used up, or when trying again is no use', async () => {
    await world.node(async (run) => failure({ transient: run.plan.job.name === 'transient' }))
    const [transient, permanent] = await Promise.all(
      ['transient', 'permanent'].map(async (name) => world.start(await world.job({ name, retry }))),
    )
    for (const [runId = '', attempts] of [[transient, 3] as const, [permanent, 1] as const]) {
      await ended(runId)
      expect(await world.run(runId)).toMatchObject({ status: 'FAILED', attempt: attempts, error: { code: 'BAD' } })
      expect(await world.steps(runId)).toMatchObject([{ status: 'FAILED', error: { code: 'BAD' } }])
    }
  })

  it('in the middle of a run is tried again from there', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const actions = ['one', 'two', 'three'].map(webhook)
    const runId = await world.start(await world.job({ actions, retry }))
    ;(await stage.call(0)).end({ ok: true, output: 'first', deliveries: [] })
    ;(await stage.call(1)).end(failure())
    expect((await stage.call(2)).run).toMatchObject({ attempt: 2, done: ['first'] })
    expect((await world.runs.steps([runId])).map(({ name, status, attempt }) => [name, status, attempt])).toEqual([
      ['webhook', 'SUCCEEDED', 1],
      ['webhook-2', 'RUNNING', 2],
    ])
    expect(await world.runs.attempts([runId])).toMatchObject([
      { attempt: 1, status: 'FAILED', error: { code: 'BAD' } },
      { attempt: 2, status: 'RUNNING', error: null, finishedAt: null, startedAt: expect.any(Date) },
    ])
    stage.calls[2]?.end({ ok: true, output: 'second', deliveries: [] })
    ;(await stage.call(3)).end({ ok: true, output: 'third', deliveries: [] })
    await ended(runId)
    expect(stage.calls.map(({ position }) => position)).toEqual([0, 1, 1, 2])
    expect(await world.run(runId)).toMatchObject({ status: 'SUCCEEDED', output: 'third' })
    expect((await world.steps(runId)).map(({ attempt, output }) => [attempt, output])).toEqual([
      [1, 'first'],
      [2, 'second'],
      [2, 'third'],
    ])
  })

  it('by throwing counts as a failed attempt, and its message stays with us', async () => {
    await world.node(async () => {
      throw new Error('the password is swordfish')
    })
    const runId = await world.start(await world.job({ retry: { ...retry, maxAttempts: 2 } }))
    await ended(runId)
    expect(await attemptsOf(runId)).toEqual([
      ['FAILED', 'INTERNAL'],
      ['FAILED', 'INTERNAL'],
    ])
    expect(JSON.stringify(await world.run(runId))).not.toContain('swordfish')
  })
})

describe('an action whose result cannot be stored', () => {
  it('fails its own run, and none of those that end at the same moment', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const runIds = []
    for (let n = 0; n < 10; n++) runIds.push(await world.start(await world.job({ retry })))
    await stage.call(9)
    const bad = stage.calls[4]
    for (const call of stage.calls) call.end({ ok: true, output: call === bad ? 'a\0b' : 'ab', deliveries: [] })
    for (const runId of runIds) {
      await ended(runId)
      const expected = runId === bad?.run.runId ? { status: 'FAILED', error: { code: 'INTERNAL' } } : { output: 'ab' }
      expect(await world.run(runId)).toMatchObject({ attempt: 1, ...expected })
    }
    expect(stage.calls).toHaveLength(10)
  })

  it('fails it in the middle of a run too', async () => {
    await world.node(async () => ({ ok: true, output: 'a\0b', deliveries: [] }))
    const runId = await world.start(await world.job({ actions: [webhook('one'), webhook('two')] }))
    await ended(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'FAILED', error: { code: 'INTERNAL' } })
    expect(await world.steps(runId)).toMatchObject([{ position: 0, status: 'FAILED' }])
  })
})

describe('an attempt that takes too long', () => {
  it('is told to stop and counts as failed', async () => {
    const reasons: unknown[] = []
    await world.node(
      async (...step) => {
        const [run, , signal] = step
        if (run.attempt > 1) return { ok: true, output: null, deliveries: [] }
        const outcome = await untilAborted(...step)
        reasons.push(signal.reason)
        return outcome
      },
      { pace: 5 },
    )
    const runId = await world.start(await world.job({ timeout: 1, retry }))
    await ended(runId)
    expect(reasons).toMatchObject([{ name: 'TimeoutError' }])
    expect(await attemptsOf(runId)).toEqual([
      ['FAILED', 'ABORTED'],
      ['SUCCEEDED', null],
    ])
  })

  it('is left behind when it does not listen, and what it says later is ignored', async () => {
    const stage = createStage()
    await world.node(stage.perform, { pace: 10 })
    const runId = await world.start(await world.job({ timeout: 1 }))
    await ended(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'FAILED', error: { code: 'TIMEOUT' } })
    stage.calls[0]?.end()
    expect(stage.calls).toHaveLength(1)
  })

  it('does not begin another step, though the last one succeeded all the same', async () => {
    const stage = createStage()
    await world.node(stage.perform, { pace: 5 })
    const runId = await world.start(await world.job({ timeout: 1, actions: [webhook('one'), webhook('two')] }))
    const first = await stage.call(0)
    await expect.poll(() => first.signal.aborted, soon).toBe(true)
    first.end()
    await ended(runId)
    expect(stage.calls).toHaveLength(1)
    expect(await world.run(runId)).toMatchObject({ status: 'FAILED', error: { code: 'TIMEOUT' } })
    expect((await world.steps(runId)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'FAILED'])
  })
})

describe('a worker that loses its lease', () => {
  it('is told, and its result is refused: that of its successor stays', async () => {
    const stage = createStage()
    await world.node(stage.perform, { leaseSeconds: 2 })
    await world.node(stage.perform, { leaseSeconds: 2 })
    const runId = await world.start(await world.job({ retry: { ...retry, maxAttempts: 2 } }))
    const first = await stage.call(0)
    const owner = (await world.entry(runId))?.leaseOwner
    // Of the first attempt only: its node may take the run again.
    const expire = () =>
      world.sql(`update run_queue set lease_until = 'epoch' where lease_owner = $1::uuid and attempt = 1`, [owner])
    await expect.poll(() => expire().then(() => stage.calls.length), soon).toBe(2)
    await expect.poll(() => first.signal.reason, soon).toBe(LOST)
    const second = await stage.call(1)
    expect(second.run).toMatchObject({ attempt: 2, losses: 1 })
    first.end({ ok: true, output: 'of the first', deliveries: [] })
    // A loss spends no retry: this is the first of two tries.
    second.end(failure())
    ;(await stage.call(2)).end({ ok: true, output: 'of the last', deliveries: [] })
    await ended(runId)
    expect(await world.run(runId)).toMatchObject({ status: 'SUCCEEDED', output: 'of the last', losses: 1 })
    expect(await attemptsOf(runId)).toEqual([
      ['LOST', 'LOST'],
      ['FAILED', 'BAD'],
      ['SUCCEEDED', null],
    ])
    const begin = ['STARTED', 'STEP_STARTED']
    const tries = [...begin, 'RETRYING', ...begin, 'STEP_FINISHED', 'RETRYING', ...begin, 'STEP_FINISHED']
    expect(await world.kinds(runId)).toEqual(['QUEUED', ...tries, 'SUCCEEDED'])
  })
})

describe('a node that stops', () => {
  it('claims no more, waits for what is running, and gives back the rest uncounted', async () => {
    const stage = createStage()
    const node = await world.node((...step) => Promise.race([stage.perform(...step), untilAborted(...step)]), {
      drainSeconds: 1,
    })
    const [quick, slow] = [await world.start(await world.job()), await world.start(await world.job())]
    await stage.call(1)
    const stopped = node.stop()
    const late = await world.start(await world.job())
    stage.calls.find(({ run }) => run.runId === quick)?.end()
    await stopped
    expect(stage.calls.map(({ signal }) => signal.reason).filter(Boolean)).toContain(DRAINED)
    expect(stage.calls).toHaveLength(2)
    expect((await world.run(quick)).status).toBe('SUCCEEDED')
    for (const runId of [slow, late]) {
      expect(await world.run(runId)).toMatchObject({ status: 'QUEUED', attempt: 0, losses: 0 })
      expect(await world.attempts(runId)).toEqual([])
      expect(await world.entry(runId)).toMatchObject({ leaseOwner: null, attempt: 0 })
    }
    await expectConsistent(world)
    await world.node(async () => ({ ok: true, output: null, deliveries: [] }))
    await ended(slow)
    expect(await world.run(slow)).toMatchObject({ status: 'SUCCEEDED', attempt: 1 })
  })

  it('keeps the steps that were done, and begins no other', async () => {
    const stage = createStage()
    const node = await world.node(stage.perform, { drainSeconds: 0 })
    const runId = await world.start(await world.job({ actions: [webhook('one'), webhook('two')] }))
    const first = await stage.call(0)
    const stopped = node.stop()
    await expect.poll(() => first.signal.reason).toBe(DRAINED)
    first.end({ ok: true, output: 'kept', deliveries: [] })
    await stopped
    expect(await world.run(runId)).toMatchObject({ status: 'QUEUED', attempt: 0 })
    await world.node(stage.perform)
    const second = await stage.call(1)
    expect(second).toMatchObject({ position: 1, run: { attempt: 1, done: ['kept'] } })
    second.end()
    await ended(runId)
  })

  it('does not wait long for an action that does not listen', async () => {
    const stage = createStage()
    const node = await world.node(stage.perform, { drainSeconds: 0, pace: 10 })
    const runId = await world.start(await world.job())
    await stage.call(0)
    await node.stop()
    expect(await world.run(runId)).toMatchObject({ status: 'QUEUED', attempt: 0 })
  })
})
