import { describe, expect, it } from 'vitest'
import { createBatch } from '../../src/kernel/batch.ts'

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A batch whose statements the test answers. */
function createDesk(limits: { maxSize: number; maxInFlight: number }) {
  const statements: { items: number[]; answer(): void; fail(): void }[] = []
  const add = createBatch<number, string>(
    (items) =>
      new Promise((resolve, reject) => {
        const answer = () => resolve(items.map((item) => `${item}!`))
        statements.push({ items, answer, fail: () => reject(new Error('refused')) })
      }),
    limits,
  )
  return { add, statements, sizes: () => statements.map(({ items }) => items.length) }
}

describe('a batch', () => {
  it('puts what is asked in one turn into one statement, and gives each its own result', async () => {
    const { add, statements } = createDesk({ maxSize: 10, maxInFlight: 2 })
    const results = Promise.all([add(1), add(2), add(3)])
    expect(statements).toEqual([])
    await settled()
    expect(statements.map(({ items }) => items)).toEqual([[1, 2, 3]])
    statements[0]?.answer()
    expect(await results).toEqual(['1!', '2!', '3!'])
  })

  it('keeps to its size and to its number in flight; what waits goes as soon as there is room', async () => {
    const { add, statements, sizes } = createDesk({ maxSize: 2, maxInFlight: 2 })
    const results = Promise.all([1, 2, 3, 4, 5, 6, 7].map(add))
    await settled()
    expect(sizes()).toEqual([2, 2])
    statements[1]?.answer()
    await settled()
    expect(sizes()).toEqual([2, 2, 2])
    const late = add(8)
    await settled()
    expect(sizes()).toEqual([2, 2, 2])
    for (const index of [0, 2, 3]) {
      statements[index]?.answer()
      await settled()
    }
    expect(await results).toEqual([1, 2, 3, 4, 5, 6, 7].map((item) => `${item}!`))
    expect(await late).toBe('8!')
    expect(statements.at(-1)?.items).toEqual([7, 8])
  })

  it('fails those of a statement that failed, and goes on with the next', async () => {
    const { add, statements } = createDesk({ maxSize: 2, maxInFlight: 1 })
    const results = Promise.allSettled([add(1), add(2), add(3)])
    await settled()
    statements[0]?.fail()
    await settled()
    statements[1]?.answer()
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
  })
})
