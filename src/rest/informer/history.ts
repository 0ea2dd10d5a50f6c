/** `/api/jobs/{id}/history`: the runs of a job that have ended. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import { requireScope } from '../../identity/permissions.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { JobService } from '../../jobs/service.ts'
import { NotFoundError } from '../../kernel/errors.ts'
import { isUuid } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { RunService } from '../../runs/service.ts'
import type { Routes } from '../routing.ts'
import { collection, collectionSchema } from './hal.ts'
import { entrySchema, entryView, historyLink } from './history-view.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { pageQuery, sortQuery } from './page-query.ts'
import { answers, createRoutes, failure, hal, nothing, secured } from './router.ts'

export type HistoryDeps = { jobs: JobService; runs: RunService; identity: IdentityService; log: Log }

const REL = 'inf:job-history'

const querySchema = z.object({ sort: sortQuery(['createdAt'], '-createdAt'), ...pageQuery })

const entryParams = jobParams.extend({ historyId: z.string().describe('UUID.') })

export function historyRoutes({ jobs, runs, identity, log }: HistoryDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)

  async function ownerOf({ ownerId }: Job): Promise<string> {
    const [owner] = await identity.principals([ownerId])
    return owner?.handle ?? ''
  }

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/api/jobs/{id}/history',
      summary: 'List what became of the runs of a job',
      ...secured(),
      request: { params: jobParams, query: querySchema },
      responses: answers({ 200: hal(collectionSchema(REL, entrySchema), 'One page') }),
    }),
    async (context) => {
      const { viewer } = context.var
      requireScope(viewer, 'jobs:read')
      const job = await findJob(viewer, context.req.valid('param').id)
      const { sort, start, limit } = context.req.valid('query')
      const [owner, { entries, total }] = await Promise.all([
        ownerOf(job),
        runs.history(job.id, { newestFirst: sort.descending, start, limit }),
      ])
      const views = entries.map((entry) => entryView(entry, owner))
      return context.json(collection(historyLink(job.id), REL, views, { start, total }), 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/api/jobs/{id}/history/{historyId}',
      summary: 'Read what became of a run',
      ...secured(),
      request: { params: entryParams },
      responses: answers({ 200: hal(entrySchema, 'The run') }),
    }),
    async (context) => {
      const { viewer } = context.var
      requireScope(viewer, 'jobs:read')
      const { id, historyId } = context.req.valid('param')
      const job = await findJob(viewer, id)
      const [owner, entry] = await Promise.all([ownerOf(job), runs.historyEntry(job.id, runIdOf(historyId))])
      return context.json(entryView(entry, owner), 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'delete',
      path: '/api/jobs/{id}/history/{historyId}',
      summary: 'Forget a run that has ended',
      ...secured(),
      request: { params: entryParams },
      responses: answers({ 204: nothing('Forgotten'), 409: failure('It has not ended yet') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id, historyId } = context.req.valid('param')
      const job = await findJob(viewer, id)
      await runs.forget(viewer, job.id, runIdOf(historyId))
      return context.body(null, 204)
    },
  )

  return routes
}

/** @throws NotFoundError for what is no id */
function runIdOf(text: string): string {
  if (!isUuid(text.toLowerCase())) throw new NotFoundError('there is no such entry in the history of the job')
  return text.toLowerCase()
}
