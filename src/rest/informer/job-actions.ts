/** `/api/jobs/{id}/actions`: what a job does behind what its type says. */
import { createRoute, z } from '@hono/zod-openapi'
import type { JobService } from '../../jobs/service.ts'
import { NotFoundError } from '../../kernel/errors.ts'
import { isUuid } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { body, type Routes } from '../routing.ts'
import { JOB_ACTION, jobActionHref, jobActionSchema, jobActionView } from './action-view.ts'
import { collection, collectionSchema, link } from './hal.ts'
import { jobHref } from './job-href.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { answers, createRoutes, failure, hal, nothing, secured, securedBody } from './router.ts'

export type JobActionsDeps = { jobs: JobService; log: Log }

const path = '/api/jobs/{id}/actions'
const params = jobParams.extend({ actionId: z.string().describe('UUID.') })

const isEmpty = (value: unknown) =>
  value == null || (typeof value === 'object' && Object.keys(value).length === 0) || value === ''

const fields = {
  type: z
    .string()
    .min(1, 'must not be empty')
    .describe('Of jobs, such as api-call, or a kind of action, such as slack.'),
  data: z
    .record(z.string(), z.unknown(), 'must be an object')
    .describe('What the type takes; its texts may hold templates.'),
  name: z.string().nullish().describe('What later actions call it by in templates; absent: its kind.'),
  index: z.int('must be a whole number').nullish().describe('Its place, from 0; absent: behind the others.'),
  conditions: z
    .unknown()
    .optional()
    .refine(isEmpty, 'are not supported: leave them empty')
    .openapi({ type: ['object', 'array', 'null'] })
    .describe('Empty: actions are always done, in their order.'),
}

const newSchema = z.object(fields).openapi('NewJobAction')
const changeSchema = z.object(fields).partial().openapi('ChangeJobAction')

const conflict = { 409: failure('Another action would not work any more') }

const noSuchAction = () => new NotFoundError('the job has no such action')

export function jobActionRoutes({ jobs, log }: JobActionsDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)

  const idOf = (actionId: string) => {
    if (!isUuid(actionId.toLowerCase())) throw noSuchAction()
    return actionId.toLowerCase()
  }

  routes.openapi(
    createRoute({
      ...{ method: 'get', path, summary: 'The actions of a job', ...secured(), request: { params: jobParams } },
      responses: answers({ 200: hal(collectionSchema(JOB_ACTION, jobActionSchema), 'In their order') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const job = await findJob(viewer, context.req.valid('param').id)
      const [actions = []] = await jobs.informerActionsOf(viewer, [job])
      const items = actions.map((action) => jobActionView(job.id, action))
      const page = { start: 0, total: items.length }
      return context.json(collection(link(`${jobHref(job.id)}/actions`), JOB_ACTION, items, page), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path, summary: 'Give a job one more action', ...securedBody() },
      request: { params: jobParams, ...body(newSchema) },
      responses: answers({ 201: hal(jobActionSchema, 'The action'), ...conflict }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id } = await findJob(viewer, context.req.valid('param').id)
      const action = await jobs.addAction(viewer, id, context.req.valid('json'))
      return context.json(jobActionView(id, action), 201, { location: jobActionHref(id, action.id) })
    },
  )

  routes.openapi(
    createRoute({
      ...{
        method: 'get',
        path: `${path}/{actionId}`,
        summary: 'An action of a job',
        ...secured(),
        request: { params },
      },
      responses: answers({ 200: hal(jobActionSchema, 'The action') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id, actionId } = context.req.valid('param')
      const job = await findJob(viewer, id)
      const [actions = []] = await jobs.informerActionsOf(viewer, [job])
      const action = actions.find((each) => each.id === idOf(actionId))
      if (!action) throw noSuchAction()
      return context.json(jobActionView(job.id, action), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path: `${path}/{actionId}`, summary: 'Change an action of a job', ...securedBody() },
      request: { params, ...body(changeSchema) },
      responses: answers({ 200: hal(jobActionSchema, 'As it is now'), ...conflict }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id: given, actionId } = context.req.valid('param')
      const { id } = await findJob(viewer, given)
      const action = await jobs.setAction(viewer, id, idOf(actionId), context.req.valid('json'))
      return context.json(jobActionView(id, action), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: `${path}/{actionId}`, summary: 'Take an action from a job', ...secured() },
      request: { params },
      responses: answers({ 204: nothing('Gone'), ...conflict }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id: given, actionId } = context.req.valid('param')
      const { id } = await findJob(viewer, given)
      await jobs.removeAction(viewer, id, idOf(actionId))
      return context.body(null, 204)
    },
  )

  return routes
}
