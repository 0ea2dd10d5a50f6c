/** `/v1/data/{artifactId}/tables`: the datasets of an artifact, by their names, and their rows as many as they are. */
import { createRoute, z } from '@hono/zod-openapi'
import type { LoadedDataset } from '../../data/rights.ts'
import type { DataService } from '../../data/service.ts'
import { DISTINCT_LIMIT, SLICE_LIMIT } from '../../data/spec.ts'
import type { IdempotencyService } from '../../idempotency/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { NotFoundError, ValidationError } from '../../kernel/errors.ts'
import { expectId } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { PAGE_LIMIT } from '../../kernel/pages.ts'
import { body, type Routes } from '../routing.ts'
import {
  artifactParams,
  contentOf,
  DATA_PATH,
  filterSchema,
  type RowView,
  rowSchema,
  rowView,
  tableParams,
  wrap,
  wrapped,
} from './data.ts'
import { idempotent } from './idempotent.ts'
import { answers, createRoutes, openBody, securedBody } from './router.ts'

export type TablesDeps = { data: DataService; idempotency: IdempotencyService; log: Log }

export const noSuchTable = () => new NotFoundError('there is no such table')

export const refOf = ({ artifactId, table }: { artifactId: string; table: string }) => ({
  artifactId: expectId('Artifact', artifactId),
  name: table,
})

/** A table that the viewer may read. */
export async function readableTable(
  data: DataService,
  viewer: Viewer,
  params: { artifactId: string; table: string },
): Promise<LoadedDataset> {
  const table = await data.find(viewer, refOf(params))
  if (!table) throw noSuchTable()
  return table
}

const tableSchema = z.object({ name: z.string(), rowCount: z.int(), createdAt: z.string(), updatedAt: z.string() })

const querySchema = z.object({
  filter: filterSchema.nullish(),
  sort: z.record(z.string(), z.string()).nullish().describe('{"price": "desc"}'),
  limit: z.int().min(1).max(SLICE_LIMIT).default(100),
  skip: z.int().min(0).max(2_147_483_647).default(0),
  select: z.array(z.string()).nullish().describe('Fields of the rows; absent: all.'),
  count: z.boolean().default(true).describe('False: `total` is null, and nothing is counted.'),
})

const selected = (row: RowView, select: readonly string[] | null | undefined): RowView =>
  select ? Object.fromEntries(['id', ...select].flatMap((key) => (key in row ? [[key, row[key]]] : []))) : row

const isRows = (given: unknown): given is { rows: RowView[] } =>
  typeof given === 'object' && given !== null && 'rows' in given && Array.isArray(given.rows)

/** One row, or `{rows: […]}` and nothing else: a row may have a field of that name. */
function rowsOf(given: RowView): RowView[] {
  if (!isRows(given) || Object.keys(given).length > 1) return [contentOf(given)]
  const wrong = given.rows.findIndex((row) => typeof row !== 'object' || row === null || Array.isArray(row))
  if (wrong >= 0) throw ValidationError.at(`rows.${wrong}`, 'must be an object')
  return given.rows.map(contentOf)
}

export function tableRoutes({ idempotency, data, log }: TablesDeps): Routes {
  const routes = createRoutes(log, 'VALIDATION_ERROR')
  const path = `${DATA_PATH}/tables/{table}`

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${DATA_PATH}/tables`, request: { params: artifactParams } },
      responses: answers({ 200: wrapped(z.object({ tables: z.array(tableSchema) }), 'Its tables') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const artifactId = expectId('Artifact', context.req.valid('param').artifactId)
      const tables: z.output<typeof tableSchema>[] = []
      for (let after: string | null | undefined = undefined; after !== null; ) {
        const page = await data.list(viewer, { filter: { artifactId }, first: PAGE_LIMIT, after, orderBy: 'OLDEST' })
        for (const { node } of page.edges) {
          const [createdAt, updatedAt] = [node.createdAt.toISOString(), node.updatedAt.toISOString()]
          tables.push({ name: node.name, rowCount: await data.rowCount(viewer, node), createdAt, updatedAt })
        }
        after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
      }
      return context.json(wrap({ tables }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path, ...securedBody(idempotent(idempotency)) },
      request: { params: tableParams, ...body(rowSchema.describe('One row, or `{"rows": […]}` of 1 to 1,000.')) },
      responses: answers({
        201: wrapped(z.object({ inserted: z.array(rowSchema), count: z.int() }), 'The rows; the first make the table'),
      }),
    }),
    async (context) => {
      const rows = rowsOf(context.req.valid('json'))
      const made = await data.insertIntoTable(context.var.viewer, refOf(context.req.valid('param')), rows)
      const inserted = made.rows.map(rowView)
      return context.json(wrap({ inserted, count: inserted.length }), 201)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: `${path}/query`, ...openBody() },
      request: { params: tableParams, ...body(querySchema) },
      responses: answers({
        200: wrapped(
          z.object({ rows: z.array(rowSchema), total: z.int().nullable(), hasMore: z.boolean() }),
          'Rows that match',
        ),
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { select, count, ...query } = context.req.valid('json')
      const table = await readableTable(data, viewer, context.req.valid('param'))
      const { rows, hasMore } = await data.slice(viewer, table, query)
      const total = count ? await data.count(viewer, table, query.filter) : null
      return context.json(wrap({ rows: rows.map((row) => selected(rowView(row), select)), total, hasMore }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: `${path}/count`, ...openBody() },
      request: { params: tableParams, ...body(z.object({ filter: filterSchema.nullish() })) },
      responses: answers({ 200: wrapped(z.object({ count: z.int() }), 'How many match') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const table = await readableTable(data, viewer, context.req.valid('param'))
      return context.json(wrap({ count: await data.count(viewer, table, context.req.valid('json').filter) }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: `${path}/distinct`, ...openBody() },
      request: { params: tableParams, ...body(z.object({ field: z.string(), filter: filterSchema.nullish() })) },
      responses: answers({
        200: wrapped(
          z.object({ values: z.array(z.unknown()) }),
          `Values of a field, each once, the first ${DISTINCT_LIMIT}`,
        ),
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { field, filter } = context.req.valid('json')
      const table = await readableTable(data, viewer, context.req.valid('param'))
      const values = await data.distinct(viewer, table, field, filter, DISTINCT_LIMIT)
      return context.json(wrap({ values }), 200)
    },
  )

  return routes
}
