/** `/api/jobs/{id}/owner`: whose job it is. */
import { createRoute, z } from '@hono/zod-openapi'
import { requireScope } from '../../identity/permissions.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { answers, createRoutes, failure, hal, secured, securedBody } from './router.ts'

export type OwnerDeps = { jobs: JobService; identity: IdentityService; log: Log }

const ownerSchema = z.object({
  ownerId: z
    .string('must be the handle of a user or of a team')
    .describe('Handle of a user, or `team:` and that of a team.'),
})

export function ownerRoutes({ jobs, identity, log }: OwnerDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)
  const path = '/api/jobs/{id}/owner'
  const viewOf = async ({ ownerId }: { ownerId: string }) => ({
    ownerId: (await identity.principals([ownerId]))[0]?.handle ?? '',
  })

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'Read the owner of a job', ...secured() },
      request: { params: jobParams },
      responses: answers({ 200: hal(ownerSchema, 'Its owner') }),
    }),
    async (context) => {
      const { viewer } = context.var
      requireScope(viewer, 'jobs:read')
      return context.json(await viewOf(await findJob(viewer, context.req.valid('param').id)), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path, summary: 'Hand a job to another owner', ...securedBody() },
      description: 'To yourself, or to a team that you are in; administrators hand to anybody.',
      request: { params: jobParams, ...body(ownerSchema) },
      responses: answers({ 200: hal(ownerSchema, 'Its owner now'), 409: failure('The new owner could not have it') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { ownerId: handle } = context.req.valid('json')
      const { id: jobId } = await findJob(viewer, context.req.valid('param').id)
      return context.json(
        await viewOf(await jobs.transfer(viewer, { jobId, owner: { handle, field: 'ownerId' } })),
        200,
      )
    },
  )

  return routes
}
