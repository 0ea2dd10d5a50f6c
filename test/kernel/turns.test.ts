import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/kernel/clock.ts'
import { ConflictError, LimitError } from '../../src/kernel/errors.ts'
import { createTurns } from '../../src/kernel/turns.ts'

/** Time passes when the test says so. */
function start(refuses: (item: string) => Error | null = () => null) {
  const served: string[][] = []
  const timers: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    after(_ms, fn) {
      timers.push(fn)
      return () => {}
    },
  }
  const ask = createTurns<string, number>(
    async (items) => {
      served.push(items)
      for (const item of items) {
        const error = refuses(item)
        if (error) throw error
      }
      return items.length
    },
    { clock, intervalMs: 500, mostWaiting: 3, tooMany: 'too many' },
  )
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    ask,
    served,
    async pass() {
      await settled()
      for (const ring of timers.splice(0)) ring()
      await settled()
    },
  }
}

describe('those who ask for the same', () => {
  it('are served at once while it is free, then together at the next turn, and in order', async () => {
    const { ask, served, pass } = start()
    const answers = Promise.all([ask('a', '1'), ask('a', '2'), ask('a', '3'), ask('b', '4')])
    await pass()
    expect(await answers).toEqual([1, 2, 2, 1])
    expect(served).toEqual([['1'], ['4'], ['2', '3']])
    await pass()
    await ask('a', '5')
    expect(served.at(-1)).toEqual(['5'])
  })

  it('are refused when too many wait, and those who wait are not', async () => {
    const { ask, pass } = start()
    const all = Promise.allSettled(['1', '2', '3', '4', '5'].map((item) => ask('a', item)))
    await pass()
    const outcomes = await all
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(4).fill('fulfilled'), 'rejected'])
    expect(outcomes[4]).toMatchObject({ reason: expect.any(LimitError) })
  })

  it('are not refused for what another asked', async () => {
    const { ask, served, pass } = start((item) => (item === 'bad' ? new ConflictError('no') : null))
    const all = Promise.allSettled(['1', '2', 'bad', '3'].map((item) => ask('a', item)))
    await pass()
    expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(served).toEqual([['1'], ['2', 'bad', '3'], ['2'], ['bad'], ['3']])
  })

  it('all fail of a fault, and nothing is done twice', async () => {
    const { ask, served, pass } = start((item) => (item === 'bad' ? new Error('connection lost') : null))
    const all = Promise.allSettled(['1', '2', 'bad', '3'].map((item) => ask('a', item)))
    await pass()
    expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected'])
    expect(served).toHaveLength(2)
  })
})
