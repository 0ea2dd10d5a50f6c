/** A connection of its own that tells how long its statements take, and how many blocks of PostgreSQL they touch. */
import pg from 'pg'
import type { Database } from '../../src/db/client.ts'
import { type Sql, sqlOn } from '../../src/db/sql.ts'
import type { Sample } from '../kit/compare.ts'
import { median } from '../kit/numbers.ts'

/** In the buffers or not, those that were added too. What a backend has counted shows once it was told to say so. */
const TELL = 'select pg_stat_force_next_flush()'
const TOUCHED = `select sum(coalesce(hits, 0) + coalesce(reads, 0) + coalesce(extends, 0))::float8 as blocks
  from pg_stat_get_backend_io(pg_backend_pid())`
const EXPLAINS = process.env.PLANS === '1'

export type Meter = Awaited<ReturnType<typeof openMeter>>

/** With the settings of a pool of the product's. PLANS=1 prints the plan of each statement when it is first counted. */
export async function openMeter({ connection }: Database, pool: pg.Pool) {
  const client = new pg.Client({ ...connection, ...(pool.options.options && { options: pool.options.options }) })
  await client.connect()
  const plain = sqlOn(client)
  const figures = new Map<string, { ms: number[]; blocks: number[] }>()
  const explained = new Set<string>()
  let depth = 0
  let counting = false

  const sql: Sql = async (text, values) => {
    if (EXPLAINS && counting && !explained.has(text)) {
      explained.add(text)
      await explain(text, values)
    }
    return plain(text, values)
  }

  /** In a transaction that is rolled back, or in a part of the one that is open: it does what it explains. */
  async function explain(text: string, values: unknown[] = []) {
    await client.query(depth > 0 ? 'savepoint before' : 'begin')
    const { rows } = await client.query(`explain (analyze, buffers, costs off) ${text}`, values)
    await client.query(depth > 0 ? 'rollback to savepoint before' : 'rollback')
    console.error(`${text}\n${rows.map((row) => row['QUERY PLAN']).join('\n')}\n`)
  }

  async function transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    await client.query('begin')
    depth++
    const result = await work(sql)
    depth--
    await client.query('commit')
    return result
  }

  async function blocks(): Promise<number> {
    await client.query(TELL)
    return (await plain<{ blocks: number }>(TOUCHED))[0]?.blocks ?? Number.NaN
  }

  return {
    sql,
    transaction,
    /** While `work` runs blocks are counted in place of time: the two would disturb each other. */
    async count(work: () => Promise<void>) {
      counting = true
      await work()
      counting = false
    },
    async measure<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
      const figure = figures.get(key) ?? { ms: [], blocks: [] }
      figures.set(key, figure)
      const before = counting ? await blocks() : performance.now()
      const result = await work()
      if (counting) figure.blocks.push((await blocks()) - before)
      else figure.ms.push(performance.now() - before)
      return result
    },
    /** Medians of what was measured; the next turn begins anew. */
    take(): Sample {
      const sample: Sample = {}
      for (const [key, { ms, blocks }] of figures) {
        sample[key] = median(ms)
        sample[blocksOf(key)] = median(blocks)
      }
      figures.clear()
      return sample
    },
    close: () => client.end(),
  }
}

export const blocksOf = (key: string) => `${key}-blocks`
