/** What a stack may look like; one set of rules for every API. */
import { z } from 'zod'
import { text } from '../kernel/storable.ts'

const NAME_LIMIT = 200
const DESCRIPTION_LIMIT = 1_000

const name = z.string().trim().min(1, 'must not be empty').pipe(text(NAME_LIMIT))
const description = text(DESCRIPTION_LIMIT).nullish()

export const createStackSpec = z.object({ name, description })

/** Absent leaves alone, null clears. */
export const updateStackSpec = z.object({ name: name.optional(), description, version: z.int().nullish() })

export const stackListSpec = z.object({
  filter: z.object({ search: text(NAME_LIMIT).nullish(), ownerHandle: text(NAME_LIMIT).nullish() }).nullish(),
})

export type CreateStackInput = z.input<typeof createStackSpec>
/** A name that is null is refused, as nothing could take its place. */
export type UpdateStackInput = Omit<z.input<typeof updateStackSpec>, 'name'> & { name?: string | null | undefined }
export type StackListInput = z.input<typeof stackListSpec>
