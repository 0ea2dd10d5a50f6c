/** What a job may look like; one set of rules for every API. */
import { z } from 'zod'
import type { Job } from '../db/generated/prisma/client.ts'
import { eventType } from '../events/spec.ts'
import { flawOfJson, text } from '../kernel/storable.ts'
import { zoneName } from '../schedules/spec.ts'

export const NAME_LIMIT = 200
const DESCRIPTION_LIMIT = 1_000
const NOTES_LIMIT = 10_000
const TAGS_LIMIT = 50
const TAG_LIMIT = 100
const SOURCE_LIMIT = 200
/** Bytes of what clients keep of a job, as JSON. */
const DATA_BYTES_LIMIT = 256 * 1024

const DAY = 86_400
const YEAR = 366 * DAY

const seconds = (least: number, most: number) =>
  z.int('must be whole seconds').min(least, `must be at least ${least}`).max(most, `must be at most ${most}`)

export const OVERLAP_POLICIES = ['SKIP', 'QUEUE_ONE', 'QUEUE_ALL', 'CANCEL_RUNNING', 'ALLOW'] as const

export const JOB_ORDERS = ['RELEVANCE', 'NEWEST', 'OLDEST'] as const

export type JobOrder = (typeof JOB_ORDERS)[number]

export const PRIORITY = { lowest: -100, highest: 100 }

/** Lower goes first. */
export const priority = z
  .int('must be a whole number')
  .min(PRIORITY.lowest, `must be at least ${PRIORITY.lowest}`)
  .max(PRIORITY.highest, `must be at most ${PRIORITY.highest}`)

const concurrencySpec = z.strictObject({
  limit: z.int().min(1, 'must be at least 1').max(10_000, 'must be at most 10000'),
  key: text(NAME_LIMIT).min(1, 'must not be empty').nullish(),
})

/** All fields optional: absent ones are unchanged, or take the default of the table. */
const retrySpec = z.strictObject({
  maxAttempts: z.int().min(1, 'must be at least 1: it counts the first try').max(100, 'must be at most 100').nullish(),
  backoff: z.enum(['FIXED', 'LINEAR', 'EXPONENTIAL']).nullish(),
  initialDelay: seconds(0, DAY).nullish(),
  maxDelay: seconds(0, 7 * DAY).nullish(),
  jitter: z.boolean().nullish(),
  retryOn: z.enum(['TRANSIENT', 'ANY']).nullish(),
})

const data = z.record(z.string(), z.unknown(), 'must be an object').superRefine((value, context) => {
  const flaw = flawOfJson(value)
  if (flaw) context.addIssue(flaw)
  else if (Buffer.byteLength(JSON.stringify(value)) > DATA_BYTES_LIMIT) {
    context.addIssue(`must have at most ${DATA_BYTES_LIMIT} bytes`)
  }
})

/** What clients keep of one action. */
export const actionDataSpec = z.object({ data })

/** Fields that a create and an update share. Null clears, absent leaves alone. */
const common = {
  name: z.string().trim().pipe(text(NAME_LIMIT)).nullish(),
  description: text(DESCRIPTION_LIMIT).nullish(),
  notes: text(NOTES_LIMIT).nullish(),
  type: text(SOURCE_LIMIT).min(1, 'must not be empty').optional(),
  data: data.nullish(),
  /** Also of a job without a schedule, for clients that see one all the same. */
  timezone: zoneName.nullish(),
  source: text(SOURCE_LIMIT).nullish(),
  sourceId: text(SOURCE_LIMIT).nullish(),
  tags: z
    .array(z.string().trim().pipe(text(TAG_LIMIT).min(1, 'must not be empty')))
    .max(TAGS_LIMIT, `must be at most ${TAGS_LIMIT}`)
    .nullish(),
  eventType: eventType.nullish(),
  startOn: z.date().nullish(),
  endOn: z.date().nullish(),
  retry: retrySpec.nullish(),
  overlap: z.enum(OVERLAP_POLICIES).nullish(),
  catchUp: z.enum(['LATEST', 'ALL', 'NONE']).nullish(),
  catchUpWindow: seconds(0, YEAR).nullish(),
  dstGap: z.enum(['RUN_AFTER_GAP', 'SKIP']).nullish(),
  timeout: seconds(1, DAY).nullish(),
  spread: seconds(0, DAY).nullish(),
  priority: priority.nullish(),
  concurrency: concurrencySpec.nullish(),
}

export const createJobSpec = z.object({ ...common, enabled: z.boolean().nullish() })

export const updateJobSpec = z.object({ ...common, version: z.int().nullish() })

export const jobListSpec = z.object({
  filter: z
    .object({
      search: text(NAME_LIMIT).nullish(),
      ownerHandle: text(NAME_LIMIT).nullish(),
      tag: text(TAG_LIMIT).nullish(),
    })
    .nullish(),
})

export type CreateJobInput = z.input<typeof createJobSpec>
export type UpdateJobInput = z.input<typeof updateJobSpec>

/** What null makes of a policy; the table has the same. `overlap` has none: its null depends on the trigger. */
export const POLICY_DEFAULTS = {
  maxAttempts: 1,
  backoff: 'EXPONENTIAL',
  initialDelay: 10,
  maxDelay: 3_600,
  jitter: true,
  retryOn: 'TRANSIENT',
  catchUp: 'LATEST',
  catchUpWindow: DAY,
  dstGap: 'RUN_AFTER_GAP',
  timeoutSeconds: 60,
  spread: 0,
  priority: 0,
} as const

/** The policies that a job of some surface has when nobody says otherwise. */
export type PolicyDefaults = { -readonly [Policy in keyof typeof POLICY_DEFAULTS]: Job[Policy] }

/** The policies among an input's fields, as columns; absent ones are left out. */
export function policiesOf(
  {
    retry,
    overlap,
    catchUp,
    catchUpWindow,
    dstGap,
    timeout,
    spread,
    priority,
    concurrency,
  }: z.output<typeof updateJobSpec>,
  defaults: PolicyDefaults,
) {
  const retries = retry === null ? retriesOf(defaults) : retry
  const given = { ...retries, catchUp, catchUpWindow, dstGap, timeoutSeconds: timeout, spread, priority }
  const columns = Object.entries(given).filter(([, value]) => value !== undefined)
  const filled = columns.map(([name, value]) => [name, value ?? defaults[name as keyof typeof given]])
  return {
    ...(Object.fromEntries(filled) as Filled<typeof given>),
    ...(overlap !== undefined && { overlap }),
    ...(concurrency !== undefined && {
      concurrencyKey: concurrency?.key ?? null,
      concurrencyLimit: concurrency?.limit ?? null,
    }),
  }
}

const retriesOf = (defaults: PolicyDefaults) => {
  const { maxAttempts, backoff, initialDelay, maxDelay, jitter, retryOn } = defaults
  return { maxAttempts, backoff, initialDelay, maxDelay, jitter, retryOn }
}

type Filled<T> = { [Key in keyof T]?: NonNullable<T[Key]> }
