/** `/api/jobs`: jobs. */
import { createRoute } from '@hono/zod-openapi'
import type { JobService } from '../../jobs/service.ts'
import type { Log } from '../../kernel/log.ts'
import type { Routes } from '../routing.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { answers, createRoutes, nothing, secured } from './router.ts'

export type JobsDeps = { jobs: JobService; log: Log }

export function jobRoutes({ jobs, log }: JobsDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)

  routes.openapi(
    createRoute({
      method: 'delete',
      path: '/api/jobs/{id}',
      summary: 'Delete a job',
      ...secured(),
      request: { params: jobParams },
      responses: answers({ 204: nothing('Deleted') }),
    }),
    async (context) => {
      const { viewer } = context.var
      await jobs.remove(viewer, (await findJob(viewer, context.req.valid('param').id)).id)
      return context.body(null, 204)
    },
  )

  return routes
}
