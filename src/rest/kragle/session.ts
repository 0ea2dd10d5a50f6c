/** The cookie that `POST /authenticate` sets. It counts for nothing in a request that a page of another origin has made. */
import { isForeign } from '../../hosting/same-origin.ts'
import type { IdentityService } from '../../identity/service.ts'
import { SESSION_MS, type Sessions } from '../../identity/sessions.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { ForbiddenError } from '../../kernel/errors.ts'

export const COOKIE = 'auth_tkt'

type Headers = Record<string, string>

export type SessionDeps = {
  identity: Pick<IdentityService, 'authenticateAgain'>
  sessions: Sessions
  publicUrl: string
}

export const cookieFor = ({ sessions, publicUrl }: Pick<SessionDeps, 'sessions' | 'publicUrl'>, tokenId: string) =>
  [
    `${COOKIE}=${sessions.issue(tokenId)}`,
    `Max-Age=${SESSION_MS / 1000}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    ...(publicUrl.startsWith('https:') ? ['Secure'] : []),
  ].join('; ')

export const isFromElsewhere = (headers: Headers, publicUrl: string): boolean =>
  isForeign(headers, new URL(publicUrl).host)

/** Whose cookie it is; null: there is none that counts, or its token has ended. */
export async function viewerOfCookie(
  { identity, sessions, publicUrl }: SessionDeps,
  headers: Headers,
): Promise<Viewer> {
  if (isFromElsewhere(headers, publicUrl)) return null
  for (const value of cookiesIn(headers.cookie ?? '')) {
    const tokenId = sessions.open(value)
    if (tokenId !== null) return identity.authenticateAgain(tokenId).catch(asNobody)
  }
  return null
}

function asNobody(error: unknown): null {
  if (error instanceof ForbiddenError) return null
  throw error
}

/** All of the name: a site below the same domain may have put one of its own before ours. */
const cookiesIn = (header: string): string[] =>
  header.split(';').flatMap((pair) => {
    const [name, value] = pair.trim().split('=', 2)
    return name === COOKIE && value ? [value] : []
  })
