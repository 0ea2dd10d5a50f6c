/** `/api/jobs/{id}/shares`: whom a job is shared with. */
import { createRoute, z } from '@hono/zod-openapi'
import type { JobService } from '../../jobs/service.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { collection, collectionSchema, link } from './hal.ts'
import { jobHref } from './job-href.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { answers, createRoutes, failure, hal, nothing, secured, securedBody } from './router.ts'

export type SharesDeps = { jobs: JobService; log: Log }

const shareParams = jobParams.extend({
  principalId: z.string().describe('Handle of a user, or of a team with or without `team:`.'),
})

const accessLevel = z
  .int('must be 0, 1, 2 or 3')
  .min(0, 'must be at least 0')
  .max(3, 'must be at most 3')
  .describe('0 none, 1 view, 2 edit and run, 3 share.')

const shareSchema = z.object({ principalId: z.string(), accessLevel })

const REL = 'inf:job-share'

type Shared = { principal: { handle: string }; level: number }

const shareView = ({ principal, level }: Shared) => ({ principalId: principal.handle, accessLevel: level })

const principalOf = (handle: string) => ({ handle, field: 'principalId' })

export function shareRoutes({ jobs, log }: SharesDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)
  const path = '/api/jobs/{id}/shares'

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'List whom a job is shared with', ...secured() },
      request: { params: jobParams },
      responses: answers({ 200: hal(collectionSchema(REL, shareSchema), 'For those who may share it') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id } = await findJob(viewer, context.req.valid('param').id)
      const items = (await jobs.shares(viewer, id)).map(shareView)
      const place = { start: 0, total: items.length }
      return context.json(collection(link(`${jobHref(id)}/shares`), REL, items, place), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${path}/{principalId}`, summary: 'Read what one of them may do', ...secured() },
      request: { params: shareParams },
      responses: answers({ 200: hal(shareSchema, 'The share; level 0: there is none') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id, principalId } = context.req.valid('param')
      const { id: jobId } = await findJob(viewer, id)
      const share = await jobs.shareWith(viewer, { jobId, principal: principalOf(principalId) })
      return context.json(shareView(share), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path: `${path}/{principalId}`, summary: 'Share a job', ...securedBody() },
      request: { params: shareParams, ...body(z.object({ accessLevel })) },
      responses: answers({ 200: hal(shareSchema, 'The share'), 409: failure('It is a draft') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id, principalId } = context.req.valid('param')
      const { accessLevel: level } = context.req.valid('json')
      const { id: jobId } = await findJob(viewer, id)
      return context.json(
        shareView(await jobs.share(viewer, { jobId, principal: principalOf(principalId), level })),
        200,
      )
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: `${path}/{principalId}`, summary: 'Share a job no more', ...secured() },
      request: { params: shareParams },
      responses: answers({ 204: nothing('It is not shared with them') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id, principalId } = context.req.valid('param')
      const { id: jobId } = await findJob(viewer, id)
      await jobs.share(viewer, { jobId, principal: principalOf(principalId), level: 0 })
      return context.body(null, 204)
    },
  )

  return routes
}
