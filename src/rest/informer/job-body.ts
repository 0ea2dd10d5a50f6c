/** Jobs as clients of Informer write them. What they send beside these fields is passed over. */
import { z } from '@hono/zod-openapi'
import { jobDatasetsSchema } from './dataset-input.ts'
import { instantOf } from './instant.ts'
import { INTERVAL_TYPES } from './interval.ts'

export const date = z
  .string('must be a date')
  .transform((text, context) => {
    const at = instantOf(text)
    if (!at) context.addIssue('must be a date such as 2026-01-31T08:00:00.000Z')
    return at
  })
  .nullish()
  .openapi({ type: ['string', 'null'], format: 'date-time' })

const words = (description: string) => z.string('must be a text').nullish().describe(description)

const fields = {
  interval: words('`0 8 * * *`, `30 minutes`, or a date; null: it has no schedule.'),
  intervalType: z
    .enum(INTERVAL_TYPES, `must be one of ${INTERVAL_TYPES.join(', ')}`)
    .nullish()
    .describe('Absent: what the interval is.'),
  timezone: words('IANA name, in which cron expressions are read. Null: the one of the server.'),
  startOn: date.describe('It does not run before; for once without an interval, when it runs.'),
  endOn: date.describe('It does not run after.'),
  description: words('At most 1,000 characters.'),
  notes: words('At most 10,000 characters.'),
  tags: z.array(z.string('must be a text'), 'must be a list of texts').nullish().describe('Names, or ids.'),
  data: z.record(z.string(), z.unknown(), 'must be an object').nullish().describe('What the driver is told.'),
  datasets: jobDatasetsSchema.nullish(),
  source: words('What made it. At most 200 characters.'),
  sourceId: words('As what it is known there. At most 200 characters.'),
}

const name = z.string('must be a text').trim().min(1, 'must not be empty').describe('At most 200 characters.')
const type = z.string('must be a text').trim().min(1, 'must not be empty').describe('What does the work.')
const enabled = z.boolean('must be true or false')

const lockedAt = date.describe(
  'For administrators: null ends a run that is at work and lets a held job go on, a date holds the job until null is sent. From others null and what they have read is passed over.',
)

const BODY = 'must be an object'

export const createSchema = z
  .object({ name, type, ...fields, enabled: enabled.nullish().describe('False by default.') }, BODY)
  .openapi('CreateJob')

export const updateSchema = z
  .object({ name: name.optional(), type: type.optional(), ...fields, enabled: enabled.optional(), lockedAt }, BODY)
  .describe('Absent fields stay as they are; null clears.')
  .openapi('UpdateJob')

export type CreateBody = z.output<typeof createSchema>
export type UpdateBody = z.output<typeof updateSchema>
