import { z } from 'zod'
import { flawOfJson, text } from '../kernel/storable.ts'
import { SCOPES } from './viewer.ts'

const NAME_LIMIT = 200

const nameSpec = z.string().trim().pipe(text(NAME_LIMIT).min(1, 'must not be empty'))

const handleSpec = z
  .string()
  .max(60, 'must have at most 60 characters')
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/, 'must be lower-case letters, digits, and . _ - inside')

export const createTeamSpec = z.object({
  handle: z
    .string()
    .transform((handle) => handle.replace(/^team:/, ''))
    .pipe(handleSpec),
  name: nameSpec.nullish(),
  admins: z.array(text(NAME_LIMIT)).max(100, 'must be at most 100').nullish(),
})

export const teamMemberSpec = z.object({ team: text(NAME_LIMIT), member: text(NAME_LIMIT) })

export const createUserSpec = z.object({
  handle: handleSpec,
  name: nameSpec.nullish(),
  email: z.email('must be an e-mail address').max(320, 'must have at most 320 characters').nullish(),
})

export const createTokenSpec = z.object({
  name: nameSpec,
  scopes: z
    .array(z.string().pipe(z.enum(SCOPES, `must be one of ${SCOPES.join(', ')}`)))
    .min(1, 'must name at least one scope')
    .max(SCOPES.length, `must be at most ${SCOPES.length}`)
    .nullish(),
  expiresAt: z.date().nullish(),
})

export const runLimitSpec = z.object({
  handle: text(NAME_LIMIT),
  limit: z.int().min(1, 'must be at least 1').max(10_000, 'must be at most 10000').nullish(),
})

/** Bytes of a principal's metadata, as JSON. */
const METADATA_BYTES_LIMIT = 16 * 1024

export const profileSpec = z.object({
  name: nameSpec.nullish(),
  metadata: z
    .record(z.string(), z.unknown(), 'must be an object')
    .superRefine((metadata, context) => {
      const flaw = flawOfJson(metadata)
      if (flaw) context.addIssue(flaw)
      else if (Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_LIMIT) {
        context.addIssue(`must have at most ${METADATA_BYTES_LIMIT} bytes`)
      }
    })
    .optional(),
})

/** What is absent stays; `name` null clears. */
export type ProfileInput = { name?: string | null | undefined; metadata?: unknown }
export type CreateTeamInput = z.input<typeof createTeamSpec>
export type TeamMemberInput = z.input<typeof teamMemberSpec>
export type RunLimitInput = z.input<typeof runLimitSpec>
export type CreateUserInput = z.input<typeof createUserSpec>
export type CreateTokenInput = z.input<typeof createTokenSpec>
