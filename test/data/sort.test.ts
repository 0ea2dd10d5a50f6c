/** The order of rows, and the pages that are read in it. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cursor } from '../../src/kernel/pages.ts'
import { row } from './arbitraries.ts'
import { createWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world?.close())

describe('a sort', () => {
  it('puts values of a kind together, each kind in its own order, and reads backwards as it reads forwards', async () => {
    const values = ['b', 10, 9, 'B', null, true, 'ä', [1], { x: 1 }, false, 'a']
    const dataset = await world.datasetOf(values.map((a) => ({ a })))
    const sorted = [null, 'B', 'a', 'b', 'ä', 9, 10, false, true, [1], { x: 1 }]
    expect(await world.found(dataset, {}, { a: 'asc' })).toEqual(sorted.map((a) => ({ a })))
    expect(await world.found(dataset, {}, { a: 'desc' })).toEqual(sorted.toReversed().map((a) => ({ a })))
  })

  it('goes from page to page without a gap or a repeat', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c.x', 'createdAt', 'id'), fc.constantFrom('asc', 'desc'), {
          maxKeys: 3,
          noNullPrototype: true,
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        async (rows, sort, size, backward) => {
          const dataset = await world.datasetOf(rows.map((data, n) => ({ ...data, n })))
          const whole = await world.found(dataset, {}, sort)
          const pages: unknown[] = []
          let cursor: Cursor | null = null
          do {
            const page = { size, backward, after: backward ? null : cursor, before: backward ? cursor : null }
            const read: Awaited<ReturnType<World['read']>> = await world.read(dataset, {}, sort, page)
            pages.push(...read.slice(0, size).map(({ data }) => data))
            cursor = read.length > size ? (read[size - 1]?.cursor ?? null) : null
          } while (cursor)
          expect(backward ? pages.toReversed() : pages).toEqual(whole)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('has small cursors, whatever the values are', async () => {
    const long = 'x'.repeat(100_000)
    const dataset = await world.datasetOf([{ a: `${long}2` }, { a: [long] }, { a: `${long}1` }, { a: 5e-324 }])
    const rows = await world.read(dataset, {}, { a: 'asc' })
    for (const { cursor } of rows) expect(JSON.stringify(cursor).length).toBeLessThan(1_000)
    for (const [index, { cursor }] of rows.entries()) {
      const after = await world.read(dataset, {}, { a: 'asc' }, { after: cursor })
      expect(after.map(({ id }) => id)).toEqual(rows.slice(index + 1).map(({ id }) => id))
    }
  })

  it.each([
    [5, 'sort'],
    [['a'], 'sort'],
    [{ a: 'up' }, 'sort.a'],
    [{ 'a..b': 'asc' }, 'sort.a..b'],
    [{ $gt: 'asc' }, 'sort.$gt'],
    [Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`f${n}`, 'asc'])), 'sort'],
  ])('that is %j is refused at %s', async (sort, path) => {
    const dataset = '00000000-0000-7000-8000-000000000000'
    await expect(world.read(dataset, {}, sort)).rejects.toMatchObject({ issues: [{ path }] })
  })
})

describe('a cursor', () => {
  const ID = `row_${'0'.repeat(32)}`

  it('is good for the order that it was made in, and for no other', async () => {
    const dataset = await world.datasetOf([{ a: 1, b: 1 }, { a: 2 }])
    const [first] = await world.read(dataset, {}, { a: 'asc' })
    const after = first?.cursor ?? null
    expect(await world.read(dataset, {}, { a: 'asc' }, { after })).toHaveLength(1)
    for (const sort of [undefined, {}, { a: 'desc' }, { b: 'asc' }, { a: 'asc', b: 'asc' }]) {
      await expect(world.read(dataset, {}, sort, { after })).rejects.toMatchObject({ issues: [{ path: 'after' }] })
    }
  })

  it.each<[Cursor]>([
    [[ID]],
    [['a asc', ID]],
    [['a asc', 1, '1', 'x', 'row_1']],
    [['a asc', 1.5, '1', 'x', ID]],
    [['a asc', 2 ** 40, '1', 'x', ID]],
    [['a asc', 1, '1e5', 'x', ID]],
    [['a asc', 1, 1, 'x', ID]],
    [['a asc', 1, '1'.repeat(500), 'x', ID]],
    [['a asc', 1, '1', '\0', ID]],
    [['a asc', 1, '1', '\ud800', ID]],
    [['a asc', 1, '1', null, ID]],
    [['a asc', 1, '1', 'x', 1, ID]],
  ])('that was made up is refused: %j', async (cursor) => {
    const dataset = '00000000-0000-7000-8000-000000000000'
    for (const side of ['after', 'before'] as const) {
      await expect(world.read(dataset, {}, { a: 'asc' }, { [side]: cursor })).rejects.toMatchObject({
        issues: [{ path: side }],
      })
    }
  })
})
