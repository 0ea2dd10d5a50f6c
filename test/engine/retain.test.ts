import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inTransaction, type Sql } from '../../src/db/sql.ts'
import { createRetain } from '../../src/engine/retain.ts'
import type { Loop } from '../../src/kernel/loop.ts'
import { lockEdge } from '../../src/runs/forget.ts'
import { addOldEvent, addOldRuns } from '../runs/history.ts'
import { deferred } from '../support/receiver.ts'
import { createWorld, expectConsistent, log, succeed, type World } from './world.ts'

const LATER_MS = 300_000

let world: World
let jobId: string
const loops = new Set<Loop>()
beforeAll(async () => {
  world = await createWorld()
})
beforeEach(async () => {
  jobId = await world.job()
})
afterEach(async () => {
  await Promise.all([...loops].map((loop) => loop.stop()))
  loops.clear()
  await world.rest()
  await world.sql('delete from domain_event')
})
afterAll(() => world.close())

const count = async (table: string) => (await world.sql(`select 1 from ${table}`)).length

/** Retention on a clock whose timers the test rings; its transactions are what the test says. */
function retain({ retentionDays = 30, transaction = world.ports.transaction } = {}) {
  const timers = new Map<() => void, number>()
  const clock = {
    now: () => 0,
    after(ms: number, fn: () => void) {
      timers.set(fn, ms)
      return () => timers.delete(fn)
    },
  }
  const loop = createRetain({ clock, log, transaction }, { retentionDays })
  loops.add(loop)
  loop.wake()
  return {
    loop,
    timers,
    /** The delay after which it wants to go on, once it rests. */
    async rest(): Promise<number> {
      await expect.poll(() => timers.size, { timeout: 10_000 }).toBe(1)
      return [...timers.values()][0] ?? 0
    },
    ring() {
      const [next] = timers.keys()
      timers.clear()
      next?.()
    },
  }
}

/** Rings until it rests for long. Answers how often it paused. */
async function finish({ rest, ring }: ReturnType<typeof retain>): Promise<number> {
  for (let pauses = 0; ; pauses++) {
    if ((await rest()) === LATER_MS) return pauses
    ring()
  }
}

describe('retention', () => {
  it('goes batch by batch with a pause after each, then looks again a while later', async () => {
    await addOldRuns(world.sql, jobId, { count: 1_200 })
    const [young] = await addOldRuns(world.sql, jobId, { queued: 1 })
    const retention = retain()
    const left: number[] = []
    while ((await retention.rest()) < LATER_MS) {
      left.push(await count('run'))
      retention.ring()
    }
    expect(left.slice(0, 3)).toEqual([701, 201, 1])
    await addOldRuns(world.sql, jobId, { count: 3 })
    retention.ring()
    await finish(retention)
    expect(await world.runsOf(jobId)).toMatchObject([{ id: young }])
  })

  it('takes runs, then the events that they named, then the jobs that they were of, in one pass', async () => {
    const eventId = await addOldEvent(world.sql, world.alice.principalId)
    const gone = await world.job()
    await addOldRuns(world.sql, gone, { eventId })
    await world.sql(
      `update job set deleted_at = clock_timestamp() - interval '31 days', enabled = false where id = $1::uuid`,
      [gone],
    )
    await finish(retain())
    expect([await count('run'), await count('domain_event')]).toEqual([0, 0])
    expect(await world.prisma.job.findUnique({ where: { id: gone } })).toBeNull()
  })

  it('keeps everything for ever when it is told 0 days', async () => {
    await addOldRuns(world.sql, jobId, { queued: 4_000 })
    const retention = retain({ retentionDays: 0 })
    await retention.loop.stop()
    expect(retention.timers.size).toBe(0)
    expect(await count('run')).toBe(1)
  })

  it('leaves it to another node that is at it', async () => {
    await addOldRuns(world.sql, jobId)
    await inTransaction(world.pool, async (other) => {
      await lockEdge(other, 30)
      expect(await retain().rest()).toBe(LATER_MS)
    })
    expect(await count('run')).toBe(1)
  })

  it('by two nodes at once forgets what one would, and nothing else', async () => {
    await addOldRuns(world.sql, jobId, { count: 1_100 })
    const young = await addOldRuns(world.sql, jobId, { count: 5, queued: 1 })
    await Promise.all([finish(retain()), finish(retain())])
    await finish(retain())
    expect((await world.runsOf(jobId)).map(({ id }) => id)).toEqual(young)
    await expectConsistentLog(world.sql)
  })

  it('stops after the batch that is under way', async () => {
    await addOldRuns(world.sql, jobId, { count: 1_200 })
    const [began, goOn] = [deferred(), deferred()]
    const retention = retain({
      transaction: async (work) => {
        began.resolve()
        await goOn.promise
        return world.ports.transaction(work)
      },
    })
    await began.promise
    const stopped = retention.loop.stop()
    goOn.resolve()
    await stopped
    expect(await count('run')).toBe(700)
    expect(retention.timers.size).toBe(0)
  })

  it('goes on where it was when the database comes back', async () => {
    await addOldRuns(world.sql, jobId, { count: 600, queued: 50, status: 'QUEUED', finished: null })
    await addOldRuns(world.sql, jobId, { count: 100 })
    let failures = 0
    const retention = retain({
      transaction: (work) => (failures-- > 0 ? Promise.reject(new Error('gone')) : world.ports.transaction(work)),
    })
    await retention.rest()
    failures = 2
    await finish(retention)
    expect(await world.statuses(jobId)).toEqual(Array(600).fill('QUEUED'))
  })
})

/** No event without its run, and no run without its events. */
async function expectConsistentLog(sql: Sql) {
  const strays = await sql(
    `select 1 from run r full join run_event e on e.run_id = r.id where r.id is null or e.run_id is null`,
  )
  expect(strays).toEqual([])
}

it('a node forgets what is old while it works, and what it does is whole', async () => {
  const other = await world.job()
  await addOldRuns(world.sql, jobId, { count: 1_500 })
  await world.node(succeed, { retentionDays: 30, pace: 10 })
  const started = await Promise.all([world.start(jobId), world.start(other)])
  await expect.poll(() => count('run'), { timeout: 15_000 }).toBe(2)
  for (const id of started) {
    await expect.poll(async () => (await world.run(id)).status, { timeout: 15_000 }).toBe('SUCCEEDED')
  }
  await expectConsistent(world)
})
