/** What anybody is shown of a schedule. */
import { z } from '@hono/zod-openapi'
import type { Schedule } from '../../db/generated/prisma/client.ts'
import { recurrenceOf } from '../../schedules/stored.ts'

const configSchema = z
  .union([
    z.object({ period: z.int().min(60).describe('Seconds from run to run, at least 60.') }),
    z.object({ timestamp: z.int().describe('The instant of its only run, in seconds since 1970.') }),
    z.object({
      cron: z.string().describe('Five fields, or six with seconds first.'),
      timezone: z.string().optional().describe('An IANA zone; absent: the server’s DEFAULT_TIMEZONE.'),
    }),
  ])
  .describe('When: exactly one of these.')
  .openapi('ScheduleConfig')

export const scheduleSchema = z
  .object({
    id: z.int(),
    name: z.string().nullable(),
    once: z.boolean().describe('Whether a job runs once by it, and then disables itself.'),
    config: configSchema,
  })
  .openapi('Schedule')

export const scheduleView = (schedule: Schedule): z.input<typeof scheduleSchema> => ({
  id: schedule.number,
  name: schedule.name,
  once: schedule.kind === 'ONCE' || schedule.once,
  config: configOf(schedule),
})

function configOf(schedule: Schedule): z.input<typeof configSchema> {
  const recurrence = recurrenceOf(schedule)
  if (recurrence.kind === 'INTERVAL') return { period: recurrence.seconds }
  if (recurrence.kind === 'ONCE') return { timestamp: Math.floor(recurrence.at.getTime() / 1000) }
  return { cron: recurrence.expression, timezone: recurrence.timezone }
}
