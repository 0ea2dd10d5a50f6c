import { afterEach, expect, it } from 'vitest'
import type { Sql } from '../../src/db/sql.ts'
import { createRenew } from '../../src/engine/renew.ts'
import type { Task } from '../../src/engine/worker.ts'
import { createLog } from '../../src/kernel/log.ts'
import type { Loop } from '../../src/kernel/loop.ts'
import { createLocalBus } from '../../src/live/bus.ts'

const LEASE_SECONDS = 10

/** Time that passes when the test says so. */
function createClock() {
  let now = 0
  let timers: { at: number; fn: () => void }[] = []
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    now: () => now,
    after(ms: number, fn: () => void) {
      const timer = { at: now + ms, fn }
      timers.push(timer)
      return () => {
        timers = timers.filter((each) => each !== timer)
      }
    },
    pending: () => timers.length,
    async pass(seconds: number) {
      const end = now + seconds * 1000
      await settle()
      for (let next = earliest(); next && next.at <= end; next = earliest()) {
        now = next.at
        timers = timers.filter((each) => each !== next)
        next.fn()
        await settle()
      }
      now = end
    },
  }
  function earliest() {
    return timers.toSorted((a, b) => a.at - b.at)[0]
  }
}

const running: { loop: Loop; clock: ReturnType<typeof createClock> }[] = []
const stopAll = () =>
  Promise.all(running.splice(0).flatMap(({ loop, clock }) => [loop.stop(), clock.pass(LEASE_SECONDS)]))
afterEach(stopAll)

/** A node that holds tasks, on a database that answers as `sql` does. */
function createNode(sql: (runIds: string[]) => Promise<string[]>) {
  const clock = createClock()
  const tasks: Task[] = []
  const lost: Task[] = []
  const told: string[] = []
  const cancelled = new Set<string>()
  const bus = createLocalBus()
  let asked = 0
  const answer = async (_text: string, values: unknown[] = []) => {
    asked++
    return (await sql(values[2] as string[])).map((runId) => ({ runId, cancelled: cancelled.has(runId) }))
  }
  const renew = createRenew(
    { clock, sql: answer as Sql, log: createLog('silent'), bus },
    { nodeId: 'n', leaseSeconds: LEASE_SECONDS },
    {
      held: () => [...tasks],
      lose: (some) => lost.push(...some),
      cancel: (some) => told.push(...some.map(({ runId }) => runId)),
    },
  )
  running.push({ loop: renew, clock })
  renew.wake()
  return {
    clock,
    lost,
    bus,
    /** Runs that somebody has cancelled, and those that their tasks were told of. */
    cancelled,
    told,
    asked: () => asked,
    begin(runId: string) {
      const task = { runId, controller: new AbortController(), done: Promise.resolve() }
      tasks.push(task)
      return task
    },
    forget: (task: Task) => tasks.splice(tasks.indexOf(task), 1),
  }
}

it('renews what is held several times within a lease, and asks nothing while nothing is held', async () => {
  const node = createNode(async (ids) => ids)
  await node.clock.pass(20)
  expect(node.asked()).toBe(0)
  node.begin('a')
  await node.clock.pass(LEASE_SECONDS)
  expect(node.asked()).toBeGreaterThanOrEqual(3)
  expect(node.lost).toEqual([])
})

it('tells a task that was taken over, and no other', async () => {
  let taken = ''
  const node = createNode(async (ids) => ids.filter((id) => id !== taken))
  const [one] = [node.begin('one'), node.begin('two')]
  await node.clock.pass(5)
  taken = 'one'
  await node.clock.pass(4)
  expect(new Set(node.lost)).toEqual(new Set([one]))
})

it('does not take the same run, come back while it asked, for the one that is gone', async () => {
  let answer: (ids: string[]) => void = () => {}
  const node = createNode(
    () =>
      new Promise((resolve) => {
        answer = resolve
      }),
  )
  const before = node.begin('a')
  await node.clock.pass(4)
  node.forget(before)
  node.begin('a')
  answer([])
  await node.clock.pass(0)
  expect(node.lost).toEqual([before])
})

it('gives everything up once nothing was renewed for as long as a lease lasts, by errors or by silence', async () => {
  const never = () => new Promise<never>(() => {})
  for (const silence of [() => Promise.reject(new Error('no connection')), never]) {
    let reachable = true
    const node = createNode((ids) => (reachable ? Promise.resolve(ids) : silence()))
    const task = node.begin('a')
    await node.clock.pass(1)
    reachable = false
    await node.clock.pass(LEASE_SECONDS - 1.5)
    expect(node.lost).toEqual([])
    await node.clock.pass(1)
    expect(node.lost).toEqual([task])
  }
})

it('gives up what it never could renew', async () => {
  const node = createNode(() => Promise.reject(new Error('no connection')))
  const task = node.begin('a')
  await node.clock.pass(LEASE_SECONDS + 1)
  expect(node.lost).toEqual([task])
})

it('asks again when an answer does not come, and is well when one does', async () => {
  let hangs = true
  const node = createNode((ids) => (hangs ? new Promise(() => {}) : Promise.resolve(ids)))
  node.begin('a')
  await node.clock.pass(4)
  hangs = false
  await node.clock.pass(60)
  expect(node.lost).toEqual([])
})

it('leaves no timer behind when it stops', async () => {
  const node = createNode(async (ids) => ids)
  node.begin('a')
  await node.clock.pass(5)
  await stopAll()
  expect(node.clock.pending()).toBe(0)
})

it('asks a task to stop that was cancelled: at once when it is told, else with the next renewal', async () => {
  const node = createNode(async (ids) => ids)
  node.begin('told')
  node.begin('untold')
  await node.clock.pass(4)
  node.cancelled.add('told')
  node.bus.publish('cancel')
  await node.clock.pass(0)
  expect(node.told).toEqual(['told'])
  node.cancelled.add('untold')
  await node.clock.pass(LEASE_SECONDS / 2)
  expect(node.told).toContain('untold')
  expect(node.lost).toEqual([])
})
