/**
 * Who visits a site: by a token, a data token, a pass in the address, or the cookie of the site. Passes and cookies make
 * a visitor who may read this one artifact and its data, and nothing else, however much their token may do; the API takes
 * none of them.
 */
import type { IncomingMessage } from 'node:http'
import type { IdentityService } from '../identity/service.ts'
import type { Scope, SignedIn, Viewer } from '../identity/viewer.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import type { SiteFile } from './asked.ts'
import { isDataToken, type Passes, type PassKind } from './passes.ts'
import { bearerOf } from './responses.ts'

export const COOKIE = 'runsheet_site'

export type Credentials = ReturnType<typeof createCredentials>

/** What a visitor's pass is good for. */
const VISITOR_SCOPES: readonly Scope[] = ['artifacts:read', 'data:read']

export function createCredentials({
  identity,
  passes,
}: {
  identity: Pick<IdentityService, 'authenticate' | 'authenticateAgain'>
  passes: Passes
}) {
  async function byPass(kind: PassKind, value: string, artifactId: string): Promise<SignedIn | null> {
    const tokenId = passes.open(kind, value, artifactId)
    return tokenId === null ? null : visitorOf(await identity.authenticateAgain(tokenId), artifactId)
  }

  /**
   * The viewer of a data token: reads this artifact and its data, as whoever it was made for. ForbiddenError
   * UNAUTHENTICATED: it is not valid, is for another artifact, or has expired, or its token has ended.
   */
  async function openDataToken(token: string, artifactId: string): Promise<SignedIn> {
    const viewer = await byPass('data', token, artifactId)
    if (!viewer) throw new ForbiddenError('the data token is not valid here', 'UNAUTHENTICATED')
    return viewer
  }

  async function byCookie(request: IncomingMessage, artifactId: string): Promise<SignedIn | null> {
    for (const value of cookiesOf(request)) {
      if (passes.open('site', value, artifactId) !== null) return byPass('site', value, artifactId)
    }
    return null
  }

  return {
    openDataToken,

    /** Whose cookie it is; null: there is none for this artifact. UNAUTHENTICATED: its token has ended. */
    byCookie,

    /**
     * Null: nobody signed in. ForbiddenError UNAUTHENTICATED: what they show is not valid. `cookies` false: they do not
     * count, as another page may have sent them along.
     */
    async visitor(
      request: IncomingMessage,
      { pass }: Pick<SiteFile, 'pass'>,
      artifactId: string,
      { cookies = true } = {},
    ): Promise<Viewer> {
      const bearer = bearerOf(request)
      if (bearer !== undefined) {
        return isDataToken(bearer) ? openDataToken(bearer, artifactId) : identity.authenticate(bearer)
      }
      if (pass === null) return cookies ? byCookie(request, artifactId) : null
      const viewer = await byPass('frame', pass, artifactId)
      if (!viewer) throw new ForbiddenError('this address is no longer valid; open the page again', 'UNAUTHENTICATED')
      return viewer
    },
  }
}

/** Administrators are as good as editors here, and administrators nowhere. */
function visitorOf(viewer: SignedIn, artifactId: string): SignedIn {
  const role = viewer.isAdmin ? 'EDITOR' : viewer.roles.get(artifactId)
  return {
    ...viewer,
    isAdmin: false,
    scopes: new Set(VISITOR_SCOPES.filter((scope) => viewer.scopes.has(scope))),
    roles: new Map(role ? [[artifactId, role]] : []),
    teams: new Map(),
  }
}

/** All of the name: another site below the same domain may have put one of its own before ours. */
const cookiesOf = ({ headers }: IncomingMessage): string[] =>
  (headers.cookie ?? '').split(';').flatMap((pair) => {
    const [name, value] = pair.trim().split('=', 2)
    return name === COOKIE && value ? [value] : []
  })
