/** `/api/job-fire-times`: when a job would run, without making one. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import { zoneName } from '../../schedules/spec.ts'
import type { Routes } from '../routing.ts'
import { INTERVAL_TYPES, NO_INTERVAL, required, scheduleOf } from './interval.ts'
import { date } from './job-body.ts'
import { inTermsOfInformer } from './job-input.ts'
import { answers, createRoutes, hal, secured } from './router.ts'

const COUNT = { usual: 10, most: 100 }

const querySchema = z.object({
  interval: z.string().optional().describe('`0 8 * * *`, `30 minutes`, or a date.'),
  intervalType: z.enum(INTERVAL_TYPES, `must be one of ${INTERVAL_TYPES.join(', ')}`).optional(),
  timezone: zoneName.optional().describe('IANA name. Absent: the one of the server.'),
  startOn: date.optional(),
  endOn: date.optional(),
  count: z
    .string()
    .regex(/^\d{1,3}$/, `must be a whole number from 1 to ${COUNT.most}`)
    .transform(Number)
    .default(COUNT.usual)
    .openapi({ type: 'integer', minimum: 1, maximum: COUNT.most, default: COUNT.usual }),
})

const fireTimesSchema = z.object({ fireTimes: z.array(z.string()) }).openapi('FireTimes')

export function fireTimesRoutes({ schedules, log }: { schedules: ScheduleService; log: Log }): Routes {
  const routes = createRoutes(log)

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/api/job-fire-times',
      summary: 'When a job would run',
      ...secured(),
      request: { query: querySchema },
      responses: answers({ 200: hal(fireTimesSchema, 'Fewer than were asked for where there are no more.') }),
    }),
    async (context) => {
      const { count, startOn = null, endOn = null, ...given } = context.req.valid('query')
      const timezone = given.timezone ?? schedules.defaultTimezone
      const times = await inTermsOfInformer(given, () => {
        const schedule = scheduleOf({ ...given, timezone, startOn }, NO_INTERVAL) ?? required('interval')
        return schedules.preview(schedule, { count, startOn, endOn, at: 'schedule' })
      })
      return context.json({ fireTimes: times.map((at) => at.toISOString()) }, 200)
    },
  )

  return routes
}
