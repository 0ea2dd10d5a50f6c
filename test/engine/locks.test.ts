/** The lock of a job as the nodes see it: taken away from a worker, held by an administrator, and without a limit of time. */
import { beforeAll, describe, expect, it } from 'vitest'
import { claimRuns } from '../../src/engine/claim.ts'
import { LOST } from '../../src/engine/execute.ts'
import type { SignedIn } from '../../src/identity/viewer.ts'
import { newId } from '../../src/kernel/ids.ts'
import { settleRuns } from '../../src/runs/transition/settle.ts'
import { advanceRun, type FinishedStep } from '../../src/runs/transition/steps.ts'
import { signUp } from '../artifacts/world.ts'
import { createStage, succeed, useWorld, type World, webhook } from './world.ts'

let world: World
let admin: SignedIn
useWorld((made) => {
  world = made
})
beforeAll(async () => {
  admin = await signUp(world.database, 'root', { isAdmin: true })
})

const soon = { timeout: 10_000 }
const ends = (runId: string, status: string) =>
  expect.poll(async () => (await world.run(runId)).status, soon).toBe(status)
const step: FinishedStep = { position: 0, name: 'webhook', status: 'SUCCEEDED', output: 'late', deliveries: [] }
const lostBy = { code: 'LOST', message: expect.stringContaining('administrator') }

describe('a run whose job is released', () => {
  it('ends at once, its worker is told to stop, and the next of the job begins', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const jobId = await world.job({ retry: { maxAttempts: 5 }, actions: [webhook('one'), webhook('two')] })
    const first = await world.start(jobId)
    const hanging = await stage.call(0)
    const second = await world.start(jobId)
    await world.runs.release(admin, jobId)
    expect(await world.run(first)).toMatchObject({ status: 'FAILED', error: lostBy, losses: 1, attempt: 1 })
    expect((await world.attempts(first)).map(({ status }) => status)).toEqual(['LOST'])
    expect((await world.steps(first)).map(({ status, error }) => [status, error])).toEqual([['FAILED', lostBy]])
    expect((await world.kinds(first)).at(-1)).toBe('FAILED')
    await expect.poll(() => hanging.signal.aborted, soon).toBe(true)
    expect(hanging.signal.reason).toBe(LOST)
    const next = await stage.call(1)
    expect(next.run.runId).toBe(second)
    hanging.end()
    next.end()
    const last = await stage.call(2)
    expect(last.run.runId).toBe(second)
    last.end()
    await ends(second, 'SUCCEEDED')
    expect(await world.run(first)).toMatchObject({ status: 'FAILED', error: lostBy })
  })

  it('takes nothing more from a worker that does not hear of it', async () => {
    const leaseOwner = newId()
    const jobId = await world.job()
    const runId = await world.start(jobId)
    await claimRuns(world.sql, leaseOwner, 10, 10)
    await world.runs.release(admin, jobId)
    expect(await advanceRun(world.sql, { runId, attempt: 1, leaseOwner }, step)).toBe(false)
    const outcome = { runId, jobId, attempt: 1, step, status: 'SUCCEEDED' as const, output: 'late' }
    expect(await settleRuns(world.sql, { leaseOwner }, [outcome])).toEqual(new Set())
    expect(await world.run(runId)).toMatchObject({ status: 'FAILED', output: null })
  })

  it('has one end, however its worker and the administrator meet', async () => {
    const leaseOwner = newId()
    for (let round = 0; round < 20; round++) {
      const jobId = await world.job()
      const runId = await world.start(jobId)
      await claimRuns(world.sql, leaseOwner, 10, 10)
      const outcome = { runId, jobId, attempt: 1, step, status: 'SUCCEEDED' as const, output: 'done' }
      const [settled] = await Promise.all([
        settleRuns(world.sql, { leaseOwner }, [outcome]),
        world.runs.release(admin, jobId),
      ])
      const { status, output } = await world.run(runId)
      expect([status, output]).toEqual(settled.has(runId) ? ['SUCCEEDED', 'done'] : ['FAILED', null])
      expect((await world.kinds(runId)).filter((kind) => kind === 'FAILED' || kind === 'SUCCEEDED')).toEqual([status])
    }
  })

  it('is none while it only waits: that goes on', async () => {
    const jobId = await world.job()
    const runId = await world.start(jobId)
    await world.runs.release(admin, jobId)
    expect((await world.run(runId)).status).toBe('QUEUED')
    await world.node(succeed)
    await ends(runId, 'SUCCEEDED')
  })
})

describe('a job that is held', () => {
  it('fires no slot, not even one that was due, and makes up for none', async () => {
    const jobId = await world.job({ schedule: { every: { seconds: 1 } } })
    await world.sql("update job set anchor = anchor - interval '1 minute' where id = $1::uuid", [jobId])
    await world.missSlotsSince(jobId, 30)
    await world.runs.hold(admin, jobId)
    const [skipped] = await world.runsOf(jobId)
    expect(skipped).toMatchObject({ status: 'SKIPPED', skipReason: 'PAUSED', trigger: 'SCHEDULE' })
    await world.node(succeed)
    // A job beside it fires: the node has looked.
    const beside = await world.job({ schedule: { every: { seconds: 1 } } })
    await expect.poll(async () => (await world.statuses(beside)).length, soon).toBeGreaterThan(0)
    expect(await world.statuses(jobId)).toEqual(['SKIPPED'])
    const { nextRunAt } = await world.runs.release(admin, jobId)
    await expect.poll(async () => (await world.statuses(jobId)).length, soon).toBeGreaterThan(1)
    const [, next] = await world.runsOf(jobId)
    expect(next).toMatchObject({ status: expect.not.stringMatching('SKIPPED'), scheduledFor: nextRunAt })
  })

  it('that is paused stays so when it is released', async () => {
    const jobId = await world.job({ schedule: { every: { seconds: 1 } } })
    await world.runs.hold(admin, jobId)
    await world.jobs.pause(world.alice, jobId)
    expect(await world.runs.release(admin, jobId)).toMatchObject({ enabled: false, nextRunAt: null, heldAt: null })
  })
})

describe('a run without a limit of time', () => {
  it('goes on where another of an hour has run out', async () => {
    const stage = createStage()
    await world.node(stage.perform, { pace: 3_600, leaseSeconds: 72_000 })
    const { id: jobId } = await world.jobs.create(world.alice, { name: 'x', type: 'teleport', data: {} }, 'INFORMER')
    const runId = await world.start(jobId)
    const endless = await stage.call(0)
    const limited = await world.start(await world.job({ timeout: 3_600 }))
    await ends(limited, 'FAILED')
    expect((await world.run(limited)).error).toMatchObject({ code: 'TIMEOUT' })
    expect([endless.signal.aborted, (await world.run(runId)).status]).toEqual([false, 'RUNNING'])
    endless.end()
    await ends(runId, 'SUCCEEDED')
  })
})
