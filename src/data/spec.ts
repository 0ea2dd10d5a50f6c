/** What datasets and their rows may be. */
import { z } from 'zod'
import { isSlug } from '../artifacts/spec.ts'
import type { Issue } from '../kernel/errors.ts'
import { text } from '../kernel/storable.ts'
import { jsonOfRow } from './row.ts'

const NAME_LIMIT = 200
const DESCRIPTION_LIMIT = 1_000
/** Rows of one insert by hand. */
export const INSERT_LIMIT = 1_000
/** Rows of one slice. */
export const SLICE_LIMIT = 1_000
/** Distinct values of one answer. */
export const DISTINCT_LIMIT = 1_000

const name = z
  .string()
  .trim()
  .pipe(text(NAME_LIMIT))
  .refine((value) => value !== '', 'must not be empty')
  .refine((value) => !/\p{Cc}/u.test(value), 'must have no control characters')
  // What begins so is an id wherever a dataset may be named.
  .refine((value) => !/^dat_[0-9a-f]{32}$/.test(value), 'must not look like an id')
const slug = z.string().refine(isSlug, 'must be at most 50 lower-case letters and digits, and - inside')
const description = text(DESCRIPTION_LIMIT)

export const createDatasetSpec = z.object({ name, slug: slug.nullish(), description: description.nullish() })
export const updateDatasetSpec = z.object({
  name: name.optional(),
  slug: slug.optional(),
  description: description.nullish(),
})

export type CreateDatasetInput = z.input<typeof createDatasetSpec>
export type UpdateDatasetInput = z.input<typeof updateDatasetSpec>

export const rowIssues = (rows: readonly unknown[], at: string): Issue[] =>
  rows.flatMap((row, index) => {
    const made = jsonOfRow(row)
    return 'flaw' in made ? [{ path: `${at}.${index}`, message: made.flaw }] : []
  })
