/** Jobs as clients of ShareOut write and read them. */
import { z } from '@hono/zod-openapi'
import { SHAREOUT_ACTIONS } from '../../jobs/shareout-actions.ts'
import { SHAREOUT_EVENTS } from '../../jobs/surface.ts'

const ATTEMPTS = { least: 0, most: 10 }
/** Seconds. */
const DELAY = { least: 60, most: 3600, usual: 300 }

const clamped = ({ least, most }: { least: number; most: number }) =>
  z
    .int()
    .nullish()
    .transform((value) => (value == null ? value : Math.min(Math.max(value, least), most)))
    .openapi({ type: 'integer' })

const retryConfig = z
  .object({
    maxAttempts: clamped(ATTEMPTS).describe('Counts the first try: 0 to 10, 1 by default.'),
    backoffType: z.enum(['fixed', 'linear', 'exponential']).nullish(),
    initialDelay: clamped(DELAY).describe('Seconds: 60 to 3600, 300 by default.'),
  })
  .describe('For cron jobs. What is out of range is brought into it.')

const config = z.record(z.string(), z.unknown()).describe('Action-specific configuration.')
const title = z.string().nullish().describe('At most 200 characters.')
const description = z.string().nullish().describe('At most 1,000 characters.')

export const createSchema = z
  .object({
    artifact_id: z.string(),
    action: z.enum(SHAREOUT_ACTIONS, `must be one of ${SHAREOUT_ACTIONS.join(', ')}`),
    trigger_type: z
      .enum(['cron', 'event'])
      .nullish()
      .transform((type) => type ?? 'cron')
      .openapi({ type: 'string', enum: ['cron', 'event'], default: 'cron' }),
    schedule: z.string().nullish().describe('Required for cron jobs.'),
    event_type: z
      .enum(SHAREOUT_EVENTS, `must be one of ${SHAREOUT_EVENTS.join(', ')}`)
      .nullish()
      .describe('Required for event jobs.'),
    config,
    retry_config: retryConfig.nullish(),
    title,
    description,
  })
  .openapi('CreateJob', {
    example: {
      artifact_id: 'art_abc123',
      action: 'email',
      trigger_type: 'cron',
      schedule: '0 9 * * 1',
      config: { recipients: ['team@company.com'], subject: 'Weekly report', includeArtifactLink: true },
    },
  })

export const updateSchema = z
  .object({
    enabled: z.boolean().optional(),
    schedule: z.string().optional(),
    config: config.optional(),
    title,
    description,
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    message: 'must change at least one of enabled, schedule, config, title and description',
  })
  .openapi('UpdateJob')

export type CreateBody = z.output<typeof createSchema>
export type UpdateBody = z.output<typeof updateSchema>

const seconds = z.int().nullable().describe('Unix time in seconds.')

const fields = {
  id: z.string(),
  artifact_id: z.string(),
  owner_id: z.string(),
  action: z.string(),
  trigger_type: z.enum(['cron', 'event']),
  schedule: z.string().nullable().describe('Cron expression (cron jobs only).'),
  event_type: z.string().nullable(),
  config,
  title: z.string().nullable(),
  description: z.string().nullable(),
  enabled: z.boolean(),
  next_run_at: seconds,
  last_run_at: seconds,
  last_status: z.enum(['success', 'failed']).nullable(),
  last_error: z.string().nullable(),
  retry_count: z.int().describe('How often the last run was tried again.'),
  retry_config: z.object({ maxAttempts: z.int(), backoffType: z.string(), initialDelay: z.int() }),
  max_attempts: z.int(),
  backoff_type: z.string(),
  initial_delay: z.int(),
  created_at: z.int(),
}

export const jobSchema = z.object(fields).openapi('Job')
/** Its fields at the top, and the same again under `job`: clients of both kinds are about. */
export const jobAnswerSchema = z.object({ ...fields, job: jobSchema }).openapi('JobAnswer')

export type JobView = z.output<typeof jobSchema>

export const executionSchema = z
  .object({
    message: z.string(),
    execution: z.object({
      success: z.boolean(),
      job_id: z.string(),
      execution_id: z.string(),
      status: z.enum(['success', 'failed']),
      error: z.string().optional(),
      duration_ms: z.int(),
    }),
  })
  .openapi('Execution')

export const logsSchema = z
  .object({
    logs: z.array(
      z.object({
        id: z.string(),
        created_at: z.int(),
        status: z.enum(['success', 'failed']),
        duration_ms: z.int().nullable(),
        error: z.string().nullable(),
      }),
    ),
  })
  .openapi('Logs')
