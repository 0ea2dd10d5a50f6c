/** `/api/jobs`: jobs one by one. */
import { createRoute } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import { requireScope, requireSignedIn } from '../../identity/permissions.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { ConflictError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { createSchema, type UpdateBody, updateSchema } from './job-body.ts'
import { jobHref } from './job-href.ts'
import { createInput, inTermsOfInformer, saysWhen, updateInput } from './job-input.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { createJobViews, type JobViewDeps, jobSchema } from './job-view.ts'
import { lockChange } from './lock-input.ts'
import { answers, createRoutes, hal, nothing, secured, securedBody } from './router.ts'

export type JobsDeps = JobViewDeps & { log: Log }

/** Each is in vain only if another edit was not. */
const TRIES = 20

export function jobRoutes(deps: JobsDeps): Routes {
  const { jobs, runs, schedules, log } = deps
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)
  const views = createJobViews(deps)

  /** What is said of the times is put together with what there is; if that changes meanwhile, it is done again. */
  async function update(viewer: Viewer, id: string, given: UpdateBody, tries = 1): Promise<Job> {
    const job = await findJob(viewer, id)
    const changeLock = await lockChange(runs, viewer, job, given.lockedAt)
    const [stored = null] = job.scheduleId ? await schedules.byIds([job.scheduleId]) : []
    try {
      const changed = await inTermsOfInformer(given, () => {
        const input = updateInput(given, job, stored, schedules.defaultTimezone)
        return jobs.update(viewer, { ...input, jobId: job.id, version: saysWhen(given) ? job.version : null })
      })
      return changeLock ? changeLock() : changed
    } catch (error) {
      const isRace = error instanceof ConflictError && error.code === 'VERSION'
      if (!isRace || tries >= TRIES) throw error
      return update(viewer, id, given, tries + 1)
    }
  }

  routes.openapi(
    createRoute({
      method: 'post',
      path: '/api/jobs',
      summary: 'Create a job',
      ...securedBody(),
      request: body(createSchema),
      responses: answers({ 201: hal(jobSchema, 'Created') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const given = context.req.valid('json')
      const { job, schedule } = await inTermsOfInformer(given, () =>
        jobs.make(viewer, createInput(given, schedules.defaultTimezone), 'INFORMER'),
      )
      const owner = requireSignedIn(viewer)
      const isAlone = !given.tags?.length && !given.datasets && owner.scopes.has('jobs:read')
      const view = isAlone ? views.made(owner, job, schedule) : await views.whole(viewer, job)
      return context.json(view, 201, { location: jobHref(job.id) })
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/api/jobs/{id}',
      summary: 'Read a job',
      ...secured(),
      request: { params: jobParams },
      responses: answers({ 200: hal(jobSchema, 'The job') }),
    }),
    async (context) => {
      const { viewer } = context.var
      requireScope(viewer, 'jobs:read')
      return context.json(await views.whole(viewer, await findJob(viewer, context.req.valid('param').id)), 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'put',
      path: '/api/jobs/{id}',
      summary: 'Change a job',
      ...securedBody(),
      request: { params: jobParams, ...body(updateSchema) },
      responses: answers({ 200: hal(jobSchema, 'The job as it is now') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const changed = await update(viewer, context.req.valid('param').id, context.req.valid('json'))
      return context.json(await views.whole(viewer, changed), 200)
    },
  )

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
