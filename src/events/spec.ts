import { z } from 'zod'
import { flawOfJson } from '../kernel/storable.ts'

/** Characters of an event's payload or a run's input, as JSON. */
const PAYLOAD_LIMIT = 256 * 1024

/** Name of an event: `order.paid`. */
export const eventType = z
  .string()
  .max(100, 'must have at most 100 characters')
  .regex(/^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$/, 'must be lower-case words joined by dots, such as order.paid')

/** Any JSON that PostgreSQL can keep. */
export const payload = z.unknown().superRefine((value, context) => {
  const flaw = flawOfJson(value)
  if (flaw) context.addIssue(flaw)
  else if (value != null && JSON.stringify(value).length > PAYLOAD_LIMIT) {
    context.addIssue(`must be at most ${PAYLOAD_LIMIT} characters of JSON`)
  }
})

/**
 * Events that reach, beside the jobs on their artifact, those of their owner that are on none: one job can look after all
 * failures.
 */
export const OWNER_WIDE = ['run.failed', 'job.paused']

/** A chain of events and the runs that they start is no longer than this. */
export const MAX_CHAIN = 8

/** Types that only Runsheet itself emits, so that a listener can believe them. */
const reserved = /^(artifact|comment|run|job)\./

export const emitEventSpec = z.object({
  type: eventType.refine((type) => !reserved.test(type), 'is emitted by Runsheet only; take a name of your own'),
  payload: payload.optional(),
})
