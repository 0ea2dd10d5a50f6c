/**
 * Many rows into a dataset, in one transaction: readers see what was there before, or all that is there now. A step of a
 * run leaves a mark in the same transaction, by which it is known when it is done over, or comes too late.
 */
import type pg from 'pg'
import { EffectError, type EffectKey, type Row } from '../actions/ports.ts'
import { inTransaction, type Sql } from '../db/sql.ts'
import { flawOfRow } from './spec.ts'
import { insertMany, lockDataset, setRowCount } from './write.ts'

export type LoadOptions = { mode: 'REPLACE' | 'APPEND'; effect: EffectKey | null; signal: AbortSignal; maxRows: number }

/** `pool`: the one for long transactions. */
export function loadRows(
  pool: pg.Pool,
  datasetId: string,
  batches: AsyncIterable<Row[]>,
  { mode, effect, signal, maxRows }: LoadOptions,
): Promise<{ rows: number }> {
  return inTransaction(pool, async (sql) => {
    const before = await lockDataset(sql, datasetId)
    if (before === null) throw new EffectError('NO_SUCH_DATASET', 'the dataset is gone')
    const done = effect && (await markOf(sql, datasetId, effect))
    if (done) return done
    if (mode === 'REPLACE') await sql('delete from dataset_row where dataset_id = $1::uuid', [datasetId])
    const base = mode === 'REPLACE' ? 0 : before
    let rows = 0
    for await (const batch of batches) {
      signal.throwIfAborted()
      requireRows(batch, rows)
      rows += batch.length
      if (base + rows > maxRows) throw new EffectError('DATASET_FULL', `a dataset has at most ${maxRows} rows`)
      await insertMany(sql, datasetId, batch)
    }
    signal.throwIfAborted()
    await setRowCount(sql, datasetId, base + rows)
    if (effect) await sql(MARK, [effect.runId, effect.position, datasetId, rows])
    return { rows }
  })
}

const MARK = `insert into dataset_load (run_id, position, dataset_id, row_count) values ($1::uuid, $2::int, $3::uuid, $4::int)`

/** Asked under the dataset's lock, so that of two that do the same step the second sees the first. */
async function markOf(sql: Sql, datasetId: string, { runId, position }: EffectKey): Promise<{ rows: number } | null> {
  const text = `select row_count as rows from dataset_load
    where run_id = $1::uuid and position = $2::int and dataset_id = $3::uuid`
  const [mark] = await sql<{ rows: number }>(text, [runId, position, datasetId])
  return mark ?? null
}

function requireRows(batch: Row[], before: number): void {
  for (const [index, row] of batch.entries()) {
    const flaw = flawOfRow(row)
    if (flaw) throw new EffectError('BAD_ROW', `row ${before + index + 1} ${flaw}`)
  }
}
