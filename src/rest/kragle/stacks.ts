/** `/blockstacks`: what jobs do. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import { body, type Routes } from '../routing.ts'
import { inTermsOfBlocks } from './blocks.ts'
import { CODE, isConflict, KragleError } from './fault.ts'
import { idParams, isNumber } from './ids.ts'
import { pageOf, pageQuery, pageSchema, rowsOf } from './page.ts'
import { answers, createRoutes, json, secured, securedBody } from './router.ts'
import { eitherParams, nameParams, stackByEither, stackById, stackByName } from './stack-find.ts'
import { createSchema, inputOf, updateSchema } from './stack-input.ts'
import {
  type StackViewDeps,
  stackSchema,
  stackView,
  stackViews,
  wholeStackSchema,
  wholeStackView,
} from './stack-view.ts'

export type StacksDeps = StackViewDeps & { schedules: ScheduleService; log: Log }

const whole = answers({ 200: json(wholeStackSchema, 'The stack') })

export function stackRoutes(deps: StacksDeps): Routes {
  const { stacks, schedules, log } = deps
  const routes = createRoutes(log)

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: '/blockstacks', summary: 'Your stacks, the oldest first', ...secured() },
      request: { query: pageQuery },
      responses: answers({ 200: json(pageSchema('stacks', stackSchema), 'A page of them') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { page } = context.req.valid('query')
      const { stacks: rows, total: count } = await stacks.own(viewer, rowsOf(page))
      return context.json(pageOf('stacks', await stackViews(deps, viewer, rows), { page, count }), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: '/blockstacks/byid/{id}', summary: 'Read a stack', ...secured() },
      ...{ request: { params: idParams }, responses: whole },
    }),
    async (context) => {
      const { viewer } = context.var
      const stack = await stackById(stacks, viewer, context.req.valid('param').id)
      return context.json(await wholeStackView(deps, viewer, stack), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: '/blockstacks/byname/{name}', summary: 'Read a stack by its name', ...secured() },
      ...{ request: { params: nameParams }, responses: whole },
    }),
    async (context) => {
      const { viewer } = context.var
      const stack = await stackByName(stacks, viewer, context.req.valid('param').name)
      return context.json(await wholeStackView(deps, viewer, stack), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: '/blockstacks/{id}', summary: 'Read a stack by its id or name', ...secured() },
      ...{ request: { params: eitherParams }, responses: whole },
    }),
    async (context) => {
      const { viewer } = context.var
      const stack = await stackByEither(stacks, viewer, context.req.valid('param').id)
      return context.json(await wholeStackView(deps, viewer, stack), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: '/blockstacks', summary: 'Create a stack', ...securedBody() },
      request: body(createSchema),
      responses: answers({ 200: json(z.object({ id: z.int() }), 'Created') }),
    }),
    async (context) => {
      const { schedule_id: said = null, enabled = false, ...fields } = context.req.valid('json')
      const { name } = fields
      const scheduleId = said === null ? null : await scheduleNumbered(said)
      const firstJob = scheduleId === null ? undefined : { scheduleId, enabled }
      const input = { ...inputOf(fields), name, firstJob }
      const { number } = await stacks.create(context.var.viewer, input, 'KRAGLE').catch(throwAsKragle)
      return context.json({ id: number }, 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path: '/blockstacks/{id}', summary: 'Change a stack', ...securedBody() },
      request: { params: idParams, ...body(updateSchema) },
      responses: answers({ 200: json(stackSchema, 'The stack as it is now') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id: stackId } = await stackById(stacks, viewer, context.req.valid('param').id)
      const input = { ...inputOf(context.req.valid('json')), stackId }
      const changed = await stacks.update(viewer, input).catch(throwAsKragle)
      return context.json(await stackView(deps, viewer, changed), 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'delete', path: '/blockstacks/{id}', summary: 'Delete a stack that no job uses', ...secured() },
      request: { params: idParams },
      responses: answers({ 200: json(z.object({ deleted: z.int() }), 'Deleted') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id } = await stackById(stacks, viewer, context.req.valid('param').id)
      const { number } = await stacks.remove(viewer, id)
      return context.json({ deleted: number }, 200)
    },
  )

  async function scheduleNumbered(number: number): Promise<string> {
    const schedule = isNumber(number) ? await schedules.shared(number) : null
    if (!schedule) throw new KragleError(CODE.NO_SUCH_SCHEDULE, 'schedule_id: there is no such schedule')
    return schedule.id
  }

  return routes
}

function throwAsKragle(error: unknown): never {
  if (isConflict(error, 'NAME_TAKEN')) throw new KragleError(CODE.STACK_NAME_EXISTS, `name: ${error.message}`)
  throw inTermsOfBlocks(error)
}
