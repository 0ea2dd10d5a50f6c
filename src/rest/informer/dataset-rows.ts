/** `/api/datasets/{id}/rows`: the rows of a dataset, as they were put into it. */
import { createRoute, z } from '@hono/zod-openapi'
import type { DataService } from '../../data/service.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { datasetHref } from './dataset-item-view.ts'
import { datasetFinder, datasetParams } from './dataset-params.ts'
import { collection, collectionSchema, link } from './hal.ts'
import { pageQuery } from './page-query.ts'
import { answers, createRoutes, failure, hal, secured, securedBody } from './router.ts'

export type DatasetRowsDeps = { data: DataService; log: Log }

const path = '/api/datasets/{id}/rows'
const DATASET_ROW = 'inf:dataset-row'

const rowSchema = z.record(z.string(), z.unknown()).describe('A row: an object.')
const rowsSchema = z
  .union([z.array(z.unknown()), z.record(z.string(), z.unknown())], 'must be an object, or an array of objects')
  .openapi({ anyOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] })
  .describe('One row, or an array of 1 to 1,000.')

export function datasetRowRoutes({ data, log }: DatasetRowsDeps): Routes {
  const routes = createRoutes(log)
  const findDataset = datasetFinder(data)

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'The rows of a dataset', ...secured() },
      request: { params: datasetParams, query: z.object(pageQuery) },
      responses: answers({
        200: hal(collectionSchema(DATASET_ROW, rowSchema), 'In the order in which they were made'),
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { limit, start } = context.req.valid('query')
      const dataset = await findDataset(viewer, context.req.valid('param').id)
      const [{ rows }, total] = await Promise.all([
        limit === 0 ? { rows: [] } : data.slice(viewer, dataset, { limit, skip: start }),
        data.count(viewer, dataset),
      ])
      const items = rows.map((row) => row.data)
      return context.json(
        collection(link(`${datasetHref(dataset.id)}/rows`), DATASET_ROW, items, { start, total }),
        200,
      )
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path, summary: 'Put rows into a dataset', ...securedBody() },
      request: { params: datasetParams, ...body(rowsSchema) },
      responses: answers({
        201: hal(z.object({ inserted: z.int(), total: z.int() }), 'All rows, or none'),
        413: failure('More rows than a dataset may have'),
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id } = await findDataset(viewer, context.req.valid('param').id)
      const given = context.req.valid('json')
      const { rows, dataset } = await data.insert(viewer, id, Array.isArray(given) ? given : [given])
      return context.json({ inserted: rows.length, total: dataset.rowCount }, 201)
    },
  )

  return routes
}
