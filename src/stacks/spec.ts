/** What a stack may look like; one set of rules for every API. */
import { z } from 'zod'
import { text } from '../kernel/storable.ts'

const NAME_LIMIT = 200
const DESCRIPTION_LIMIT = 1_000

const name = z.string().trim().min(1, 'must not be empty').pipe(text(NAME_LIMIT))
const description = text(DESCRIPTION_LIMIT).nullish()

/** Who may run a stack by its address: nobody, anybody, who knows its token, or who may run it anyway. */
export const WEBHOOK_MODES = ['NONE', 'PUBLIC', 'TOKEN', 'USER'] as const
export const WEBHOOK_METHODS = ['GET', 'POST'] as const

const webhook = z.enum(WEBHOOK_MODES).nullish()
/** Null: either. */
const webhookMethod = z.enum(WEBHOOK_METHODS).nullish()

export const createStackSpec = z.object({ name, description, webhook, webhookMethod })

/** Absent leaves alone, null clears. */
export const updateStackSpec = z.object({
  ...{ name: name.optional(), description, webhook, webhookMethod },
  version: z.int().nullish(),
})

export const stackListSpec = z.object({
  filter: z.object({ search: text(NAME_LIMIT).nullish(), ownerHandle: text(NAME_LIMIT).nullish() }).nullish(),
})

export type CreateStackInput = z.input<typeof createStackSpec>
/** A name that is null is refused, as nothing could take its place. */
export type UpdateStackInput = Omit<z.input<typeof updateStackSpec>, 'name'> & { name?: string | null | undefined }
export type StackListInput = z.input<typeof stackListSpec>
