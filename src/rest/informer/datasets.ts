/** `/api/datasets`: the datasets that jobs work with. */
import { createRoute, z } from '@hono/zod-openapi'
import { DATASET_SORTS } from '../../data/directory.ts'
import type { LoadedDataset } from '../../data/rights.ts'
import type { DataService } from '../../data/service.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { datasetHref, datasetSchema, datasetView } from './dataset-item-view.ts'
import { datasetFinder, datasetParams } from './dataset-params.ts'
import { JOB_DATASET } from './dataset-view.ts'
import { collection, collectionSchema } from './hal.ts'
import { pageQuery, searchQuery, sortQuery } from './page-query.ts'
import { answers, createRoutes, failure, hal, nothing, secured, securedBody } from './router.ts'

export type DatasetsDeps = { data: DataService; identity: IdentityService; log: Log }

const path = '/api/datasets'

/** The link that clients fill in themselves. */
const SELF = { href: `${path}{?sort,limit,start,q}`, templated: true }

const querySchema = z.object({
  q: searchQuery.describe('What the name or the description contains.'),
  sort: sortQuery(DATASET_SORTS),
  ...pageQuery,
})

const newSchema = z
  .object(
    {
      name: z.string('must be a text').describe('At most 200 characters.'),
      slug: z.string('must be a text').nullish().describe('Unique among those of its owner; absent: of the name.'),
      description: z.string('must be a text').nullish().describe('At most 1,000 characters.'),
    },
    'must be an object',
  )
  .openapi('NewDataset')

export function datasetRoutes({ data, identity, log }: DatasetsDeps): Routes {
  const routes = createRoutes(log)
  const findDataset = datasetFinder(data)

  const viewOf = async (dataset: LoadedDataset) => {
    const [owner = null] = await identity.principals([dataset.ownerId])
    return datasetView(dataset, owner)
  }

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'List datasets', ...secured(), request: { query: querySchema } },
      responses: answers({ 200: hal(collectionSchema(JOB_DATASET, datasetSchema), 'A page of the list') }),
    }),
    async (context) => {
      const { q: search, ...page } = context.req.valid('query')
      const { datasets, total } = await data.page(context.var.viewer, { search, ...page })
      const owners = await identity.principals(datasets.map(({ ownerId }) => ownerId))
      const items = datasets.map((dataset, index) => datasetView(dataset, owners[index] ?? null))
      return context.json(collection(SELF, JOB_DATASET, items, { start: page.start, total }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path, summary: 'Make a dataset', ...securedBody(), request: body(newSchema) },
      responses: answers({ 201: hal(datasetSchema, 'The dataset'), 409: failure('The slug is taken') }),
    }),
    async (context) => {
      const dataset = await data.create(context.var.viewer, context.req.valid('json'))
      return context.json(await viewOf(dataset), 201, { location: datasetHref(dataset.id) })
    },
  )

  routes.openapi(
    createRoute({
      ...{
        method: 'get',
        path: `${path}/{id}`,
        summary: 'A dataset',
        ...secured(),
        request: { params: datasetParams },
      },
      responses: answers({ 200: hal(datasetSchema, 'The dataset') }),
    }),
    async (context) => {
      const dataset = await findDataset(context.var.viewer, context.req.valid('param').id)
      return context.json(await viewOf(dataset), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: `${path}/{id}`, summary: 'Delete a dataset', ...secured() },
      request: { params: datasetParams },
      responses: answers({ 204: nothing('Gone, with its rows and snapshots') }),
    }),
    async (context) => {
      const { viewer } = context.var
      await data.remove(viewer, (await findDataset(viewer, context.req.valid('param').id)).id)
      return context.body(null, 204)
    },
  )

  return routes
}
