/** Rows as viewers see and change them. A change holds the dataset's row, and is done wholly or not at all. */
import type pg from 'pg'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { inTransaction, madeUpSqlOn, type Sql } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { type Connection, connectionOf, type PageArgs, pageOf } from '../kernel/pages.ts'
import { fieldOf, NOT_A_FIELD } from './field.ts'
import { countRows, type DataRow, distinctValues, type RowQuery, readRow, readRows } from './queries.ts'
import { accessOf, type LoadedDataset, mayChangeDataset, noSuchDataset } from './rights.ts'
import { DISTINCT_LIMIT, INSERT_LIMIT, rowIssues, SLICE_LIMIT } from './spec.ts'
import { deleteRows, insertRows, lockDataset, type Selection, setRowCount, updateRows } from './write.ts'

export type RowPage = Connection<DataRow>
export type RowArgs = PageArgs & { filter?: unknown; sort?: unknown }

/** Which rows a change is about: exactly one of these. */
type RowSelection = { rowId?: string | null | undefined; filter?: unknown; all?: boolean | null | undefined }

type Tx = { sql: Sql; madeUp: Sql; count: number }

export function createRowService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  requireOwn(viewer: Viewer, id: string): Promise<LoadedDataset>
  limits: { rows: number }
}) {
  const { prisma, pool, requireOwn, limits } = deps
  const madeUp = madeUpSqlOn(pool)

  /** Without `data:read` a token reads as nobody does, who has no address. */
  async function emailOf(viewer: Viewer): Promise<string | null> {
    if (!viewer?.scopes.has('data:read')) return null
    const reader = await prisma.principal.findUnique({ where: { id: viewer.principalId } })
    return reader?.email ?? null
  }

  /** The rows of the dataset that the viewer may see. */
  async function visible(viewer: Viewer, dataset: LoadedDataset): Promise<RowQuery> {
    const access = accessOf(viewer, dataset)
    if (access === null) throw noSuchDataset()
    const of = { dataset: dataset.id }
    const policy = access === 'FILTERED' ? (dataset.artifact?.accessPolicy ?? null) : null
    return policy === null ? { of } : { of, policy: { policy, email: await emailOf(viewer) } }
  }

  /** `work` answers how many rows there are after it. */
  async function change(dataset: LoadedDataset, work: (tx: Tx) => Promise<number>): Promise<LoadedDataset> {
    return inTransaction(pool, async (sql, madeUp) => {
      const count = await lockDataset(sql, dataset.id)
      if (count === null) throw noSuchDataset()
      return { ...dataset, ...(await setRowCount(sql, dataset.id, await work({ sql, madeUp, count }))) }
    })
  }

  return {
    /** All or none, at most 1,000. LimitError when the dataset would be too large. */
    async insert(viewer: Viewer, datasetId: string, rows: readonly unknown[]) {
      requireScope(viewer, 'data:write')
      if (rows.length === 0 || rows.length > INSERT_LIMIT) {
        throw ValidationError.at('rows', `must be 1 to ${INSERT_LIMIT} rows`)
      }
      const issues = rowIssues(rows, 'rows')
      if (issues.length > 0) throw new ValidationError(issues)
      const before = await requireOwn(viewer, datasetId)
      let made: DataRow[] = []
      const dataset = await change(before, async ({ sql, count }) => {
        const total = count + rows.length
        if (total > limits.rows) {
          throw new LimitError(`a dataset has at most ${limits.rows} rows (MAX_DATASET_ROWS); this one has ${count}`)
        }
        made = await insertRows(sql, datasetId, rows as object[])
        return total
      })
      return { dataset, rows: made }
    },

    /** Sets keys of the rows that are chosen, and leaves the others. */
    async updateRows(
      viewer: Viewer,
      { datasetId, set, ...selection }: RowSelection & { datasetId: string; set: unknown },
    ) {
      requireScope(viewer, 'data:write')
      const [issue] = rowIssues([set], 'set')
      if (issue) throw ValidationError.at('set', issue.message)
      const chosen = selectionOf(selection)
      const before = await requireOwn(viewer, datasetId)
      let changed = 0
      const dataset = await change(before, async ({ madeUp, count }) => {
        const result = await updateRows(madeUp, datasetId, chosen, set as object)
        if (result.tooLarge > 0)
          throw ValidationError.at('set', `makes ${result.tooLarge} rows larger than they may be`)
        changed = requireSome(chosen, result.count)
        return count
      })
      return { dataset, count: changed }
    },

    async deleteRows(viewer: Viewer, { datasetId, ...selection }: RowSelection & { datasetId: string }) {
      requireScope(viewer, 'data:write')
      const chosen = selectionOf(selection)
      const before = await requireOwn(viewer, datasetId)
      let gone = 0
      const dataset = await change(before, async ({ madeUp, count }) => {
        gone = requireSome(chosen, await deleteRows(madeUp, datasetId, chosen))
        return count - gone
      })
      return { dataset, count: gone }
    },

    async rows(viewer: Viewer, dataset: LoadedDataset, { filter, ...args }: RowArgs): Promise<RowPage> {
      return pageOfRows(madeUp, { ...(await visible(viewer, dataset)), filter }, args)
    },

    /** The rows behind the first `skip`, at most `limit` of them, and whether there are more. */
    async slice(
      viewer: Viewer,
      dataset: LoadedDataset,
      { filter, sort, limit, skip }: { filter?: unknown; sort?: unknown; limit: number; skip: number },
    ): Promise<{ rows: DataRow[]; hasMore: boolean }> {
      if (limit < 1 || limit > SLICE_LIMIT) throw ValidationError.at('limit', `must be from 1 to ${SLICE_LIMIT}`)
      const page = { size: limit, backward: false, after: null, before: null }
      const rows = await readRows(madeUp, { ...(await visible(viewer, dataset)), filter }, sort, page, skip)
      return { rows: rows.slice(0, limit), hasMore: rows.length > limit }
    },

    async row(viewer: Viewer, dataset: LoadedDataset, id: string): Promise<DataRow | null> {
      return readRow(madeUp, await visible(viewer, dataset), id)
    },

    async count(viewer: Viewer, dataset: LoadedDataset, filter?: unknown): Promise<number> {
      return countRows(madeUp, { ...(await visible(viewer, dataset)), filter })
    },

    /** All that the viewer may see; whoever may change it is told them all. */
    async rowCount(viewer: Viewer, dataset: LoadedDataset): Promise<number> {
      if (mayChangeDataset(viewer, dataset)) return dataset.rowCount
      const query = await visible(viewer, dataset)
      return query.policy ? countRows(madeUp, query) : dataset.rowCount
    },

    async distinct(viewer: Viewer, dataset: LoadedDataset, field: string, filter: unknown, first: number) {
      if (first < 1 || first > DISTINCT_LIMIT) throw ValidationError.at('first', `must be from 1 to ${DISTINCT_LIMIT}`)
      const named = fieldOf(field)
      if (!named) throw ValidationError.at('field', NOT_A_FIELD)
      if ('column' in named) throw ValidationError.at('field', 'is the row’s own; one of the data is $data.…')
      return distinctValues(madeUp, { ...(await visible(viewer, dataset)), filter }, named.path, first)
    },
  }
}

export async function pageOfRows(sql: Sql, query: RowQuery, { sort, ...args }: RowArgs): Promise<RowPage> {
  const page = pageOf(args)
  const rows = await readRows(sql, query, sort, page)
  return connectionOf(
    page,
    rows,
    ({ cursor }) => cursor,
    () => countRows(sql, query),
  )
}

/** A change of all rows is asked for, never a filter that was forgotten. */
function selectionOf({ rowId, filter, all }: RowSelection): Selection {
  const given = [rowId != null, filter != null, all === true].filter(Boolean).length
  if (given !== 1) throw ValidationError.at('filter', 'give one of rowId, filter and all: true')
  if (rowId != null) return { rowId }
  if (filter != null && isEmpty(filter)) {
    throw ValidationError.at('filter', 'is empty: say all: true to mean all rows')
  }
  return { filter: filter ?? null }
}

/** Also `{ $and: [{}] }`, which a program may well make of no conditions. */
const isEmpty = (filter: unknown): boolean =>
  typeof filter === 'object' &&
  filter !== null &&
  Object.entries(filter).every(([key, value]) => {
    if (key === '$and') return Array.isArray(value) && value.every(isEmpty)
    return key === '$or' && Array.isArray(value) && value.some(isEmpty)
  })

function requireSome(selection: Selection, count: number): number {
  if ('rowId' in selection && count === 0) throw new NotFoundError('there is no such row')
  return count
}
