import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/actions/ports.ts'
import { deferred } from '../support/receiver.ts'
import { batches, numbered, options, useWorld, type World } from './port-world.ts'

let world: World
useWorld((made) => {
  world = made
})

const load = (dataset: { id: string; name: string }, rows: Row[] | AsyncIterable<Row[]>, more = {}) =>
  world.datasets.load(dataset, Array.isArray(rows) ? batches(rows) : rows, options(more))

describe('a step that is done over', () => {
  test.each(['REPLACE', 'APPEND'])('loads once, and answers as the first time: %s', async (mode) => {
    const effect = await world.effect()
    const dataset = await world.dataset([{ old: true }])
    const rows = numbered(3_000)
    expect(await load(dataset, rows, { mode, effect })).toEqual({ rows: 3_000 })
    const after = await world.rowsOf(dataset)
    expect(await load(dataset, numbered(10), { mode, effect })).toEqual({ rows: 3_000 })
    await world.endRun(effect)
    expect(await load(dataset, [], { mode, effect })).toEqual({ rows: 3_000 })
    expect(await world.rowsOf(dataset)).toEqual(after)
    expect(await world.rowCount(dataset)).toBe(after.length)
  })

  test('loads once though it is done twice at the same time', async () => {
    for (const mode of ['REPLACE', 'APPEND']) {
      const effect = await world.effect()
      const dataset = await world.dataset([{ old: true }])
      const answers = await Promise.all(
        [2_500, 2_600, 10, 4_000].map((count) => load(dataset, numbered(count), { mode, effect })),
      )
      const [{ rows } = { rows: 0 }] = answers
      expect(answers).toEqual(answers.map(() => ({ rows })))
      const expected = mode === 'REPLACE' ? rows : rows + 1
      expect(await world.rowsOf(dataset)).toHaveLength(expected)
      expect(await world.rowCount(dataset)).toBe(expected)
    }
  })

  test('may load again when the first time came to nothing', async () => {
    const effect = await world.effect()
    const dataset = await world.dataset()
    await expect(load(dataset, [{ bad: '\0' }], { effect })).rejects.toThrow()
    expect(await load(dataset, [{ a: 1 }], { effect })).toEqual({ rows: 1 })
  })

  test('is another step by its position, and has its effect on each dataset', async () => {
    const effect = await world.effect(0)
    const [one, two] = [await world.dataset(), await world.dataset()]
    for (const position of [0, 1]) {
      for (const dataset of [one, two]) await load(dataset, [{ position }], { effect: { ...effect, position } })
      await world.advance(effect)
    }
    for (const dataset of [one, two]) expect(await world.rowsOf(dataset)).toEqual([{ position: 0 }, { position: 1 }])
  })
})

describe('a worker that comes late', () => {
  test('does nothing when its run has ended, before it begins or meanwhile', async () => {
    const effect = await world.effect()
    const dataset = await world.dataset([{ newer: true }])
    const [asked, going] = [deferred(), deferred()]
    const loading = load(
      dataset,
      (async function* () {
        yield numbered(5_000)
        asked.resolve()
        await going.promise
      })(),
      { mode: 'REPLACE', effect },
    )
    await asked.promise
    await world.endRun(effect)
    going.resolve()
    await expect(loading).rejects.toMatchObject({ name: 'EffectError', code: 'RUN_OVER' })
    await expect(load(dataset, [{ a: 1 }], { effect })).rejects.toMatchObject({ code: 'RUN_OVER' })
    expect(await world.rowsOf(dataset)).toEqual([{ newer: true }])
  })
})

describe('the signal ends a load at once, and nothing has changed', () => {
  const timeout = () => new DOMException('the attempt took longer than 1 s', 'TimeoutError')

  async function ended(
    begin: (dataset: { id: string; name: string }, signal: AbortSignal) => Promise<unknown>,
    ready: () => Promise<unknown>,
    after = () => {},
  ) {
    const dataset = await world.dataset([{ old: true }])
    const end = new AbortController()
    const reason = timeout()
    const loading = begin(dataset, end.signal)
    await ready()
    const started = performance.now()
    end.abort(reason)
    await expect(loading).rejects.toBe(reason)
    expect(performance.now() - started).toBeLessThan(1_000)
    after()
    await expect.poll(async () => (await world.bulkSessions()).length).toBe(0)
    expect(await world.rowsOf(dataset)).toEqual([{ old: true }])
    expect(await world.rowCount(dataset)).toBe(1)
    expect(await load(dataset, [{ a: 1 }])).toEqual({ rows: 1 })
  }
  const never = new Promise<never>(() => {})

  test('before it begins', async () => {
    const dataset = await world.dataset()
    const reason = timeout()
    await expect(load(dataset, [{ a: 1 }], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test.each([0, 5_000])('while its source says nothing, after %i rows', async (count) => {
    const asked = deferred()
    const source = async function* () {
      yield numbered(count)
      asked.resolve()
      await never
    }
    await ended(
      (dataset, signal) => load(dataset, source(), { mode: 'REPLACE', signal }),
      () => asked.promise,
    )
  })

  test('while it waits for others to let go of the dataset', async () => {
    const { pool } = world.database
    const other = await pool.connect()
    await other.query('begin')
    await ended(
      async (dataset, signal) => {
        await other.query('select id from dataset where id = $1 for no key update', [dataset.id])
        return load(dataset, numbered(3_000), { mode: 'REPLACE', signal })
      },
      () => expect.poll(async () => (await world.bulkSessions()).map(({ wait }) => wait)).toEqual(['Lock']),
      // PostgreSQL does not look for its client while it waits for a lock
      () => other.query('rollback').then(() => other.release()),
    )
  })

  test('while it waits for a connection', async () => {
    const dataset = await world.dataset()
    const { bulkPool: writing } = world.database
    const taken = await Promise.all(Array.from({ length: writing.options.max }, () => writing.connect()))
    const end = new AbortController()
    const loading = load(dataset, [{ a: 1 }], { signal: end.signal })
    await expect.poll(() => writing.waitingCount).toBe(1)
    end.abort(timeout())
    await expect(loading).rejects.toMatchObject({ name: 'TimeoutError' })
    for (const client of taken) client.release()
    expect(await load(dataset, [{ a: 2 }])).toEqual({ rows: 1 })
    expect(await world.rowsOf(dataset)).toEqual([{ a: 2 }])
  })
})
