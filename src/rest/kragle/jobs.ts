/** `/jobs`: a stack at the times of a schedule. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { noSuch } from './fault.ts'
import { idParams, numberIn } from './ids.ts'
import { createSchema, inTermsOfKragle, jobInput, updateSchema } from './job-input.ts'
import { changedJobSchema, createJobViews, type JobViewDeps, jobSchema } from './job-view.ts'
import { pageOf, pageQuery, pageSchema, rowsOf } from './page.ts'
import { answers, createRoutes, json, secured, securedBody } from './router.ts'

export type JobsDeps = JobViewDeps & { jobs: JobService; log: Log }

const keyParams = (description: string) => z.object({ id: z.string().describe(description) })
const madeSchema = z.object({ id: z.int() })
const goneSchema = z.union([
  z.object({ queued_for_deletion: z.int().describe('Its next run deletes it.') }),
  z.object({ deleted: z.int() }),
])

export function jobRoutes(deps: JobsDeps): Routes {
  const { jobs, log } = deps
  const routes = createRoutes(log)
  const views = createJobViews(deps)

  async function byId(viewer: Viewer, id: string): Promise<Job | null> {
    const number = numberIn(id)
    return number === null ? null : jobs.numbered(viewer, number)
  }

  async function require(job: Promise<Job | null>): Promise<Job> {
    const found = await job
    if (!found) throw noSuch('job')
    return found
  }

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: '/jobs', summary: 'List your jobs, the oldest first', ...secured() },
      request: { query: pageQuery },
      responses: answers({ 200: json(pageSchema('jobs', jobSchema), 'A page of the list') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { page } = context.req.valid('query')
      const found = await jobs.own(viewer, rowsOf(page))
      return context.json(pageOf('jobs', await views.views(viewer, found.jobs), { page, count: found.total }), 200)
    },
  )

  const reading = [
    { path: '/jobs/byid/{id}', params: idParams, find: byId, summary: 'Read a job by its id' },
    { path: '/jobs/byname/{id}', params: keyParams('Its name.'), find: jobs.named, summary: 'Read a job by its name' },
    {
      path: '/jobs/{id}',
      params: keyParams('An id or, if there is none, a name.'),
      find: async (viewer: Viewer, id: string) => (await byId(viewer, id)) ?? jobs.named(viewer, id),
      summary: 'Read a job by its id or its name',
    },
  ]
  for (const { path, params, find, summary } of reading) {
    routes.openapi(
      createRoute({
        ...{ method: 'get', path, summary, ...secured(), request: { params } },
        responses: answers({ 200: json(jobSchema, 'The job') }),
      }),
      async (context) => {
        const { viewer } = context.var
        const job = await require(find(viewer, context.req.valid('param').id))
        return context.json(await views.view(viewer, job), 200)
      },
    )
  }

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: '/jobs', summary: 'Create a job', ...securedBody(), request: body(createSchema) },
      responses: answers({ 200: json(madeSchema, 'Created') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { given, known } = await jobInput(jobs, viewer, context.req.valid('json'))
      const input = { ...given, enabled: given.enabled ?? false }
      const { number } = await inTermsOfKragle(() => jobs.create(viewer, input, 'KRAGLE', { known }))
      return context.json({ id: number }, 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path: '/jobs/{id}', summary: 'Change a job', ...securedBody() },
      request: { params: idParams, ...body(updateSchema) },
      responses: answers({ 200: json(changedJobSchema, 'The job as it is now') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id: jobId } = await require(byId(viewer, context.req.valid('param').id))
      const { given } = await jobInput(jobs, viewer, context.req.valid('json'))
      const changed = await inTermsOfKragle(() => jobs.update(viewer, { ...given, jobId }))
      return context.json(await views.changed(viewer, changed), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: '/jobs/{id}', summary: 'Delete a job, in place of its next run if it has one' },
      ...{ ...secured(), request: { params: idParams } },
      responses: answers({ 200: json(goneSchema, 'It is gone, or will be') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id } = await require(byId(viewer, context.req.valid('param').id))
      const { number, deletedAt } = await jobs.removeAtNextSlot(viewer, id)
      return context.json(deletedAt ? { deleted: number } : { queued_for_deletion: number }, 200)
    },
  )

  return routes
}
