/**
 * Signing in to a site with a token, and out. The cookie that stands for it is of this site alone: on the site's own host
 * it is the host's, on the API's it is sent below the site's path only, and scripts never see it. Forms of other pages
 * are refused, tries are counted, and a wrong token is answered in the same way whatever is wrong with it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BodyTooLargeError, discardBody, readBody } from '../http/body.ts'
import type { IdentityService } from '../identity/service.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { formatId } from '../kernel/ids.ts'
import type { Rate } from '../kernel/rate.ts'
import { rootOf, type SiteFile } from './asked.ts'
import type { ClientOf } from './client.ts'
import { COOKIE, type Credentials } from './credentials.ts'
import type { createFind } from './find.ts'
import { PASS_MS, type Passes } from './passes.ts'
import { answerText, type Headers, NOSNIFF } from './responses.ts'
import { isNotForeign, isSameOrigin } from './same-origin.ts'
import { SIGN_IN_POLICY, signInPage, signOutPage } from './sign-in-page.ts'

/** Bytes of the form. */
const FORM_LIMIT = 8 * 1024
/** Wrong tries of one address in a minute. */
export const SIGN_IN_RATE = { limit: 10, windowMs: 60_000 }

const WRONG = 'This token does not open the site.'

/** `Referrer-Policy`: with less than this, browsers would not say where the form comes from. */
const PAGE: Headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': SIGN_IN_POLICY,
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
  ...NOSNIFF,
}

export type SignInOptions = {
  identity: Pick<IdentityService, 'authenticate'>
  credentials: Pick<Credentials, 'byCookie'>
  passes: Passes
  rate: Rate
  clientOf: ClientOf
  find: ReturnType<typeof createFind>
  publicUrl: string
}

export function createSignIn({ identity, credentials, passes, rate, clientOf, find, publicUrl }: SignInOptions) {
  const { host: publicHost, protocol } = new URL(publicUrl)
  const attributes = (asked: SiteFile) =>
    `Path=${rootOf(asked)}; HttpOnly; SameSite=Lax${protocol === 'https:' ? '; Secure' : ''}`

  function answerPage(response: ServerResponse, status: number, body: string, headers: Headers = {}) {
    response.writeHead(status, { ...PAGE, 'content-length': Buffer.byteLength(body), ...headers }).end(body)
  }

  /** The UUID of the artifact, whoever may read it; null: there is none. */
  async function artifactIdOf(asked: SiteFile): Promise<string | null> {
    let id = null as string | null
    const found = await find({ ...asked, path: '', mobile: false }, async (artifactId) => {
      id = artifactId
      return null
    }).catch((error) => {
      if (error instanceof ForbiddenError) return null
      throw error
    })
    return found?.site.artifactId ?? id
  }

  /** Whom the token names, if they may read the site; null: it is not valid; FORBIDDEN: they may not. */
  async function readerOf(asked: SiteFile, token: string): Promise<Viewer> {
    const viewer = await identity.authenticate(token).catch(asNobody)
    if (viewer) await find({ ...asked, path: '', mobile: false }, async () => viewer)
    return viewer
  }

  async function signIn(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    const root = rootOf(asked)
    if (request.method !== 'POST') return answerPage(response, 200, signInPage({ root, to: root }))
    const client = clientOf(request)
    const waitMs = rate.take(client)
    if (waitMs > 0) return tooMany(request, response, waitMs)
    const form = await formOf(request)
    if (!form) return answerText(response, 413, 'The form is too large', { connection: 'close' })
    const to = safeReturn(form.get('to'), root)
    const artifactId = await artifactIdOf(asked)
    if (artifactId === null) return answerText(response, 404, 'Not found')
    let viewer: Viewer
    try {
      viewer = await readerOf(asked, (form.get('token') ?? '').trim())
    } catch (error) {
      if (!(error instanceof ForbiddenError)) throw error
      return answerPage(response, 403, signInPage({ root, to, problem: WRONG }))
    }
    if (!viewer) return answerPage(response, 401, signInPage({ root, to, problem: WRONG }))
    rate.giveBack(client)
    const { value } = passes.issue('site', { tokenId: viewer.tokenId, artifactId })
    const cookie = `${COOKIE}=${value}; Max-Age=${PASS_MS.site / 1000}; ${attributes(asked)}`
    response
      .writeHead(303, { location: to, 'set-cookie': cookie, 'cache-control': 'no-store', 'content-length': 0 })
      .end()
  }

  function signOut(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    const root = rootOf(asked)
    if (request.method !== 'POST') return answerPage(response, 200, signOutPage(root))
    response.writeHead(303, {
      location: `${root}.runsheet/sign-in`,
      'set-cookie': `${COOKIE}=; Max-Age=0; ${attributes(asked)}`,
      // An app may have kept the site's files for when it is offline; on the API's host nothing of a site is kept.
      ...(!asked.shared && { 'clear-site-data': '"cache", "storage"' }),
      'cache-control': 'no-store',
      'content-length': 0,
    })
    response.end()
  }

  /** For our own page around the frame, and for pages on the site's own host. */
  async function dataToken(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    if (!isNotForeign(request.headers)) return answerText(response, 403, 'Only pages of the site may ask for this')
    const artifactId = await artifactIdOf(asked)
    const viewer = artifactId && (await credentials.byCookie(request, artifactId).catch(asNobody))
    if (!artifactId || !viewer) return response.writeHead(204, { 'cache-control': 'no-store' }).end()
    const { value, expiresAt } = passes.issue('data', { tokenId: viewer.tokenId, artifactId })
    const body = JSON.stringify({
      type: 'runsheet:data-token',
      token: value,
      artifactId: formatId('Artifact', artifactId),
      expiresAt: expiresAt.toISOString(),
    })
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      ...NOSNIFF,
    })
    response.end(body)
  }

  return {
    /** To somebody who went to a page of a PRIVATE site and is not signed in, or not as anybody who may see it. */
    ask(request: IncomingMessage, response: ServerResponse, asked: SiteFile, status: 401 | 403): void {
      const root = rootOf(asked)
      const problem = status === 403 ? WRONG : undefined
      const body = signInPage({ root, to: safeReturn(request.url ?? '', root), problem })
      answerPage(response, status, body, status === 401 ? { 'www-authenticate': 'Bearer' } : {})
    },

    async answer(
      request: IncomingMessage,
      response: ServerResponse,
      asked: SiteFile,
      page: 'sign-in' | 'sign-out' | 'data-token',
    ): Promise<unknown> {
      if (request.method === 'POST' && !isSameOrigin(request.headers, publicHost)) {
        return answerText(response, 403, 'Only the form of this site may be sent here')
      }
      if (page === 'sign-in') return signIn(request, response, asked)
      return page === 'sign-out' ? signOut(request, response, asked) : dataToken(request, response, asked)
    },
  }
}

function asNobody(error: unknown): null {
  if (error instanceof ForbiddenError) return null
  throw error
}

function tooMany(request: IncomingMessage, response: ServerResponse, waitMs: number) {
  request.resume()
  const seconds = String(Math.ceil(waitMs / 1000))
  answerText(response, 429, 'Too many tries; wait a moment', { 'retry-after': seconds })
}

/** Null: it is too large. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams | null> {
  try {
    return new URLSearchParams((await readBody(request, FORM_LIMIT))?.toString() ?? '')
  } catch (error) {
    if (!(error instanceof BodyTooLargeError)) throw error
    await discardBody(request)
    return null
  }
}

/** A path of the site; anything else is its root. */
function safeReturn(to: string | null, root: string): string {
  const isOfSite = to?.startsWith(root) && !to.startsWith('//') && /^[\x21-\x7e]*$/.test(to) && !to.includes('\\')
  return isOfSite && !to?.startsWith(`${root}.runsheet/`) ? (to ?? root) : root
}
