/** Filters in PostgreSQL against what they mean, over rows and filters drawn at random. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filterSql } from '../../src/data/filter.ts'
import { countRows, readRows } from '../../src/data/queries.ts'
import type { Sql } from '../../src/db/sql.ts'
import type { ValidationError } from '../../src/kernel/errors.ts'
import { filter, row } from './arbitraries.ts'
import { matches } from './oracle.ts'
import { createWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world?.close())

describe('a filter', () => {
  it('finds in PostgreSQL exactly the rows that it means', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.array(filter, { minLength: 1, maxLength: 6 }),
        async (rows, filters) => {
          const dataset = await world.datasetOf(rows.map((each, n) => ({ ...each, n })))
          for (const each of filters) {
            const numbers = (await world.found(dataset, each)).map((data) => (data as { n: number }).n)
            const expected = rows.flatMap((data, n) => (matches(JSON.parse(JSON.stringify(data)), each) ? [n] : []))
            expect(numbers, JSON.stringify(each)).toEqual(expected)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('and its complement share no row and leave none out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), filter, async (rows, each) => {
        const dataset = await world.datasetOf(rows.map((data, n) => ({ ...data, n })))
        const [yes, no] = [await world.found(dataset, each), await world.found(dataset, { $not: each })]
        expect(yes.length + no.length).toBe(rows.length)
      }),
      { numRuns: 30 },
    )
  })

  it('may ask for the row’s own fields', async () => {
    const dataset = await world.datasetOf([{ n: 1 }, { n: 2 }])
    const [first] = await world.sql<{ id: string }>(
      'select id from dataset_row where dataset_id = $1::uuid order by id',
      [dataset],
    )
    const id = `row_${first?.id.replaceAll('-', '')}`
    expect(await world.found(dataset, { id })).toEqual([{ n: 1 }])
    expect(await world.found(dataset, { id: { $in: [id, 'row_x'] } })).toEqual([{ n: 1 }])
    expect(await world.found(dataset, { id: { $nin: [id, null] } })).toEqual([{ n: 2 }])
    expect(await world.found(dataset, { id: { $gt: id } })).toEqual([{ n: 2 }])
    expect(await world.found(dataset, { createdAt: { $gt: '2020-01-01T00:00:00.000Z' } })).toHaveLength(2)
    expect(await world.found(dataset, { updatedAt: { $lt: '2020-01-01' } })).toEqual([])
  })

  it('compares instants as such, however they are written', async () => {
    const dataset = await world.datasetOf([{ n: 1 }])
    await world.sql('update dataset_row set created_at = $2::timestamptz where dataset_id = $1::uuid', [
      dataset,
      '2026-01-31T12:00:00Z',
    ])
    for (const same of ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z', '2026-01-31T14:00+02:00']) {
      expect(await world.found(dataset, { createdAt: same }), same).toHaveLength(1)
      expect(await world.found(dataset, { createdAt: { $gte: same, $lte: same, $in: [same] } }), same).toHaveLength(1)
      expect(await world.found(dataset, { createdAt: { $gt: same } }), same).toEqual([])
    }
  })

  it('leads through objects only, never into a list', async () => {
    const dataset = await world.datasetOf([{ a: [7, { x: 7 }] }, { a: { '0': 7, x: 7 } }, { a: 7 }])
    const objects = [{ a: { '0': 7, x: 7 } }]
    for (const test of [7, { $gte: 7 }, { $in: [7] }, { $ne: null }]) {
      for (const field of ['a.0', 'a.x']) expect(await world.found(dataset, { [field]: test }), field).toEqual(objects)
    }
    expect(await world.found(dataset, { 'a.-1.x': { $gte: 7 } })).toEqual([])
    expect(await world.found(dataset, { 'a.0': null })).toHaveLength(2)
  })

  it('tells a field of the data from one of the row by the same name', async () => {
    const dataset = await world.datasetOf([{ id: 5 }, { id: 6 }])
    expect(await world.found(dataset, { '$data.id': 5 })).toEqual([{ id: 5 }])
    expect(await world.found(dataset, { id: 5 })).toEqual([])
    expect(await world.found(dataset, {}, { '$data.id': 'desc' })).toEqual([{ id: 6 }, { id: 5 }])
  })

  it('that asks for equality is answered by the index, among many rows', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => ({ sku: `sku-${n}`, group: n % 10 }))
    const dataset = await world.datasetOf(rows)
    await world.sql('analyze dataset_row')
    const plans: string[] = []
    const explain: Sql = async (text, values) => {
      const plan = await world.sql<{ 'QUERY PLAN': string }>(`explain ${text}`, values)
      plans.push(plan.map((line) => line['QUERY PLAN']).join('\n'))
      return []
    }
    const page = { size: 20, backward: false, after: null, before: null }
    for (const each of [
      { sku: 'sku-777' },
      { sku: { $in: ['sku-1', 'sku-2'] } },
      { sku: 'sku-7', group: { $gt: 1 } },
    ]) {
      const query = { of: { dataset }, filter: each }
      await countRows(explain, query)
      await readRows(explain, query, undefined, page)
      await readRows(explain, query, { group: 'desc' }, page)
    }
    expect(plans).toHaveLength(9)
    for (const plan of plans) expect(plan).toContain('dataset_row_data_idx')
    expect(await world.found(dataset, { sku: 'sku-777' })).toEqual([{ sku: 'sku-777', group: 7 }])
  })

  it.each([
    [[], 'filter'],
    ['text', 'filter'],
    [{ a: { $like: 'x' } }, 'filter.a.$like'],
    [{ a: { $gt: null } }, 'filter.a.$gt'],
    [{ a: { $gt: [1] } }, 'filter.a.$gt'],
    [{ a: { $in: 'x' } }, 'filter.a.$in'],
    [{ a: { $startsWith: 1 } }, 'filter.a.$startsWith'],
    [{ a: { $eq: 1, b: 2 } }, 'filter.a.b'],
    [{ $nor: [] }, 'filter.$nor'],
    [{ $and: [] }, 'filter.$and'],
    [{ $or: [{ a: 1 }, 7] }, 'filter.$or.1'],
    [{ $not: [] }, 'filter.$not'],
    [{ '': 1 }, 'filter.'],
    [{ 'a..b': 1 }, 'filter.a..b'],
    [{ a: 'x\0' }, 'filter'],
    [{ a: { $in: Array(1_001).fill(1) } }, 'filter.a.$in'],
    [Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`f${n}`, 1])), 'filter.f199'],
    [{ $and: Array.from({ length: 201 }, () => ({})) }, 'filter.$and.199'],
    [JSON.parse(`${'{"$not":'.repeat(11)}{}${'}'.repeat(11)}`), `filter${'.$not'.repeat(11)}`],
    [{ a: 'x'.repeat(256 * 1024) }, 'filter'],
    [{ createdAt: { $gt: '2026-01-31T12:00:00' } }, 'filter.createdAt.$gt'],
    [{ createdAt: { $gt: '2026-13-31T12:00:00Z' } }, 'filter.createdAt.$gt'],
    [{ updatedAt: 5 }, 'filter.updatedAt'],
    [{ id: { $startsWith: 'row_' } }, 'filter.id.$startsWith'],
    [{ id: { $gt: 'row_1' } }, 'filter.id.$gt'],
    [{ $data: 1 }, 'filter.$data'],
    [{ [`${'a.'.repeat(10)}b`]: 1 }, `filter.${'a.'.repeat(10)}b`],
    [{ a: { constructor: 1, $eq: 1 } }, 'filter.a.constructor'],
  ])('that is %j is refused at %s', (given, path) => {
    try {
      filterSql(given, () => '$1')
      expect.unreachable()
    } catch (error) {
      expect((error as ValidationError).issues).toMatchObject([{ path }])
    }
  })
})
