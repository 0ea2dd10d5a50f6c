/** Filters in PostgreSQL against what they mean, over rows and filters drawn at random. */
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filterSql } from '../../src/data/filter.ts'
import { readRows } from '../../src/data/queries.ts'
import { insertMany } from '../../src/data/write.ts'
import { madeUpSqlOn, type Sql, sqlOn } from '../../src/db/sql.ts'
import type { ValidationError } from '../../src/kernel/errors.ts'
import { newId } from '../../src/kernel/ids.ts'
import { createTestConnection } from '../support/database.ts'
import { matches, type Row } from './oracle.ts'

let pool: pg.Pool
let sql: Sql
let owner: string
beforeAll(async () => {
  pool = new pg.Pool({ ...(await createTestConnection()), max: 1 })
  sql = madeUpSqlOn(pool)
  owner = newId()
  await sql('insert into principal (id, handle) values ($1::uuid, $2)', [owner, 'owner'])
})
afterAll(() => pool?.end())

async function datasetOf(rows: readonly object[]): Promise<string> {
  const id = newId()
  const text =
    'insert into dataset (id, owner_id, created_by_id, name, slug) values ($1::uuid, $2::uuid, $2::uuid, $3, $3)'
  await sql(text, [id, owner, id])
  await insertMany(sqlOn(pool), id, rows)
  return id
}

async function found(datasetId: string, filter: unknown, sort?: unknown): Promise<unknown[]> {
  const page = { size: 1_000, backward: false, after: null, before: null }
  return (await readRows(sql, { of: { dataset: datasetId }, filter }, sort, page)).map(({ data }) => data)
}

const nasty = fc.constantFrom(
  '',
  'a',
  'A',
  'ab',
  '%',
  '_',
  '\\',
  "'",
  '"',
  'ä',
  '😀',
  '1',
  'null',
  "'; drop table run; --",
  '$1',
  '{{',
)
const scalar = fc.oneof(nasty, fc.constantFrom(0, 1, -1, 0.1, 1e21, 1e-7, 10, 2 ** 53), fc.boolean(), fc.constant(null))
const value = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('x', 'y'), scalar, { maxKeys: 2, noNullPrototype: true }),
)
const FIELDS = ['a', 'b', 'c.x', 'weird "field\'s']
const row: fc.Arbitrary<Row> = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'weird "field\'s'), value, {
  noNullPrototype: true,
})

const operation = fc.oneof(
  fc.tuple(fc.constantFrom('$eq', '$ne'), value),
  fc.tuple(fc.constantFrom('$in', '$nin'), fc.array(value, { maxLength: 4 })),
  fc.tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), fc.oneof(nasty, fc.constantFrom(0, 1, 0.1, 1e21))),
  fc.tuple(fc.constantFrom('$startsWith', '$endsWith'), nasty),
  fc.tuple(fc.constant('$contains'), scalar),
)
const condition = fc.tuple(
  fc.constantFrom(...FIELDS),
  fc.oneof(fc.array(operation, { minLength: 1, maxLength: 2 }).map(Object.fromEntries), scalar),
)
const { filter } = fc.letrec<{ filter: Record<string, unknown> }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.array(condition, { maxLength: 2 }).map(Object.fromEntries),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map(($and) => ({ $and })),
    fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map(($or) => ({ $or })),
    tie('filter').map(($not) => ({ $not })),
  ),
}))

describe('a filter', () => {
  it('finds in PostgreSQL exactly the rows that it means', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.array(filter, { minLength: 1, maxLength: 6 }),
        async (rows, filters) => {
          const dataset = await datasetOf(rows.map((each, n) => ({ ...each, n })))
          for (const each of filters) {
            const numbers = (await found(dataset, each)).map((data) => (data as { n: number }).n)
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
        const dataset = await datasetOf(rows.map((data, n) => ({ ...data, n })))
        const [yes, no] = [await found(dataset, each), await found(dataset, { $not: each })]
        expect(yes.length + no.length).toBe(rows.length)
      }),
      { numRuns: 30 },
    )
  })

  it('may ask for the row’s own fields', async () => {
    const dataset = await datasetOf([{ n: 1 }, { n: 2 }])
    const [first] = await sql<{ id: string }>('select id from dataset_row where dataset_id = $1::uuid order by id', [
      dataset,
    ])
    const id = `row_${first?.id.replaceAll('-', '')}`
    expect(await found(dataset, { id })).toEqual([{ n: 1 }])
    expect(await found(dataset, { id: { $in: [id, 'row_x'] } })).toEqual([{ n: 1 }])
    expect(await found(dataset, { createdAt: { $gt: '2020-01-01T00:00:00.000Z' } })).toHaveLength(2)
    expect(await found(dataset, { updatedAt: { $lt: '2020-01-01T00:00:00.000Z' } })).toEqual([])
  })

  it('that asks for equality is answered by the index, among many rows', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => ({ sku: `sku-${n}`, group: n % 10 }))
    const dataset = await datasetOf(rows)
    await sql('analyze dataset_row')
    for (const each of [{ sku: 'sku-777' }, { sku: { $in: ['sku-1', 'sku-2'] } }]) {
      const values: unknown[] = [dataset]
      const where = filterSql(each, (item) => `$${values.push(item)}`)
      const plan = await sql<{ 'QUERY PLAN': string }>(
        `explain select * from dataset_row r where r.dataset_id = $1::uuid and ${where}`,
        values,
      )
      expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('dataset_row_data_idx')
    }
    expect(await found(dataset, { sku: 'sku-777' })).toEqual([{ sku: 'sku-777', group: 7 }])
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
    [Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`f${n}`, 1])), 'filter.f100'],
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

describe('a sort', () => {
  it('puts values of a kind together, each kind in its own order, and reads backwards as it reads forwards', async () => {
    const values = ['b', 10, 9, 'B', null, true, 'ä', [1], { x: 1 }, false, 'a']
    const dataset = await datasetOf(values.map((a) => ({ a })))
    const sorted = [null, 'B', 'a', 'b', 'ä', 9, 10, false, true, [1], { x: 1 }]
    expect(await found(dataset, {}, { a: 'asc' })).toEqual(sorted.map((a) => ({ a })))
    expect(await found(dataset, {}, { a: 'desc' })).toEqual(sorted.toReversed().map((a) => ({ a })))
  })

  it('goes from page to page without a gap or a repeat', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c.x', 'createdAt'), fc.constantFrom('asc', 'desc'), {
          maxKeys: 2,
          noNullPrototype: true,
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        async (rows, sort, size, backward) => {
          const dataset = await datasetOf(rows.map((data, n) => ({ ...data, n })))
          const whole = await found(dataset, {}, sort)
          const pages: unknown[] = []
          let cursor: (string | number | null)[] | null = null
          do {
            const page = { size, backward, after: backward ? null : cursor, before: backward ? cursor : null }
            const read: Awaited<ReturnType<typeof readRows>> = await readRows(sql, { of: { dataset } }, sort, page)
            pages.push(...read.slice(0, size).map(({ data }) => data))
            cursor = read.length > size ? (read[size - 1]?.keys ?? null) : null
          } while (cursor)
          expect(backward ? pages.toReversed() : pages).toEqual(whole)
        },
      ),
      { numRuns: 40 },
    )
  })
})
