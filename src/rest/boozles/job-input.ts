/** A job as clients of Boozles give it, as the jobs' service takes it. */
import { z } from '@hono/zod-openapi'
import { BOOZLES_LEAST_GAP, gapTooShort } from '../../jobs/surface.ts'
import { type Issue, ValidationError } from '../../kernel/errors.ts'
import { validate } from '../../kernel/validate.ts'
import { RecurrenceError } from '../../schedules/errors.ts'
import type { ScheduleInput } from '../../schedules/spec.ts'
import { HttpError } from '../http-error.ts'
import { parseInstant } from './when.ts'

/** Bytes of what goes out with a call. */
const DATA_BYTES_LIMIT = 2048

const field = z.string('must be a text').nullish()

export const jobInputSchema = z
  .object(
    {
      url: z.string('must be a text').describe('Where the call goes: http or https.'),
      signature: field.describe('Goes back as `X-Content-Signature`, to the letter.'),
      contentType: field.describe('Media type of the data; absent: application/octet-stream.'),
      data: z
        .string('must be a text')
        .refine((text) => text.isWellFormed(), 'must not hold half a surrogate pair')
        .nullish()
        .describe(`What goes out as the body of the call, at most ${DATA_BYTES_LIMIT} bytes of UTF-8.`),
      when: field.describe('ISO 8601, with any offset, in the future. Either this or `cron`.'),
      cron: field.describe(
        `Quartz: 6 or 7 fields, seconds first, in UTC; at least ${BOOZLES_LEAST_GAP} s lie between two firings.`,
      ),
    },
    'must be an object',
  )
  .openapi('JobInput', {
    xml: { name: 'job' },
    example: { url: 'https://example.com/my-callback', cron: '0 15 10 ? * *' },
  })

export const JOB_FIELDS: ReadonlySet<string> = new Set(Object.keys(jobInputSchema.shape))

/** What there is to know of a job beside what we say of it. `data`: its bytes. */
export type GivenJob = {
  url: string
  signature: string | null
  contentType: string | null
  data: Buffer | null
  when: string | null
  cron: string | null
}

/** @throws ValidationError */
export function givenJob(document: unknown): GivenJob {
  const { url, data, ...rest } = validate(jobInputSchema, document)
  const given = (text: string | null | undefined) => text || null
  return {
    url,
    signature: given(rest.signature),
    contentType: given(rest.contentType),
    data: data == null ? null : Buffer.from(data),
    when: given(rest.when),
    cron: given(rest.cron),
  }
}

/** What runs call, as it is stored. */
export type CallbackInput = { url: string; data?: string; contentType?: string; signature?: string }

export type JobInput = { schedule: ScheduleInput; callback: CallbackInput }

/**
 * @throws ValidationError, and HttpError 413 for too much data
 */
export function jobInput({ url, signature, contentType, data, when, cron }: GivenJob, now: Date): JobInput {
  if (data && data.length > DATA_BYTES_LIMIT)
    throw new HttpError(413, `data: must have at most ${DATA_BYTES_LIMIT} bytes`)
  if ((when === null) === (cron === null))
    throw new ValidationError([{ path: '', message: 'must have exactly one of when and cron' }])
  return {
    schedule: when === null ? { cron: quartz(cron ?? '', now) } : { at: instant(when) },
    callback: {
      url,
      ...(data && { data: data.toString('base64') }),
      ...(contentType !== null && { contentType }),
      ...(signature !== null && { signature }),
    },
  }
}

function instant(when: string): Date {
  const at = parseInstant(when)
  if (!at) throw ValidationError.at('when', 'must be a date of ISO 8601 such as 2011-05-11T15:30:00Z')
  return at
}

function quartz(expression: string, now: Date) {
  try {
    const gap = gapTooShort(expression, now)
    if (gap !== null) {
      throw ValidationError.at(
        'cron',
        `fires ${gap} s after it has fired; at least ${BOOZLES_LEAST_GAP} s must lie between`,
      )
    }
  } catch (error) {
    if (error instanceof RecurrenceError) throw ValidationError.at('cron', error.message)
    throw error
  }
  return { expression, dialect: 'QUARTZ', timezone: 'UTC' } as const
}

/** Issues are told by the names of the client's fields. Throws whatever `work` does. */
export async function inTermsOfBoozles<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
    throw new ValidationError(error.issues.map((issue) => ({ ...issue, path: termOf(issue) })))
  }
}

const termOf = ({ path }: Issue) =>
  path
    .replace(/^actions\.0\.callback\./, '')
    .replace(/^schedule\.cron(\..*)?$/, 'cron')
    .replace(/^schedule\.at$/, 'when')
