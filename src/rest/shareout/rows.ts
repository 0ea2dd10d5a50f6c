/** `/v1/data/{artifactId}/tables/{table}`: rows one by one or by a filter, changed and deleted, and tables that are dropped. */
import { createRoute, z } from '@hono/zod-openapi'
import type { LoadedDataset } from '../../data/rights.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { NotFoundError, ValidationError } from '../../kernel/errors.ts'
import { uuidOf } from '../../kernel/ids.ts'
import { body, type Routes } from '../routing.ts'
import {
  contentOf,
  DATA_PATH,
  filterSchema,
  rowParams,
  rowSchema,
  rowView,
  tableParams,
  wrap,
  wrapped,
} from './data.ts'
import { answers, createRoutes, secured, securedBody, securedOptionalBody } from './router.ts'
import { noSuchTable, readableTable, refOf, type TablesDeps } from './tables.ts'

const noSuchRow = () => new NotFoundError('there is no such row')

const idOf = (given: string): string => {
  const id = uuidOf('DatasetRow', given)
  if (!id) throw noSuchRow()
  return id
}

const dropSchema = z.object({ confirm: z.string().optional().describe('`true`: drops the table.') })

export function rowRoutes({ data, log }: TablesDeps): Routes {
  const routes = createRoutes(log, 'VALIDATION_ERROR')
  const path = `${DATA_PATH}/tables/{table}`

  async function writableTable(viewer: Viewer, params: z.output<typeof tableParams>): Promise<LoadedDataset> {
    const ref = refOf(params)
    const table = await data.writableTable(viewer, ref)
    if (!table) throw noSuchTable()
    return table
  }

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${path}/{rowId}`, request: { params: rowParams } },
      responses: answers({ 200: wrapped(rowSchema, 'The row') }),
    }),
    async (context) => {
      const params = context.req.valid('param')
      const table = await readableTable(data, context.var.viewer, params)
      const row = await data.row(context.var.viewer, table, idOf(params.rowId))
      if (!row) throw noSuchRow()
      return context.json(wrap(rowView(row)), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'patch', path: `${path}/{rowId}`, ...securedBody() },
      request: { params: rowParams, ...body(rowSchema.describe('Fields to set; others stay.')) },
      responses: answers({ 200: wrapped(rowSchema, 'The row as it is now') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const params = context.req.valid('param')
      const table = await writableTable(viewer, params)
      const rowId = idOf(params.rowId)
      await data.updateRows(viewer, { datasetId: table.id, rowId, set: contentOf(context.req.valid('json')) })
      const row = await data.row(viewer, table, rowId)
      if (!row) throw noSuchRow()
      return context.json(wrap(rowView(row)), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: `${path}/{rowId}`, ...secured(), request: { params: rowParams } },
      responses: answers({ 200: wrapped(z.object({ deleted: z.string() }), 'The id of the row, which is gone') }),
    }),
    async (context) => {
      const params = context.req.valid('param')
      const table = await writableTable(context.var.viewer, params)
      await data.deleteRows(context.var.viewer, { datasetId: table.id, rowId: idOf(params.rowId) })
      return context.json(wrap({ deleted: params.rowId }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'patch', path, ...securedBody() },
      request: { params: tableParams, ...body(z.object({ filter: filterSchema, set: rowSchema })) },
      responses: answers({ 200: wrapped(z.object({ updated: z.int() }), 'How many rows matched') }),
    }),
    async (context) => {
      const { filter, set } = context.req.valid('json')
      const table = await writableTable(context.var.viewer, context.req.valid('param'))
      const change = { datasetId: table.id, filter, set: contentOf(set) }
      const { count } = await data.updateRows(context.var.viewer, change)
      return context.json(wrap({ updated: count }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path, ...securedOptionalBody() },
      request: {
        params: tableParams,
        query: dropSchema,
        body: {
          required: false,
          content: { 'application/json': { schema: z.object({ filter: filterSchema.optional() }) } },
        },
      },
      responses: answers({
        200: wrapped(
          z.union([z.object({ deleted: z.int() }), z.object({ dropped: z.string() })]),
          'How many rows matched or, with `confirm=true`, the name of the table',
        ),
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      const table = await writableTable(viewer, context.req.valid('param'))
      const { confirm } = context.req.valid('query')
      const { filter } = context.req.valid('json')
      if (confirm === 'true' && filter === undefined) {
        const { name } = await data.remove(viewer, table.id)
        return context.json(wrap({ dropped: name }), 200)
      }
      if (confirm !== undefined)
        throw ValidationError.at('confirm', 'must be true, and without a filter: it drops the table')
      if (filter === undefined) throw ValidationError.at('filter', 'is missing; ?confirm=true drops the table')
      const { count } = await data.deleteRows(viewer, { datasetId: table.id, filter })
      return context.json(wrap({ deleted: count }), 200)
    },
  )

  return routes
}
