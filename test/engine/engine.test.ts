import { describe, expect, it } from 'vitest'
import type { Perform } from '../../src/engine/ports.ts'
import { MAX_LOSSES } from '../../src/runs/states.ts'
import { deferred } from '../support/receiver.ts'
import { createStage, type JobInput, succeed, useWorld, type World } from './world.ts'

let world: World
useWorld((made) => {
  world = made
})

const soon = { timeout: 15_000 }
const everySecond: JobInput = { schedule: { every: { seconds: 1 } } }
const countOf = async (jobId: string, status: string) =>
  (await world.statuses(jobId)).filter((each) => each === status).length

/** Each slot of the job from its first to its newest is a run or lies in a skipped range, and none is there twice. */
async function expectEachSlotOnce(jobId: string) {
  const runs = (await world.runsOf(jobId)).filter(({ trigger }) => trigger === 'SCHEDULE')
  const slots = runs.flatMap(({ scheduledFor, skippedCount }) =>
    Array.from({ length: skippedCount ?? 1 }, (_, index) => (scheduledFor?.getTime() ?? 0) + index * 1000),
  )
  slots.sort((a, b) => a - b)
  expect(slots).toEqual(slots.map((_, index) => (slots[0] ?? 0) + index * 1000))
}

describe('three nodes on one database', () => {
  const performed = new Map<string, string[]>()
  const busy = new Set<string>()
  const allBusy = deferred()
  /** Nobody is done before everybody has something to do. */
  const on =
    (node: string): Perform =>
    async (run) => {
      performed.set(run.runId, [...(performed.get(run.runId) ?? []), node])
      if (busy.add(node).size === 3) allBusy.resolve()
      await allBusy.promise
      return { ok: true, output: node, deliveries: [] }
    }
  const startNodes = () => Promise.all(['a', 'b', 'c'].map((name) => world.node(on(name), { concurrency: 5 })))

  it('run each slot of each job once, and each run is performed once', async () => {
    const jobs = await Promise.all(Array.from({ length: 20 }, () => world.job(everySecond)))
    await startNodes()
    for (const jobId of jobs) await expect.poll(() => countOf(jobId, 'SUCCEEDED'), soon).toBeGreaterThan(1)
    await world.sql('update job set enabled = false, next_run_at = null')
    await expect.poll(() => world.sql('select 1 from run_queue'), soon).toEqual([])
    for (const jobId of jobs) {
      await expectEachSlotOnce(jobId)
      for (const { id, status, output } of await world.runsOf(jobId)) {
        expect(performed.get(id)).toEqual(status === 'SUCCEEDED' ? [output] : undefined)
      }
    }
    expect(new Set([...performed.values()].flat())).toEqual(new Set(['a', 'b', 'c']))
  })

  it('start each job that waits for an event once, whoever dispatches it', async () => {
    const jobs = await Promise.all(Array.from({ length: 8 }, () => world.job({ eventType: 'order.paid' })))
    const [paused, other] = [
      await world.job({ eventType: 'order.paid', enabled: false }),
      await world.job({ eventType: 'order.sent' }),
    ]
    await startNodes()
    const events = await Promise.all(Array.from({ length: 25 }, () => world.emit('order.paid')))
    for (const jobId of jobs) await expect.poll(() => countOf(jobId, 'SUCCEEDED'), soon).toBe(events.length)
    for (const jobId of jobs) {
      const runs = await world.runsOf(jobId)
      expect(runs.map(({ domainEventId }) => domainEventId).sort()).toEqual(events.sort())
      for (const { id } of runs) expect(performed.get(id)).toHaveLength(1)
    }
    for (const jobId of [paused, other]) expect(await world.runsOf(jobId)).toEqual([])
    expect(await world.prisma.domainEvent.count({ where: { dispatchedAt: null } })).toBe(0)
  })

  it('go on when all their connections are cut, and lose nothing by it', async () => {
    const jobs = await Promise.all(Array.from({ length: 5 }, () => world.job({ ...everySecond, overlap: 'ALLOW' })))
    const startedByHand: string[] = []
    await startNodes()
    for (let round = 0; round < 3; round++) {
      for (const jobId of jobs) startedByHand.push(await world.start(jobId))
      await world.cutConnections()
      await expect.poll(() => world.sql('select 1 as one'), soon).toEqual([{ one: 1 }])
      await expect.poll(async () => (await world.run(startedByHand.at(-1) ?? '')).status, soon).toBe('SUCCEEDED')
    }
    await world.sql('update job set enabled = false, next_run_at = null')
    // What was claimed on a connection that was cut comes back when its lease runs out.
    await world.sql("update run_queue set lease_until = 'epoch'")
    await expect.poll(() => world.sql('select 1 from run_queue'), soon).toEqual([])
    for (const jobId of jobs) {
      await expectEachSlotOnce(jobId)
      for (const status of await world.statuses(jobId)) expect(['SUCCEEDED', 'SKIPPED']).toContain(status)
    }
  })
})

describe('runs of one job that overlap', () => {
  it('by their slots are skipped, wait or run, as the policy says; without one they are skipped', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const policies = [null, 'SKIP', 'QUEUE_ONE', 'QUEUE_ALL', 'ALLOW'] as const
    const jobs = await Promise.all(policies.map((overlap) => world.job({ ...everySecond, overlap })))
    const [byDefault = '', skip = '', queueOne = '', queueAll = '', allow = ''] = jobs
    for (const jobId of jobs) {
      await expect.poll(async () => (await world.runsOf(jobId)).length, soon).toBeGreaterThanOrEqual(3)
    }
    const states = async (jobId: string) => (await world.statuses(jobId)).slice(0, 3)
    expect(await states(byDefault)).toEqual(['RUNNING', 'SKIPPED', 'SKIPPED'])
    expect(await states(skip)).toEqual(['RUNNING', 'SKIPPED', 'SKIPPED'])
    expect(await states(queueOne)).toEqual(['RUNNING', 'QUEUED', 'SKIPPED'])
    expect(await states(queueAll)).toEqual(['RUNNING', 'QUEUED', 'QUEUED'])
    await expect.poll(() => states(allow), soon).toEqual(['RUNNING', 'RUNNING', 'RUNNING'])
    expect((await world.runsOf(skip))[1]).toMatchObject({ skipReason: 'OVERLAP', skippedCount: 1 })
    await world.sql('update job set enabled = false, next_run_at = null')
    await expect
      .poll(async () => {
        for (const { end } of stage.calls) end()
        return world.sql('select 1 from run_queue')
      }, soon)
      .toEqual([])
    for (const jobId of jobs) await expectEachSlotOnce(jobId)
    const ran = stage.calls
      .filter(({ run }) => run.jobId === queueAll)
      .map(({ run }) => run.scheduledFor?.getTime() ?? 0)
    expect(ran).toEqual(ran.toSorted((a, b) => a - b))
  })

  it('by events and by hand wait for each other in turn, unless the request says otherwise', async () => {
    const stage = createStage()
    await world.node(stage.perform)
    const jobId = await world.job({ eventType: 'order.paid' })
    const byHand = await world.start(jobId)
    await stage.call(0)
    const events = [await world.emit('order.paid'), await world.emit('order.paid')]
    await expect.poll(() => world.statuses(jobId), soon).toEqual(['RUNNING', 'QUEUED', 'QUEUED'])
    const request = async (overlap: 'SKIP' | 'QUEUE_ONE' | 'ALLOW') =>
      (await world.runs.start(world.alice, { jobId, overlap })).status
    expect(await request('SKIP')).toBe('SKIPPED')
    expect(await request('QUEUE_ONE')).toBe('SKIPPED')
    expect(['QUEUED', 'RUNNING']).toContain(await request('ALLOW'))
    const allowed = await stage.call(1)
    stage.calls[0]?.end()
    await expect.poll(async () => (await world.run(byHand)).status, soon).toBe('SUCCEEDED')
    expect(stage.calls).toHaveLength(2)
    allowed.end()
    for (const [index, eventId] of events.entries()) {
      const call = await stage.call(2 + index)
      expect(call.run.event?.id).toBe(eventId)
      expect(stage.calls).toHaveLength(3 + index)
      call.end()
    }
    await expect.poll(() => countOf(jobId, 'SUCCEEDED'), soon).toBe(4)
  })
})

describe('a node that is gone', () => {
  /** A node as `kill -9` leaves it: its row is there, its lock is not, and it holds a run in the middle of an action. */
  async function leaveBehind(losses = 0) {
    const runId = await world.start(await world.job())
    const stage = createStage()
    const node = await world.node(stage.perform, { leaseSeconds: 3600, drainSeconds: 0, pace: 10 })
    await stage.call(0)
    await node.abandon()
    await world.sql('update run set losses = $2 where id = $1::uuid', [runId, losses])
    return { runId, nodeId: node.nodeId }
  }
  const nodeRow = (id: string) => world.prisma.node.findUnique({ where: { id } })

  it('is replaced long before its leases run out, and forgotten', async () => {
    const { runId, nodeId } = await leaveBehind()
    await world.node(succeed)
    await expect.poll(async () => (await world.run(runId)).status, soon).toBe('SUCCEEDED')
    expect(await world.run(runId)).toMatchObject({ attempt: 2, losses: 1 })
    expect((await world.attempts(runId)).map(({ status }) => status)).toEqual(['LOST', 'SUCCEEDED'])
    await expect.poll(() => nodeRow(nodeId), soon).toBeNull()
  })

  it('too often ends the run: it may be what kills them', async () => {
    const { runId } = await leaveBehind(MAX_LOSSES - 1)
    await world.node(succeed)
    await expect.poll(async () => (await world.run(runId)).status, soon).toBe('FAILED')
    expect(await world.run(runId)).toMatchObject({ error: { code: 'LOST' }, losses: MAX_LOSSES })
    expect(await world.steps(runId)).toMatchObject([{ status: 'FAILED' }])
  })

  it('is not judged by its lock when PostgreSQL was restarted since: then only the lease tells', async () => {
    const { runId, nodeId } = await leaveBehind()
    await world.sql(`update node set postmaster_started_at = '2020-01-01' where id = $1::uuid`, [nodeId])
    const witness = await leaveBehind()
    await world.node(succeed)
    await expect.poll(async () => (await world.run(witness.runId)).status, soon).toBe('SUCCEEDED')
    expect(await world.run(runId)).toMatchObject({ status: 'RUNNING', losses: 0 })
    expect(await nodeRow(nodeId)).not.toBeNull()
    await world.sql("update run_queue set lease_until = 'epoch'")
    await expect.poll(async () => (await world.run(runId)).status, soon).toBe('SUCCEEDED')
  })
})
