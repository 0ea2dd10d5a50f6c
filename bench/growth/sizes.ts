/** What the tables of a database take up on disk, with their indexes. */
import { sqlOn } from '../../src/db/sql.ts'
import { figure } from '../kit/report.ts'
import type { World } from './databases.ts'

const TABLES = ['job', 'run', 'run_attempt', 'run_step', 'run_event', 'run_queue']
const SIZES = `
select c.relname as name, pg_table_size(c.oid) / 1048576.0::float8 as heap, pg_indexes_size(c.oid) / 1048576.0::float8 as indexes
from pg_class c where c.oid = any(array(select to_regclass(t)::oid from unnest($1::text[]) t))`
const WHOLE = 'select pg_database_size(current_database()) / 1048576.0::float8 as mib'

/** Rows of a table: one for each table, and one for all. MiB of rows + of indexes. */
export async function sizesOf(worlds: World[]): Promise<string[][]> {
  const columns = await Promise.all(
    worlds.map(async ({ database }) => {
      const sql = sqlOn(database.pool)
      const sizes = await sql<{ name: string; heap: number; indexes: number }>(SIZES, [TABLES])
      const byName = new Map(sizes.map((size) => [size.name, size]))
      const [whole] = await sql<{ mib: number }>(WHOLE)
      return [
        ...TABLES.map((name) => `${figure(byName.get(name)?.heap ?? 0)} + ${figure(byName.get(name)?.indexes ?? 0)}`),
        figure(whole?.mib ?? 0),
      ]
    }),
  )
  return [...TABLES.map((name) => `\`${name}\`, rows + indexes, MiB`), 'the whole database, MiB'].map(
    (title, index) => [title, ...columns.map((column) => column[index] ?? '')],
  )
}
