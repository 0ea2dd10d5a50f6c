/** Cancelling at any moment: whatever it meets, each run ends once, and nothing waits for ever. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Perform } from '../../src/engine/ports.ts'
import { createWorld, expectConsistent, failure, type World, webhook } from './world.ts'

const NODES = 3
const USERS = 3
const RUNS_OF_A_USER = 40

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())

const chance = (share: number) => Math.random() < share
const pick = <Item>(items: Item[]): Item | undefined => items[Math.floor(Math.random() * items.length)]
const turns = async (most: number) => {
  for (let left = Math.floor(Math.random() * most); left > 0; left--) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Works for a moment and then succeeds or fails; most of them stop when they are asked to. */
const perform: Perform = async (_run, _position, signal) => {
  const listens = chance(0.8)
  for (let left = Math.floor(Math.random() * 60); left > 0 && !(listens && signal.aborted); left--) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (signal.aborted && listens) return failure({ code: 'ABORTED' })
  return chance(0.3) ? failure() : { ok: true, output: null, deliveries: [] }
}

it('ends each run exactly once, beside claims, starts, ends, retries, drains and losses', {
  timeout: 120_000,
}, async () => {
  const jobs = await Promise.all(
    Array.from({ length: 9 }, (_, index) =>
      world.job({
        actions: [webhook('one'), webhook('two')],
        retry: { maxAttempts: 3, backoff: 'FIXED', initialDelay: 0, jitter: false },
        overlap: (['QUEUE_ALL', 'ALLOW', 'CANCEL_RUNNING'] as const)[index % 3] ?? null,
        ...(index < 3 && { concurrency: { limit: 2, key: 'shared' } }),
      }),
    ),
  )
  const settings = { concurrency: 6, drainSeconds: 0, pace: 20 }
  const nodes = await Promise.all(Array.from({ length: NODES }, () => world.node(perform, settings)))
  const runIds: string[] = []
  let starting = USERS
  const busy = () => starting > 0

  async function user() {
    for (let left = RUNS_OF_A_USER; left > 0; left--) {
      runIds.push(await world.start(pick(jobs) ?? ''))
      await turns(20)
    }
    starting--
  }

  /** Mostly the newest, so that it meets them at every stage of their lives. */
  async function canceller() {
    while (busy()) {
      const runId = pick(runIds.slice(-8))
      if (runId) {
        await world.runs.cancel(world.alice, runId).catch((error) => expect(error).toMatchObject({ code: 'FINAL' }))
      }
      await turns(10)
    }
  }

  async function cancellerOfMany() {
    while (busy()) {
      await world.runs.cancelMany(world.alice, { jobId: pick(jobs) ?? null }, 5)
      await turns(200)
    }
  }

  async function operator() {
    while (busy()) {
      await nodes.shift()?.stop()
      nodes.push(await world.node(perform, settings))
    }
  }

  /** In no particular order, so it may wait for nobody: what somebody else has in hand is passed over. */
  async function undertaker() {
    while (busy()) {
      await world.sql(`update run_queue set lease_until = 'epoch' where run_id in (
        select run_id from run_queue where lease_owner is not null order by random() limit 2 for update skip locked)`)
      await turns(400)
    }
  }

  await Promise.all([
    ...Array.from({ length: USERS }, user),
    ...[canceller(), canceller(), cancellerOfMany(), operator(), undertaker()],
  ])
  await expect.poll(() => world.sql('select run_id from run_queue'), { timeout: 60_000 }).toEqual([])
  await expectConsistent(world)
  const ends = await world.sql<{ status: string; count: number }>(
    `select status, count(*)::int from run where finished_at is not null group by 1`,
  )
  expect(ends.reduce((sum, { count }) => sum + count, 0)).toBe(USERS * RUNS_OF_A_USER)
  expect(ends.map(({ status }) => status)).toContain('CANCELLED')
  const terminal = `select run_id from run_event where kind in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED')
    group by 1 having count(*) <> 1`
  expect(await world.sql(terminal)).toEqual([])
})
