/** `/schedules`: when. Anybody may read them, and use them in jobs. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import { body, type Routes } from '../routing.ts'
import { noSuch } from './fault.ts'
import { idParams, numberIn } from './ids.ts'
import { pageOf, pageQuery, pageSchema, rowsOf } from './page.ts'
import { answers, createRoutes, json, securedBody } from './router.ts'
import { createSchema, inTermsOfKragle, scheduleOf, updateSchema } from './schedule-input.ts'
import { scheduleSchema, scheduleView } from './schedule-view.ts'

export type SchedulesDeps = { schedules: ScheduleService; log: Log }

const madeSchema = z.object({ id: z.int() })

export function scheduleRoutes({ schedules, log }: SchedulesDeps): Routes {
  const routes = createRoutes(log)

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: '/schedules', summary: 'List the schedules of everybody, the oldest first' },
      request: { query: pageQuery },
      responses: answers({ 200: json(pageSchema('schedules', scheduleSchema), 'A page of the list') }),
    }),
    async (context) => {
      const { page } = context.req.valid('query')
      const found = await schedules.allShared(rowsOf(page))
      return context.json(pageOf('schedules', found.schedules.map(scheduleView), { page, count: found.total }), 200)
    },
  )

  for (const path of ['/schedules/{id}', '/schedules/byid/{id}']) {
    routes.openapi(
      createRoute({
        ...{ method: 'get', path, summary: 'Read a schedule', request: { params: idParams } },
        responses: answers({ 200: json(scheduleSchema, 'The schedule') }),
      }),
      async (context) => {
        const number = numberIn(context.req.valid('param').id)
        const schedule = number && (await schedules.shared(number))
        if (!schedule) throw noSuch('schedule')
        return context.json(scheduleView(schedule), 200)
      },
    )
  }

  routes.openapi(
    createRoute({
      ...{ method: 'post', path: '/schedules', summary: 'Create a schedule', ...securedBody() },
      request: body(createSchema),
      responses: answers({ 200: json(madeSchema, 'Created') }),
    }),
    async (context) => {
      const { config, name, once } = context.req.valid('json')
      const { number } = await inTermsOfKragle(() =>
        schedules.createShared(context.var.viewer, { schedule: scheduleOf(config), name, once }),
      )
      return context.json({ id: number }, 200)
    },
  )

  routes.openapi(
    createRoute({
      ...{ method: 'put', path: '/schedules/{id}', summary: 'Change a schedule that no job uses', ...securedBody() },
      request: { params: idParams, ...body(updateSchema) },
      responses: answers({ 200: json(scheduleSchema, 'The schedule as it is now') }),
    }),
    async (context) => {
      const number = numberIn(context.req.valid('param').id)
      if (!number) throw noSuch('schedule')
      const { config, name, once } = context.req.valid('json')
      const changed = await inTermsOfKragle(() =>
        schedules.updateShared(
          context.var.viewer,
          { number },
          {
            ...{ name, once, ...(config && { schedule: scheduleOf(config) }) },
          },
        ),
      )
      return context.json(scheduleView(changed), 200)
    },
  )

  return routes
}
