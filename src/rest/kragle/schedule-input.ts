/** What clients say of a schedule, as the service takes it. */
import { z } from '@hono/zod-openapi'
import { type Issue, ValidationError } from '../../kernel/errors.ts'
import { validate } from '../../kernel/validate.ts'
import type { ScheduleInput } from '../../schedules/spec.ts'
import { CODE, isConflict, KragleError } from './fault.ts'

/** Its fields are looked at later, as what is wrong with them has a code of its own. */
const config = z
  .record(z.string(), z.unknown(), 'must be an object')
  .openapi({ allOf: [{ $ref: '#/components/schemas/ScheduleConfig' }] })

const fields = {
  name: z.string().nullish().describe('For people; at most 200 characters.'),
  once: z
    .boolean()
    .optional()
    .describe('Whether it has one run only. By default a timestamp has; a period may, an expression cannot.'),
}

export const createSchema = z.strictObject({ config, ...fields }).openapi('NewSchedule')
export const updateSchema = z.strictObject({ config: config.optional(), ...fields }).openapi('ScheduleChange')

const configSpec = z.strictObject({
  period: z.int('must be whole seconds').optional(),
  timestamp: z.int('must be whole seconds since 1970').min(0, 'must be from 1970 on').optional(),
  cron: z.string('must be an expression').optional(),
  timezone: z.string('must be the name of a zone').optional(),
})

/** @throws ValidationError */
export function scheduleOf(given: Record<string, unknown>): ScheduleInput {
  const { period, timestamp, cron, timezone } = validate(configSpec, given)
  const [kind, ...more] = [period, timestamp, cron].filter((each) => each !== undefined)
  if (kind === undefined || more.length > 0) throw ValidationError.at('', 'must have one of period, timestamp and cron')
  if (timezone !== undefined && cron === undefined) throw ValidationError.at('timezone', 'is for an expression')
  if (period !== undefined) return { every: { seconds: period } }
  return timestamp === undefined ? { cron: { expression: cron ?? '', timezone } } : { at: new Date(timestamp * 1000) }
}

/**
 * Errors of the service and of the fields of `config` by their codes here.
 * @throws whatever `work` does
 */
export async function inTermsOfKragle<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (isConflict(error, 'IN_USE')) throw new KragleError(CODE.SCHEDULE_IN_USE, error.message)
    if (!(error instanceof ValidationError) || error.issues.some(({ path }) => path === 'name')) throw error
    throw new KragleError(CODE.BAD_SCHEDULE_CONFIG, error.issues.map(said).join('; '))
  }
}

/** Fields of the service that have other names here; what is in none is of the config as a whole. */
const NAMES: Record<string, string> = {
  once: 'once',
  'schedule.every.seconds': 'config.period',
  'schedule.at': 'config.timestamp',
  'schedule.cron.expression': 'config.cron',
  'schedule.cron.timezone': 'config.timezone',
}

const said = ({ path, message }: Issue): string => {
  const name = NAMES[path] ?? (path.startsWith('schedule') || path === '' ? 'config' : `config.${path}`)
  return `${name}: ${message}`
}
