/** Keys and values of an artifact's JSON documents. Pure. */
import { z } from 'zod'
import { flawOfJson, text } from '../kernel/storable.ts'

/** Characters. */
const KEY_LIMIT = 200
/** Bytes of a value, as JSON. */
const VALUE_BYTES_LIMIT = 256 * 1024
/** Documents of an artifact. */
export const DOCUMENTS_LIMIT = 1_000

/** One segment of an address, whatever is in it. */
export const keySpec = text(KEY_LIMIT)
  .min(1, 'must not be empty')
  .regex(/^\P{Cc}*$/u, 'must have no control characters')
  .refine((key) => key !== '.' && key !== '..', 'must not be . or ..')

/** What must be so for a change to be made. Absent: nothing; 0 or null: there is none; EXISTS: there is one. */
const versionSpec = z.union([z.int().min(0, 'must not be negative'), z.literal('EXISTS')]).nullish()

export const changeSpec = z.object({ key: keySpec, ifVersion: versionSpec })

export const setDocumentSpec = changeSpec.extend({
  value: z.unknown().superRefine((value, context) => {
    if (value === undefined) context.addIssue('must be a JSON value')
    const flaw = flawOfJson(value)
    if (flaw) context.addIssue(flaw)
    else if (value !== undefined && Buffer.byteLength(JSON.stringify(value)) > VALUE_BYTES_LIMIT) {
      context.addIssue(`must have at most ${VALUE_BYTES_LIMIT} bytes`)
    }
  }),
})

export type IfVersion = z.input<typeof versionSpec>
