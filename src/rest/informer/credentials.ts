/** Who asks: by a bearer token, or by Basic with a handle and a token of whoever has it. */
import { bearerToken } from '../../identity/bearer.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { unauthorized } from './boom.ts'

export async function viewerOf(identity: IdentityService, authorization: string | undefined): Promise<Viewer> {
  const [, encoded] = /^Basic +(\S+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return identity.authenticate(bearerToken(authorization))
  const [, handle, token] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  const viewer = await identity.authenticate(token ?? '')
  if (viewer?.handle !== handle) throw unauthorized('the token is not one of this user')
  return viewer
}
