/** A database with datasets in it, and no server. */
import pg from 'pg'
import { readRows } from '../../src/data/queries.ts'
import { insertMany } from '../../src/data/write.ts'
import { madeUpSqlOn, type Sql, sqlOn } from '../../src/db/sql.ts'
import { newId } from '../../src/kernel/ids.ts'
import type { Page } from '../../src/kernel/pages.ts'
import { createTestConnection } from '../support/database.ts'

export type World = Awaited<ReturnType<typeof createWorld>>

const DATASET =
  'insert into dataset (id, owner_id, created_by_id, name, slug) values ($1::uuid, $2::uuid, $2::uuid, $3, $3)'

export async function createWorld() {
  const pool = new pg.Pool({ ...(await createTestConnection()), max: 1 })
  const sql: Sql = madeUpSqlOn(pool)
  const owner = newId()
  await sql('insert into principal (id, handle) values ($1::uuid, $2)', [owner, 'owner'])

  const read = (dataset: string, filter: unknown, sort?: unknown, page: Partial<Page> = {}) =>
    readRows(sql, { of: { dataset }, filter }, sort, {
      ...{ size: 1_000, backward: false, after: null, before: null },
      ...page,
    })

  return {
    sql,
    close: () => pool.end(),
    read,
    /** A new dataset with these rows; its UUID. */
    async datasetOf(rows: readonly object[]): Promise<string> {
      const id = newId()
      await sql(DATASET, [id, owner, id])
      await insertMany(sqlOn(pool), id, rows)
      return id
    },
    /** What the rows hold that match. */
    found: async (dataset: string, filter: unknown, sort?: unknown): Promise<unknown[]> =>
      (await read(dataset, filter, sort)).map(({ data }) => data),
  }
}
