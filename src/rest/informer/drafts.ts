/** `/api/jobs/{id}/_edit`, `…/draft` and `…/_commit`: drafts of jobs. A draft itself is read, changed and discarded like a job. */
import { createRoute } from '@hono/zod-openapi'
import { requireScope } from '../../identity/permissions.ts'
import { noSuchDraft } from '../../jobs/rights.ts'
import type { Log } from '../../kernel/log.ts'
import type { Routes } from '../routing.ts'
import { jobHref } from './job-href.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { createJobViews, type JobViewDeps, jobSchema } from './job-view.ts'
import { answers, createRoutes, failure, hal, secured } from './router.ts'

export type DraftsDeps = JobViewDeps & { log: Log }

const conflict = failure('It does not fit how things are now')

export function draftRoutes(deps: DraftsDeps): Routes {
  const { jobs, log } = deps
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)
  const views = createJobViews(deps)
  const path = '/api/jobs/{id}'

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: `${path}/_edit`, summary: 'Make a draft of a job', ...secured() },
      description: 'A second call answers the draft that is there.',
      request: { params: jobParams },
      responses: answers({ 201: hal(jobSchema, 'The draft; `editingId` is the job'), 409: conflict }),
    }),
    async (context) => {
      const { viewer } = context.var
      const draft = await jobs.draft(viewer, (await findJob(viewer, context.req.valid('param').id)).id)
      return context.json(await views.whole(viewer, draft), 201, { location: jobHref(draft.id) })
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: `${path}/draft`, summary: 'Read your draft of a job', ...secured() },
      request: { params: jobParams },
      responses: answers({ 200: hal(jobSchema, 'The draft') }),
    }),
    async (context) => {
      const { viewer } = context.var
      requireScope(viewer, 'jobs:read')
      const [draft] = await jobs.draftsOf(viewer, [(await findJob(viewer, context.req.valid('param').id)).id])
      if (!draft) throw noSuchDraft()
      return context.json(await views.whole(viewer, draft), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: `${path}/_commit`, summary: 'Commit a draft', ...secured() },
      description: 'By the id of the draft, or of the job. The id, slug and owner of the job stay as they are.',
      request: { params: jobParams },
      responses: answers({ 200: hal(jobSchema, 'The job, with what the draft said'), 409: conflict }),
    }),
    async (context) => {
      const { viewer } = context.var
      const job = await jobs.commit(viewer, (await findJob(viewer, context.req.valid('param').id)).id)
      return context.json(await views.whole(viewer, job), 200)
    },
  )

  return routes
}
