/** What clients of ShareOut ask for, as the jobs' service takes it. */
import { actionOfShareout, type SHAREOUT_ACTIONS } from '../../jobs/shareout-actions.ts'
import type { Given } from '../../jobs/work.ts'
import { ValidationError } from '../../kernel/errors.ts'
import { expectId } from '../../kernel/ids.ts'
import { requireConfig, requirePlainCron } from './job-config.ts'
import type { CreateBody, UpdateBody } from './job-schema.ts'

type IsOpenHost = (hostname: string) => boolean
type ActionName = (typeof SHAREOUT_ACTIONS)[number]

const BACKOFFS = { fixed: 'FIXED', linear: 'LINEAR', exponential: 'EXPONENTIAL' } as const

const cronOf = (expression: string) => {
  requirePlainCron(expression)
  return { cron: { expression, dialect: 'VIXIE' as const, timezone: 'UTC' } }
}

function workOf(action: ActionName, config: Record<string, unknown>, isOpenHost: IsOpenHost) {
  requireConfig(action, config, isOpenHost)
  return { actions: [actionOfShareout(action, config)], given: config as Given }
}

/** @throws ValidationError; NotFoundError for what is no id of an artifact */
export function createInput(body: CreateBody, isOpenHost: IsOpenHost) {
  const { trigger_type, schedule, event_type, retry_config: retry } = body
  if (trigger_type === 'cron' && !schedule) throw ValidationError.at('schedule', 'is required for cron jobs')
  if (trigger_type === 'event' && !event_type) throw ValidationError.at('event_type', 'is required for event jobs')
  return {
    artifactId: expectId('Artifact', body.artifact_id),
    name: body.title,
    description: body.description,
    ...(trigger_type === 'cron' ? { schedule: cronOf(schedule ?? '') } : { eventType: event_type }),
    ...(retry && {
      retry: {
        ...(retry.maxAttempts != null && { maxAttempts: Math.max(retry.maxAttempts, 1) }),
        ...(retry.backoffType && { backoff: BACKOFFS[retry.backoffType] }),
        ...(retry.initialDelay != null && { initialDelay: retry.initialDelay }),
      },
    }),
    ...workOf(body.action, body.config, isOpenHost),
  }
}

/** `action`: what the job does, which stays. */
export function updateInput(
  { enabled, schedule, config, title, description }: UpdateBody,
  action: string,
  isOpenHost: IsOpenHost,
) {
  return {
    enabled,
    ...(schedule !== undefined && { schedule: cronOf(schedule) }),
    ...(title !== undefined && { name: title }),
    ...(description !== undefined && { description }),
    ...(config && workOf(action as ActionName, config, isOpenHost)),
  }
}

/** An issue of the action is one of the client's `config`. */
export async function inTermsOfConfig<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
    throw new ValidationError(
      error.issues.map(({ path, message }) => ({
        path: path
          .replace(/^actions\.0(\.\w+)?/, 'config')
          .replace(/^schedule\..*/, 'schedule')
          .replace(/^name$/, 'title'),
        message,
      })),
    )
  }
}
