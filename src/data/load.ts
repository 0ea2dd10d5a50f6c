/**
 * Many rows into a dataset, all or none. They are written while they come, when nobody sees them yet, and the dataset is
 * held only for the end: so a source that is slow holds up nobody who changes other rows of it.
 */
import type pg from 'pg'
import { type DatasetRef, EffectError, type EffectKey, type Row } from '../actions/ports.ts'
import { inBulkTransaction } from '../db/bulk.ts'
import type { Sql } from '../db/sql.ts'
import { unlessAborted } from '../kernel/abort.ts'
import { newId } from '../kernel/ids.ts'
import { requireOpen } from '../runs/effect.ts'
import { jsonOfRow } from './row.ts'

export type LoadOptions = { mode: 'REPLACE' | 'APPEND'; effect: EffectKey | null; signal: AbortSignal }

/** Of one statement. */
const PORTION_ROWS = 500
const PORTION_CHARS = 256 * 1024

/**
 * Answers how many rows were put in; with a key that was used before, how many it were then, and nothing changes.
 * @throws EffectError when the dataset or the run is gone, a row is none, or there are too many; what `batches` throws;
 * the signal's reason
 */
export async function loadRows(
  { pool, maxRows }: { pool: pg.Pool; maxRows: number },
  { id }: DatasetRef,
  batches: AsyncIterable<Row[]>,
  { mode, effect, signal }: LoadOptions,
): Promise<{ rows: number }> {
  signal.throwIfAborted()
  const portions = ahead(portionsOf(batches, maxRows), signal)
  try {
    // not before something is there to be written: a connection is worth more than a source that makes one wait
    const first = await portions.next()
    return await inBulkTransaction(pool, signal, async (sql) => {
      await expectDataset(sql, id)
      await expectNew(sql, id, effect)
      let rows = 0
      for (let portion = first; !portion.done; portion = await portions.next()) {
        rows += portion.value.length
        await sql(INSERT, [id, portion.value.map(newId), `[${portion.value.join(',')}]`])
      }
      await finish(sql, { id, rows, maxRows, mode, effect })
      return { rows }
    })
  } catch (error) {
    if (error instanceof DoneBefore) return { rows: error.rows }
    throw signal.aborted ? signal.reason : error
  } finally {
    portions.leave()
  }
}

/** Rolls back. */
class DoneBefore extends Error {
  readonly rows: number

  constructor(rows: number) {
    super('done before')
    this.rows = rows
  }
}

/** The next one is made ready while the one before it is written. */
function ahead<T>(source: AsyncGenerator<T>, signal: AbortSignal) {
  const ignore = () => {}
  const start = () => {
    const next = source.next()
    // it may fail before anybody asks for it
    next.catch(ignore)
    return next
  }
  let coming = start()
  return {
    /** Does not wait for a source that is deaf to the signal. */
    async next(): Promise<IteratorResult<T, void>> {
      const result = await unlessAborted(signal, () => coming)
      if (!result.done) coming = start()
      return result
    },
    leave: () => void source.return(undefined).catch(ignore),
  }
}

/** Rows as JSON, as many as go into one statement. */
async function* portionsOf(batches: AsyncIterable<Row[]>, maxRows: number): AsyncGenerator<string[]> {
  let portion: string[] = []
  let chars = 0
  let rows = 0
  for await (const batch of batches) {
    for (const row of batch) {
      rows++
      if (rows > maxRows) throw full(maxRows)
      const made = jsonOfRow(row)
      if ('flaw' in made) throw new EffectError('INVALID_ROW', `row ${rows} ${made.flaw}`)
      portion.push(made.json)
      chars += made.json.length
      if (portion.length < PORTION_ROWS && chars < PORTION_CHARS) continue
      yield portion
      portion = []
      chars = 0
    }
  }
  if (portion.length > 0) yield portion
}

const full = (maxRows: number) =>
  new EffectError('DATASET_FULL', `a dataset has at most ${maxRows} rows (MAX_DATASET_ROWS)`)

const INSERT = `insert into dataset_row (id, dataset_id, data)
  select r.id, $1::uuid, r.data from rows from (unnest($2::uuid[]), jsonb_array_elements($3::jsonb)) as r (id, data)`

const THERE = 'select id from dataset where id = $1::uuid for key share'

/** It cannot go away from now on. */
async function expectDataset(sql: Sql, id: string): Promise<void> {
  const there = await sql<{ id: string }>(THERE, [id])
  if (there.length === 0) throw new EffectError('DATASET_GONE', 'the dataset was deleted')
}

const DONE = `select row_count as rows from dataset_load
  where run_id = $1::uuid and position = $2::int and dataset_id = $3::uuid`

/** A worker that was frozen may come back when its step was done by another, or when the run has long been ended. */
async function expectNew(sql: Sql, id: string, effect: EffectKey | null): Promise<void> {
  if (!effect) return
  const [before] = await sql<{ rows: number }>(DONE, [effect.runId, effect.position, id])
  if (before) throw new DoneBefore(before.rows)
  await requireOpen(sql, effect)
}

const HOLD = 'select row_count as "rowCount" from dataset where id = $1::uuid for no key update'

/** From now on it is quick, and whoever stops in the midst of it would hold up others. */
const HURRY = `set local idle_in_transaction_session_timeout = '5s'`

/** What this transaction did not write itself. */
const SWEEP = 'delete from dataset_row where dataset_id = $1::uuid and xmin <> pg_current_xact_id()::xid'

const RESIZE = 'update dataset set row_count = $2::int, updated_at = clock_timestamp() where id = $1::uuid'

const RECORD = `insert into dataset_load (run_id, position, dataset_id, row_count)
  values ($1::uuid, $2::int, $3::uuid, $4::int)`

type Finish = { id: string; rows: number; maxRows: number; mode: LoadOptions['mode']; effect: EffectKey | null }

async function finish(sql: Sql, { id, rows, maxRows, mode, effect }: Finish): Promise<void> {
  await sql(HURRY)
  const [before] = await sql<{ rowCount: number }>(HOLD, [id])
  await expectNew(sql, id, effect)
  const rowCount = mode === 'REPLACE' ? rows : (before?.rowCount ?? 0) + rows
  if (rowCount > maxRows) throw full(maxRows)
  if (mode === 'REPLACE') await sql(SWEEP, [id])
  await sql(RESIZE, [id, rowCount])
  if (effect) await sql(RECORD, [effect.runId, effect.position, id, rows])
}
