import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/actions/ports.ts'
import { MAX_COLUMNS, MAX_ROW_BYTES } from '../../src/data/row.ts'
import { inTransaction } from '../../src/db/sql.ts'
import { newId } from '../../src/kernel/ids.ts'
import { deferred } from '../support/receiver.ts'
import { batches, MAX_ROWS, numbered, options, useWorld, type World } from './port-world.ts'

let world: World
useWorld((made) => {
  world = made
})

const load = (dataset: { id: string; name: string }, rows: Row[] | AsyncIterable<Row[]>, more = {}) =>
  world.datasets.load(dataset, Array.isArray(rows) ? batches(rows) : rows, options(more))

/** Its second batch comes when the test says so. */
function slowSource(first: Row[], second: Row[] = []) {
  const asked = deferred()
  const going = deferred()
  async function* rows() {
    // more than a statement takes, so that it is written before the second is asked for
    yield first
    asked.resolve()
    await going.promise
    yield second
  }
  return { rows: rows(), asked: asked.promise, go: going.resolve }
}

describe('rows that are loaded', () => {
  test('come behind those that are there, or in their place, in their order', async () => {
    const dataset = await world.dataset([{ a: 1 }])
    expect(await load(dataset, batches([{ a: 2 }, { a: 3 }], [], [{ a: 4 }]))).toEqual({ rows: 3 })
    expect(await world.rowsOf(dataset)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }])
    expect(await world.rowCount(dataset)).toBe(4)

    const many = numbered(5_000)
    expect(await load(dataset, many, { mode: 'REPLACE' })).toEqual({ rows: 5_000 })
    expect(await world.rowsOf(dataset)).toEqual(many)
    expect(await world.rowCount(dataset)).toBe(5_000)
  })

  test('may be none: that empties a dataset, or changes nothing', async () => {
    const dataset = await world.dataset([{ a: 1 }])
    expect(await load(dataset, [])).toEqual({ rows: 0 })
    expect(await world.rowCount(dataset)).toBe(1)
    expect(await load(dataset, [], { mode: 'REPLACE' })).toEqual({ rows: 0 })
    expect(await world.rowsOf(dataset)).toEqual([])
    expect(await world.rowCount(dataset)).toBe(0)
  })

  test('are what they were, whatever is in them', async () => {
    const rows = [{ '': 'a"b\\c\n\u2028 ü 😀', __proto__: undefined, nested: { a: [1.5, -2e-7, null, true, {}] } }, {}]
    const dataset = await world.dataset()
    await load(dataset, rows)
    expect(await world.rowsOf(dataset)).toEqual(JSON.parse(JSON.stringify(rows)))
    const proto = JSON.parse('[{"__proto__":{"a":1}}]')
    await load(dataset, proto, { mode: 'REPLACE' })
    expect(JSON.stringify(await world.rowsOf(dataset))).toBe('[{"__proto__":{"a":1}}]')
  })

  test('are seen all or not at all: the old ones or the new ones, and their number with them', async () => {
    const dataset = await world.dataset(numbered(4_000, { generation: 0 }))
    const seen = new Set<number>()
    let isDone = false
    const watching = (async () => {
      while (!isDone) {
        const [state] = await world.sql<{ count: number; low: number; high: number; rowCount: number }>(
          `select count(*)::int as count, min((r.data->>'generation')::int) as low,
             max((r.data->>'generation')::int) as high, min(d.row_count) as "rowCount"
           from dataset d join dataset_row r on r.dataset_id = d.id where d.id = $1::uuid`,
          [dataset.id],
        )
        expect(state).toMatchObject({ low: state?.high, count: state?.rowCount })
        seen.add(state?.low ?? -1)
      }
    })()
    for (let generation = 1; generation <= 6; generation++) {
      await load(dataset, numbered(4_000 + generation, { generation }), { mode: 'REPLACE' })
    }
    isDone = true
    await watching
    expect(seen.size).toBeGreaterThan(1)
  })

  test('say when they came', async () => {
    const dataset = await world.dataset()
    const at = async () => (await world.prisma.dataset.findUniqueOrThrow({ where: dataset })).updatedAt.getTime()
    const before = await at()
    await load(dataset, [{ a: 1 }])
    expect(await at()).toBeGreaterThan(before)
  })
})

describe('nothing changes', () => {
  const unchanged = async (rows: Row[] | AsyncIterable<Row[]>, error: object, more = {}) => {
    const before = [{ old: true }]
    const dataset = await world.dataset(before)
    for (const mode of ['REPLACE', 'APPEND']) {
      await expect(load(dataset, rows, { mode, ...more })).rejects.toMatchObject(error)
      expect(await world.rowsOf(dataset)).toEqual(before)
      expect(await world.rowCount(dataset)).toBe(1)
    }
  }
  const deep = (levels: number): Row => (levels === 0 ? {} : { a: deep(levels - 1) })

  test.each([
    ['null', null, 'is not an object'],
    ['an array', [1], 'is not an object'],
    ['a NUL', { a: 'x\0' }, 'must not hold a NUL character'],
    ['a NUL in a key', { 'x\0': 1 }, 'must not hold a NUL character'],
    ['half a surrogate pair', { a: ['\ud83d'] }, 'must not hold half a surrogate pair'],
    ['an endless number', { a: Number.POSITIVE_INFINITY }, 'must not hold a number beyond ±1.8e308'],
    ['101 levels', deep(101), 'must not be nested more than 100 deep'],
    [
      'too many fields',
      Object.fromEntries(numbered(MAX_COLUMNS + 1).map(({ n }) => [n, 0])),
      'has 1001 fields; 1000 are allowed',
    ],
    ['too many bytes', { a: 'ü'.repeat(MAX_ROW_BYTES / 2) }, 'has 262152 bytes; 262144 are allowed'],
  ])('when a row has %s', async (_, row, flaw) => {
    const rows = [...numbered(2_500), row as Row]
    await unchanged(rows, { name: 'EffectError', code: 'INVALID_ROW', message: `row 2501 ${flaw}` })
  })

  test('when there are too many, also together with those that are there', async () => {
    const error = { code: 'DATASET_FULL', message: `a dataset has at most ${MAX_ROWS} rows (MAX_DATASET_ROWS)` }
    await unchanged(numbered(MAX_ROWS + 1), error)
    const dataset = await world.dataset([{ a: 1 }])
    await expect(load(dataset, numbered(MAX_ROWS))).rejects.toMatchObject(error)
    expect(await world.rowCount(dataset)).toBe(1)
    expect(await load(dataset, numbered(MAX_ROWS), { mode: 'REPLACE' })).toEqual({ rows: MAX_ROWS })
  })

  test('when the source breaks off', async () => {
    const failure = new Error('the line is dead')
    const broken = () =>
      (async function* () {
        yield numbered(5_000)
        throw failure
      })()
    const dataset = await world.dataset([{ old: true }])
    for (const mode of ['REPLACE', 'APPEND']) await expect(load(dataset, broken(), { mode })).rejects.toBe(failure)
    expect(await world.rowsOf(dataset)).toEqual([{ old: true }])
  })

  test('when the connection to the database is cut', async () => {
    const dataset = await world.dataset([{ old: true }])
    const source = slowSource(numbered(5_000), numbered(10))
    const loading = load(dataset, source.rows, { mode: 'REPLACE' })
    await source.asked
    await expect.poll(async () => (await world.bulkSessions()).length).toBe(1)
    const failed = expect(loading).rejects.toThrow()
    await world.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'bulk loads of runsheet'`,
    )
    // It ends a moment after it was told to: what is left must not get through in between.
    await expect.poll(() => world.bulkSessions()).toEqual([])
    source.go()
    await failed
    expect(await world.rowsOf(dataset)).toEqual([{ old: true }])
    expect(await load(dataset, [{ a: 1 }])).toEqual({ rows: 1 })
  })

  test('when the dataset is gone', async () => {
    const dataset = await world.dataset()
    await world.prisma.dataset.delete({ where: dataset })
    await expect(load(dataset, [{ a: 1 }])).rejects.toMatchObject({ name: 'EffectError', code: 'DATASET_GONE' })
  })
})

describe('beside others', () => {
  test('twenty loads at once add up', async () => {
    const dataset = await world.dataset()
    const loads = Array.from({ length: 20 }, (_, load) => numbered(500 + load, { load }))
    expect(await Promise.all(loads.map((rows) => load(dataset, rows)))).toEqual(
      loads.map(({ length }) => ({ rows: length })),
    )
    const rows = await world.rowsOf(dataset)
    for (const [index, expected] of loads.entries()) {
      expect(rows.filter((row) => row.load === index)).toEqual(expected)
    }
    expect(await world.rowCount(dataset)).toBe(rows.length)
  })

  test('loads that replace, add and fail leave one consistent state', async () => {
    const dataset = await world.dataset()
    await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) => {
        const rows = numbered(300 + index, { load: index })
        if (index % 4 === 3) return load(dataset, [...rows, { bad: '\0' }])
        return load(dataset, rows, { mode: index % 2 ? 'REPLACE' : 'APPEND' })
      }),
    )
    const rows = await world.rowsOf(dataset)
    expect(await world.rowCount(dataset)).toBe(rows.length)
    const counts = new Map<unknown, number>()
    for (const { load } of rows) counts.set(load, (counts.get(load) ?? 0) + 1)
    for (const [index, count] of counts) expect(count).toBe(300 + Number(index))
  })

  test.each([
    ['REPLACE', 5_010],
    ['APPEND', 5_012],
  ])('while a source is slow, rows are changed by others, and %s counts them', async (mode, expected) => {
    const dataset = await world.dataset([{ old: true }])
    const source = slowSource(numbered(5_000), numbered(10))
    const loading = load(dataset, source.rows, { mode })
    await source.asked
    await inTransaction(world.database.pool, async (sql) => {
      await sql('select id from dataset where id = $1::uuid for no key update', [dataset.id])
      await sql(`insert into dataset_row (id, dataset_id, data) values ($1::uuid, $2::uuid, '{}')`, [
        newId(),
        dataset.id,
      ])
      await sql('update dataset set row_count = row_count + 1 where id = $1::uuid', [dataset.id])
    })
    source.go()
    expect(await loading).toEqual({ rows: 5_010 })
    expect(await world.rowCount(dataset)).toBe(expected)
    expect(await world.rowsOf(dataset)).toHaveLength(expected)
  })

  test('slow sources hold no connections while nothing of them has come', async () => {
    const dataset = await world.dataset()
    const sources = Array.from({ length: 8 }, () => slowSource([], [{ a: 1 }]))
    const loading = sources.map(({ rows }) => load(dataset, rows))
    await Promise.all(sources.map(({ asked }) => asked))
    expect(await load(dataset, [{ b: 1 }])).toEqual({ rows: 1 })
    for (const { go } of sources) go()
    await Promise.all(loading)
    expect(await world.rowCount(dataset)).toBe(9)
  })
})
