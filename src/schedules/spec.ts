import { z } from 'zod'
import { type Issue, ValidationError } from '../kernel/errors.ts'
import { validate } from '../kernel/validate.ts'
import { checkRecurrence, type Grid, type Recurrence, RecurrenceError } from './recurrence.ts'
import { canonicalZone, zoneOf } from './zones.ts'

/** Longer expressions say nothing that a shorter one cannot. */
const EXPRESSION_LIMIT = 1000

const ZONE_LIMIT = 100

/** An IANA name in its usual spelling. */
export const zoneName = z
  .string()
  .max(ZONE_LIMIT, `must have at most ${ZONE_LIMIT} characters`)
  .transform((name, context) => {
    const zone = canonicalZone(name)
    if (zone === null) context.addIssue(`'${name}' is not an IANA time zone`)
    return zone ?? name
  })

const oneOf = z.strictObject({
  cron: z
    .strictObject({
      expression: z.string().max(EXPRESSION_LIMIT, `must have at most ${EXPRESSION_LIMIT} characters`),
      timezone: z.string().max(ZONE_LIMIT, `must have at most ${ZONE_LIMIT} characters`).nullish(),
      dialect: z.enum(['VIXIE', 'QUARTZ']).nullish(),
    })
    .nullish(),
  /** `text`: the interval as its client wrote it. */
  every: z.strictObject({ seconds: z.int('must be whole seconds'), text: z.string().nullish() }).nullish(),
  at: z.date('must be an instant').nullish(),
})

/** No slot before the one, and none after the other. */
export type Window = Pick<Grid, 'startOn' | 'endOn'>

/** Exactly one of the three. Seconds are whole. */
export type ScheduleInput = z.input<typeof oneOf>

type ParseOptions = { now: Date; defaultTimezone: string; at?: string; past?: boolean }

/** Where a RecurrenceError's field stands in the input. */
const paths = { expression: 'cron.expression', timezone: 'cron.timezone', seconds: 'every.seconds', at: 'at' } as const

/**
 * The recurrence that an input describes, checked: it fires at least once after `now`. `past`: or is an instant before.
 * @throws ValidationError with paths that begin at `at`
 */
export function parseSchedule(
  input: ScheduleInput,
  { now, defaultTimezone, at = 'schedule', past = false }: ParseOptions,
): Recurrence {
  const { cron, every, at: instant } = rooted(at, () => validate(oneOf, input))
  if ([cron, every, instant].filter((kind) => kind != null).length !== 1) {
    throw ValidationError.at(at, 'must have exactly one of cron, every and at')
  }
  return rooted(at, () => {
    const recurrence: Recurrence = cron
      ? {
          kind: 'CRON',
          expression: cron.expression.trim(),
          dialect: cron.dialect ?? 'VIXIE',
          timezone: zoneOf(cron.timezone ?? defaultTimezone).name,
        }
      : every
        ? { kind: 'INTERVAL', seconds: every.seconds }
        : { kind: 'ONCE', at: instant as Date }
    checkRecurrence(recurrence, now)
    if (!past && recurrence.kind === 'ONCE' && recurrence.at <= now)
      throw new RecurrenceError('at', 'must be in the future')
    return recurrence
  })
}

/** @throws ValidationError */
export function requireWindow({ startOn, endOn }: Window): void {
  if (startOn && endOn && endOn <= startOn) throw ValidationError.at('endOn', 'must be later than startOn')
}

function rooted<Result>(at: string, parse: () => Result): Result {
  const under = ({ path, message }: Issue) => ({ path: [at, path].filter(Boolean).join('.'), message })
  try {
    return parse()
  } catch (error) {
    if (error instanceof RecurrenceError) {
      throw new ValidationError([under({ path: paths[error.field], message: error.message })])
    }
    if (error instanceof ValidationError) throw new ValidationError(error.issues.map(under))
    throw error
  }
}
