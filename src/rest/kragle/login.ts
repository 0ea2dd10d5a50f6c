/** A user's name or address, and a token of theirs as the password. */
import { z } from '@hono/zod-openapi'
import type { IdentityService } from '../../identity/service.ts'
import type { SignedIn } from '../../identity/viewer.ts'
import { ForbiddenError } from '../../kernel/errors.ts'
import { badLogin } from './fault.ts'

const LIMIT = 1_000

const word = z.string().max(LIMIT, `must have at most ${LIMIT} characters`)

export const loginSchema = z
  .strictObject({
    username: word.optional().describe('Your handle.'),
    email: word.optional().describe('Your address, in its place.'),
    password: word.describe('A token.'),
  })
  .refine(({ username, email }) => (username === undefined) !== (email === undefined), 'must have username or email')
  .openapi('Login')

export type Login = z.infer<typeof loginSchema>

/** @throws KragleError, the same whatever is wrong */
export async function signIn(
  identity: Pick<IdentityService, 'authenticate'>,
  { username, email, password }: Login,
): Promise<SignedIn> {
  const viewer = await identity.authenticate(password).catch((error) => {
    throw error instanceof ForbiddenError ? badLogin() : error
  })
  const isTheirs =
    username === undefined
      ? viewer?.email !== null && viewer?.email.toLowerCase() === email?.toLowerCase()
      : viewer?.handle === username
  if (!viewer || !isTheirs) throw badLogin()
  return viewer
}
