/** Who asks: by a bearer token, or by Basic with a handle and a token of whoever has it. */
import { bearerToken } from '../identity/bearer.ts'
import type { IdentityService } from '../identity/service.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError } from '../kernel/errors.ts'

/** What a client without credentials is told to send. */
export const CHALLENGE = 'Bearer, Basic realm="Runsheet"'
export const HOW_TO_SIGN_IN = 'Send a token: Authorization: Bearer <token>, or Basic with the token as password'

/** @throws ForbiddenError UNAUTHENTICATED for credentials that are not valid */
export async function viewerOf(identity: IdentityService, authorization: string | undefined): Promise<Viewer> {
  const [, encoded] = /^Basic +(\S+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return identity.authenticate(bearerToken(authorization))
  const [, handle, token] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  const viewer = await identity.authenticate(token ?? '')
  if (viewer?.handle !== handle) throw new ForbiddenError('the token is not one of this user', 'UNAUTHENTICATED')
  return viewer
}
