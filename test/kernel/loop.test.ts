import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/kernel/log.ts'
import { createLoop } from '../../src/kernel/loop.ts'

const log = createLog('silent')
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Work that the test ends, on a clock whose timers the test rings. */
function createWorkplace() {
  const timers = new Map<() => void, number>()
  const turns: { end(delay: number | null): void; fail(): void }[] = []
  const health: unknown[] = []
  const clock = {
    now: () => 0,
    after(ms: number, fn: () => void) {
      timers.set(fn, ms)
      return () => timers.delete(fn)
    },
  }
  const work = () =>
    new Promise<number | null>((resolve, reject) =>
      turns.push({ end: resolve, fail: () => reject(new Error('at work')) }),
    )
  const loop = createLoop({ name: 'test', clock, log, work, onHealth: (error) => health.push(error) })
  return {
    loop,
    turns,
    health,
    delays: () => [...timers.values()],
    async ring() {
      for (const fn of [...timers.keys()]) {
        timers.delete(fn)
        fn()
      }
      await settled()
    },
    async end(delay: number | null) {
      turns.at(-1)?.end(delay)
      await settled()
    },
    async fail() {
      turns.at(-1)?.fail()
      await settled()
    },
  }
}

describe('a loop', () => {
  it('works when it is woken, and again when the time has come that the work named', async () => {
    const { loop, turns, delays, end, ring } = createWorkplace()
    expect(turns).toHaveLength(0)
    loop.wake()
    expect(turns).toHaveLength(1)
    await end(500)
    expect(delays()).toEqual([500])
    await ring()
    expect(turns).toHaveLength(2)
    await end(null)
    expect(delays()).toEqual([])
    expect(turns).toHaveLength(2)
  })

  it('goes on at once when the work says 0', async () => {
    const { turns, loop, end } = createWorkplace()
    loop.wake()
    await end(0)
    expect(turns).toHaveLength(2)
  })

  it('never works twice at a time, and once more after however many wake-ups meanwhile', async () => {
    const { turns, loop, end, delays } = createWorkplace()
    for (let n = 0; n < 5; n++) loop.wake()
    expect(turns).toHaveLength(1)
    await end(1000)
    expect(turns).toHaveLength(2)
    await end(700)
    expect(turns).toHaveLength(2)
    expect(delays()).toEqual([700])
  })

  it('tries again after an error, later each time, and says how it is', async () => {
    const { turns, loop, end, fail, ring, delays, health } = createWorkplace()
    loop.wake()
    const waits: number[] = []
    for (let n = 0; n < 8; n++) {
      await fail()
      waits.push(...delays())
      await ring()
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000])
    expect(health).toHaveLength(8)
    await end(0)
    expect(health.at(-1)).toBeNull()
    await fail()
    expect(delays()).toEqual([100])
    expect(turns).toHaveLength(10)
  })

  it('is woken out of the wait after an error', async () => {
    const { turns, loop, fail, delays } = createWorkplace()
    loop.wake()
    await fail()
    loop.wake()
    expect(turns).toHaveLength(2)
    expect(delays()).toEqual([])
  })

  it('stops when its work has ended, and starts nothing after', async () => {
    const { turns, loop, end, delays } = createWorkplace()
    loop.wake()
    loop.wake()
    let stopped = false
    const stopping = loop.stop().then(() => {
      stopped = true
    })
    await settled()
    expect(stopped).toBe(false)
    await end(0)
    await stopping
    loop.wake()
    await settled()
    expect(turns).toHaveLength(1)
    expect(delays()).toEqual([])
  })
})
