/** `/api/datasets/{id}/owner`: whose dataset it is. */
import { createRoute } from '@hono/zod-openapi'
import type { DataService } from '../../data/service.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { datasetFinder, datasetParams } from './dataset-params.ts'
import { ownerSchema } from './owner.ts'
import { answers, createRoutes, failure, hal, secured, securedBody } from './router.ts'

export type DatasetOwnerDeps = { data: DataService; identity: IdentityService; log: Log }

export function datasetOwnerRoutes({ data, identity, log }: DatasetOwnerDeps): Routes {
  const routes = createRoutes(log)
  const findDataset = datasetFinder(data)
  const path = '/api/datasets/{id}/owner'
  const viewOf = async ({ ownerId }: { ownerId: string }) => ({
    ownerId: (await identity.principals([ownerId]))[0]?.handle ?? '',
  })

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'Read the owner of a dataset', ...secured() },
      request: { params: datasetParams },
      responses: answers({ 200: hal(ownerSchema, 'Its owner') }),
    }),
    async (context) =>
      context.json(await viewOf(await findDataset(context.var.viewer, context.req.valid('param').id)), 200),
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path, summary: 'Hand a dataset to another owner', ...securedBody() },
      description: 'To yourself, or to a team that you are in; administrators hand to anybody.',
      request: { params: datasetParams, ...body(ownerSchema) },
      responses: answers({ 200: hal(ownerSchema, 'Its owner now'), 409: failure('The new owner could not have it') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { ownerId: handle } = context.req.valid('json')
      const { id: datasetId } = await findDataset(viewer, context.req.valid('param').id)
      const dataset = await data.transfer(viewer, { datasetId, owner: { handle, field: 'ownerId' } })
      return context.json(await viewOf(dataset), 200)
    },
  )

  return routes
}
