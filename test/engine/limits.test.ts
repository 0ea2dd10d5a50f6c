/** Limits: how many runs of a job, of a key or of an owner are at work at once, over all nodes. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Perform } from '../../src/engine/ports.ts'
import type { SignedIn } from '../../src/identity/viewer.ts'
import { signUp } from '../artifacts/world.ts'
import { createStage, createWorld, expectConsistent, failure, type JobInput, type World, webhook } from './world.ts'

let world: World
let bob: SignedIn
beforeAll(async () => {
  world = await createWorld()
  bob = await signUp(world.database, 'bob')
})
afterEach(async () => {
  try {
    await expectConsistent(world)
  } finally {
    await world.rest()
    await world.prisma.principal.updateMany({ data: { runLimit: null } })
  }
})
afterAll(() => world.close())

const soon = { timeout: 15_000 }
const minute = { timeout: 60_000 }
const allow = { overlap: 'ALLOW' as const }
const limitTo = (limit: number, key?: string): JobInput => ({ ...allow, concurrency: { limit, ...(key && { key }) } })
const jobOf = async (owner: SignedIn, input: JobInput) =>
  (await world.jobs.create(owner, { actions: [webhook('only')], ...input })).id
const limitOwner = (owner: SignedIn, runLimit: number | null) =>
  world.prisma.principal.update({ where: { id: owner.principalId }, data: { runLimit } })
const startMany = (owner: SignedIn, jobId: string, count: number) =>
  Promise.all(Array.from({ length: count }, () => world.runs.start(owner, { jobId })))
const allEnd = () => expect.poll(() => world.sql('select 1 from run_queue'), minute).toEqual([])
const threeNodes = (perform: Perform, concurrency = 50) =>
  Promise.all([1, 2, 3].map(() => world.node(perform, { concurrency })))

/** Actions that take a moment, and how many of each group were at it at once. */
function createCounter(groupOf: (jobId: string) => string) {
  const working = new Map<string, number>()
  const most = new Map<string, number>()
  let performed = 0
  const perform: Perform = async (run) => {
    const group = groupOf(run.jobId)
    const now = (working.get(group) ?? 0) + 1
    working.set(group, now)
    most.set(group, Math.max(most.get(group) ?? 0, now))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    working.set(group, (working.get(group) ?? 0) - 1)
    performed++
    return { ok: true, output: null, deliveries: [] }
  }
  return { perform, most, performed: () => performed }
}

describe('over three nodes with places for all', () => {
  it('no group ever has more runs at work than its limit, and all of them end', { timeout: 90_000 }, async () => {
    const [one, two, three] = [await world.job(limitTo(1)), await world.job(limitTo(2)), await world.job(limitTo(5))]
    const free = await world.job(allow)
    const shared = [await world.job(limitTo(3, 'crm')), await world.job(limitTo(3, 'crm'))]
    const { perform, most, performed } = createCounter((jobId) => (shared.includes(jobId) ? 'crm' : jobId))
    await threeNodes(perform)
    await Promise.all([one, two, three, free, ...shared].map((jobId) => startMany(world.alice, jobId, 60)))
    await allEnd()
    expect(performed()).toBe(360)
    expect(most.get(one)).toBe(1)
    expect(most.get(two)).toBeLessThanOrEqual(2)
    expect(most.get(three)).toBeLessThanOrEqual(5)
    expect(most.get('crm')).toBeLessThanOrEqual(3)
  })

  it('an owner’s limit holds for all that the owner’s jobs do, beside those of jobs', { timeout: 90_000 }, async () => {
    await limitOwner(world.alice, 4)
    const hers = [await world.job(allow), await world.job(limitTo(3)), await world.job(limitTo(9, 'crm'))]
    const his = await jobOf(bob, allow)
    const { perform, most, performed } = createCounter((jobId) => (jobId === his ? 'his' : 'hers'))
    await threeNodes(perform)
    await Promise.all([...hers.map((jobId) => startMany(world.alice, jobId, 50)), startMany(bob, his, 50)])
    await allEnd()
    expect(performed()).toBe(200)
    expect(most.get('hers')).toBeLessThanOrEqual(4)
  })
})

describe('a limit', () => {
  it('is reached, and each end makes room for the next', async () => {
    const stage = createStage()
    await threeNodes(stage.perform)
    const jobId = await world.job(limitTo(2))
    await startMany(world.alice, jobId, 4)
    const [first, second] = [await stage.call(0), await stage.call(1)]
    const free = await world.start(await world.job())
    expect((await stage.call(2)).run.runId).toBe(free)
    expect(stage.calls).toHaveLength(3)
    first.end()
    second.end()
    for (const index of [3, 4]) (await stage.call(index)).end()
    stage.calls[2]?.end()
    await allEnd()
  })

  it('does not hold up other groups nor runs without one, on a node with a single place', async () => {
    const stage = createStage()
    const elsewhere = createStage()
    const full = await world.job(limitTo(1))
    await world.node(elsewhere.perform, { concurrency: 1 })
    await world.start(full)
    await elsewhere.call(0)
    await startMany(world.alice, full, 20)
    const other = await world.job(limitTo(1))
    const free = await world.job(allow)
    await world.node(stage.perform, { concurrency: 1 })
    for (const jobId of [other, free, other, free]) await world.start(jobId)
    const begun: string[] = []
    for (let n = 0; n < 4; n++) {
      const call = await stage.call(n)
      begun.push(call.run.jobId)
      call.end()
    }
    expect(begun.toSorted()).toEqual([other, other, free, free].toSorted())
    const ended = () => {
      for (const { end } of [...stage.calls, ...elsewhere.calls]) end()
      return world.sql('select 1 from run_queue')
    }
    await expect.poll(ended, minute).toEqual([])
  })

  it('of a key is shared by the jobs of one owner, and by nobody else’s', async () => {
    const stage = createStage()
    await threeNodes(stage.perform)
    const [one, two] = [await world.job(limitTo(1, 'crm')), await world.job(limitTo(1, 'crm'))]
    const elsewhere = await world.job(limitTo(1, 'mail'))
    const alone = await world.job(limitTo(1))
    const his = await jobOf(bob, limitTo(1, 'crm'))
    await world.start(one)
    await stage.call(0)
    await world.start(two)
    await world.runs.start(bob, { jobId: his })
    for (const jobId of [elsewhere, alone]) await world.start(jobId)
    await stage.call(3)
    const begun = stage.calls.map(({ run }) => run.jobId)
    expect(begun.toSorted()).toEqual([one, his, elsewhere, alone].toSorted())
    stage.calls[0]?.end()
    expect((await stage.call(4)).run.jobId).toBe(two)
    for (const { end } of stage.calls) end()
    await allEnd()
  })

  it('leaves no room to a run that waits to be tried again, nor does that take any', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const retry = { maxAttempts: 2, backoff: 'FIXED' as const, initialDelay: 3_600, jitter: false }
    const jobId = await world.job({ ...limitTo(1), retry })
    const [first, second] = [await world.start(jobId), await world.start(jobId)]
    const call = await stage.call(0)
    call.end(failure())
    const next = await stage.call(1)
    expect(new Set([call.run.runId, next.run.runId])).toEqual(new Set([first, second]))
    await expect.poll(async () => (await world.run(call.run.runId)).status, soon).toBe('RETRYING')
    // Its time has come, while the other is at work.
    await world.sql("update run_queue set available_at = 'epoch' where run_id = $1::uuid", [call.run.runId])
    const third = await world.start(await world.job(limitTo(1)))
    expect((await stage.call(2)).run.runId).toBe(third)
    expect(stage.calls).toHaveLength(3)
    next.end()
    const again = await stage.call(3)
    expect(again.run).toMatchObject({ runId: call.run.runId, attempt: 2 })
    for (const { end } of stage.calls) end()
    await allEnd()
  })

  it('is given back by a run that is cancelled while it waits, and by one that is cancelled at work', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const jobId = await world.job(limitTo(1))
    const first = await world.start(jobId)
    const call = await stage.call(0)
    const [second, third] = [await world.start(jobId), await world.start(jobId)]
    await world.runs.cancel(world.alice, second)
    await world.runs.cancel(world.alice, first)
    await expect.poll(() => call.signal.aborted, soon).toBe(true)
    call.end(failure())
    const next = await stage.call(1)
    expect(next.run.runId).toBe(third)
    next.end()
    await allEnd()
  })

  it('is given back by a node that dies', async () => {
    const stage = createStage()
    const node = await world.node(stage.perform, { leaseSeconds: 3_600, drainSeconds: 0, pace: 10 })
    const jobId = await world.job(limitTo(2))
    await startMany(world.alice, jobId, 5)
    await stage.call(1)
    await node.abandon()
    const { perform, most, performed } = createCounter(() => 'all')
    await threeNodes(perform)
    await allEnd()
    expect(performed()).toBe(5)
    expect(most.get('all')).toBeLessThanOrEqual(2)
  })

  it('that is changed holds for the runs that are queued from then on', async () => {
    const stage = createStage()
    await threeNodes(stage.perform)
    const jobId = await world.job(limitTo(1))
    await world.start(jobId)
    await stage.call(0)
    await world.jobs.update(world.alice, { jobId, concurrency: { limit: 3 } })
    await startMany(world.alice, jobId, 3)
    await stage.call(2)
    const [row] = await world.sql<{ count: number }>(
      'select count(*)::int from run_queue where lease_owner is not null and job_id = $1::uuid',
      [jobId],
    )
    expect(row?.count).toBe(3)
    await world.jobs.update(world.alice, { jobId, concurrency: null })
    await startMany(world.alice, jobId, 5)
    await stage.call(7)
    for (const { end } of stage.calls) end()
    ;(await stage.call(8)).end()
    await allEnd()
  })

  it('of an owner holds for what is queued while it is set', async () => {
    const stage = createStage()
    await threeNodes(stage.perform)
    const jobId = await world.job(allow)
    await limitOwner(world.alice, 1)
    await startMany(world.alice, jobId, 2)
    await stage.call(0)
    await limitOwner(world.alice, null)
    await startMany(world.alice, jobId, 2)
    await stage.call(2)
    const waiting = await world.sql(`select 1 from run_queue where lease_owner is null and limit_group is not null`)
    expect(waiting).toHaveLength(1)
    for (const { end } of stage.calls) end()
    ;(await stage.call(3)).end()
    await allEnd()
  })
})
