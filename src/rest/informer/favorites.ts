/** `/api/jobs/{id}/favorite`: jobs that the viewer wants to find again. */
import { createRoute, z } from '@hono/zod-openapi'
import { requireScope } from '../../identity/permissions.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Log } from '../../kernel/log.ts'
import type { Routes } from '../routing.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { answers, createRoutes, hal, nothing, secured } from './router.ts'

export type FavoritesDeps = { jobs: JobService; log: Log }

const favoriteSchema = z.object({ favorited: z.boolean() })

export function favoriteRoutes({ jobs, log }: FavoritesDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)
  const path = '/api/jobs/{id}/favorite'
  const request = { params: jobParams }

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'Whether a job is a favorite of yours', ...secured(), request },
      responses: answers({ 200: hal(favoriteSchema, 'Whether it is') }),
    }),
    async (context) => {
      const { viewer } = context.var
      requireScope(viewer, 'jobs:read')
      const { id } = await findJob(viewer, context.req.valid('param').id)
      const [favorited = false] = await jobs.favoritedOf(viewer, [id])
      return context.json({ favorited }, 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path, summary: 'Make a job a favorite of yours', ...secured(), request },
      responses: answers({ 200: hal(favoriteSchema, 'It is one') }),
    }),
    async (context) => {
      const { viewer } = context.var
      await jobs.favorite(viewer, (await findJob(viewer, context.req.valid('param').id)).id, true)
      return context.json({ favorited: true }, 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path, summary: 'Make a job no favorite of yours', ...secured(), request },
      responses: answers({ 204: nothing('It is none') }),
    }),
    async (context) => {
      const { viewer } = context.var
      await jobs.favorite(viewer, (await findJob(viewer, context.req.valid('param').id)).id, false)
      return context.body(null, 204)
    },
  )

  return routes
}
