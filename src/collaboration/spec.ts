/** Whom an owner lets in, and what may be said of an artifact. Pure. */
import { z } from 'zod'
import { text } from '../kernel/storable.ts'

/** E-mail addresses of one call. */
const EMAILS_LIMIT = 50
/** Collaborators of an artifact. */
export const COLLABORATORS_LIMIT = 1_000
/** Characters. */
const COMMENT_LIMIT = 10_000
const EMAIL_LIMIT = 320

export const ROLES = ['VIEWER', 'EDITOR'] as const

/** In lower case: that is how addresses are compared. */
const emailSpec = z
  .string()
  .trim()
  .toLowerCase()
  .max(EMAIL_LIMIT, `must have at most ${EMAIL_LIMIT} characters`)
  .pipe(z.email('must be an e-mail address'))

export const addCollaboratorsSpec = z.object({
  emails: z
    .array(emailSpec)
    .min(1, 'must name at least one address')
    .max(EMAILS_LIMIT, `must be at most ${EMAILS_LIMIT} addresses`)
    .transform((emails) => [...new Set(emails)]),
  role: z.enum(ROLES, `must be one of ${ROLES.join(', ')}`),
})

export const removeCollaboratorSpec = z.object({ email: emailSpec })

export const commentSpec = z.object({
  text: text(COMMENT_LIMIT).refine((value) => value.trim() !== '', 'must not be empty'),
})
