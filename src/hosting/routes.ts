/**
 * Serves artifacts. On the API's own origin (`/a/{slug}/…`) a site's files come in a sandbox, without the origin's
 * rights, so that they can read and do nothing there; on `{slug}.` + the sites' domain a site has an origin of its own.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { ArtifactService } from '../artifacts/service.ts'
import type { Site, StoredFile } from '../artifacts/sites.ts'
import type { IdentityService } from '../identity/service.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { createRate } from '../kernel/rate.ts'
import { siteNames } from './addresses.ts'
import type { AgentRoute } from './agent-route.ts'
import { createAppFiles } from './app-files.ts'
import { appLinks } from './app-links.ts'
import type { AppPages } from './app-pages.ts'
import { type Asked, askedOf, nameOf, ownPageOf, passRoot, rootOf, type SiteFile } from './asked.ts'
import type { ClientOf } from './client.ts'
import type { Credentials } from './credentials.ts'
import { createFileAnswer } from './file.ts'
import { createFind, type Found } from './find.ts'
import { isFingerprinted } from './fingerprint.ts'
import type { Forms } from './forms.ts'
import type { SiteMemory } from './memory.ts'
import { isNavigation, isPrefetch, mayBeRoute } from './navigation.ts'
import type { Passes } from './passes.ts'
import { createReady } from './ready.ts'
import { SANDBOX, viewerPage, viewerPolicy } from './render.ts'
import { answerText, bearerOf, type Headers, isHtml, NOSNIFF, redirect } from './responses.ts'
import { createSignIn, SIGN_IN_RATE } from './sign-in.ts'
import type { Visits } from './visits.ts'

export type HostingOptions = {
  artifacts: Pick<ArtifactService, 'openSite' | 'siteFor' | 'siteApp'>
  identity: Pick<IdentityService, 'authenticate'>
  credentials: Credentials
  passes: Passes
  pages: Pick<AppPages, 'page'>
  agent: AgentRoute
  memory: SiteMemory
  forms: Forms
  visits: Pick<Visits, 'saw'>
  clientOf: ClientOf
  /** `example.org`, `localhost:4000`: sites are at `{slug}.` + this. */
  sitesDomain: string
  publicUrl: string
}

/** Addresses whose meaning is remembered, and how long one may be. */
const ADDRESSES = 5_000
const ADDRESS_LIMIT = 500

/** Sandboxed pages have an opaque origin: even their own scripts and fonts are cross-origin to them. */
const SHARED_ORIGIN = { 'content-security-policy': `sandbox ${SANDBOX}`, 'access-control-allow-origin': '*' }
/** Only the live version is for search engines. */
const NO_INDEX = { 'x-robots-tag': 'noindex' }

const FRESH = 'max-age=0, must-revalidate'
const FOR_EVER = 'max-age=31536000, immutable'
const OWN_EYES = 'private, no-cache'
/** Sites below the same domain can send each other's cookies along; what comes back they may not have. */
const OWN_PAGES_ONLY = { 'cross-origin-resource-policy': 'same-origin' }
/** The pass in the address is nobody else's. */
const NO_REFERRER = { 'referrer-policy': 'no-referrer' }

export function createHosting(options: HostingOptions) {
  const {
    artifacts,
    identity,
    credentials,
    passes,
    pages,
    agent,
    memory,
    forms,
    visits,
    clientOf,
    sitesDomain,
    publicUrl,
  } = options
  const find = createFind({ artifacts, memory })
  const answerFile = createFileAnswer(forms)
  const ready = createReady({ memory, forms })
  const siteOf = siteNames(publicUrl, sitesDomain)
  const askedBefore = new LRUCache<string, Asked>({ max: ADDRESSES })
  const rate = createRate({ ...SIGN_IN_RATE, now: Date.now })
  const signIn = createSignIn({ identity, credentials, passes, rate, clientOf, find, publicUrl })
  const appFiles = createAppFiles({ artifacts, credentials })

  function askedBy({ headers: { host = '' }, url = '' }: IncomingMessage): Asked {
    const address = `${host} ${url}`
    const before = askedBefore.get(address)
    if (before) return before
    const asked = askedOf(siteOf(host), url)
    if (address.length <= ADDRESS_LIMIT) askedBefore.set(address, asked)
    return asked
  }

  const lookUp = (request: IncomingMessage, asked: SiteFile) =>
    find(asked, (artifactId) => credentials.visitor(request, asked, artifactId))

  async function serveFile(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    const headers = headersOf(asked)
    const appFile = appFileOf(asked)
    if (appFile && asked.shared && (await appFiles.answer(request, response, asked, appFile))) return
    const found = await lookUp(request, asked)
    if (!found) return answerText(response, 404, 'Not found', headers)
    const { site } = found
    if (appFile && site.found !== 'FILE' && (await appFiles.answer(request, response, asked, appFile))) return
    const kept: Headers = { ...headers, ...privacyOf(site, asked), 'cache-control': cacheControl(site, asked) }
    if (site.found === 'FOLDER_PAGE') return redirect(response, `${asked.pathname}/${asked.search}`, kept)
    const isThere = site.found === 'FILE' || (site.found === 'ENTRYPOINT' && mayBeRoute(request.headers, asked.path))
    if (!site.file || !(isThere || site.found === 'MISSING_PAGE')) {
      return answerText(response, 404, 'Not found', headers)
    }
    if (found.viewer && needsPass(request, asked, site.file)) {
      const { value } = passes.issue('frame', { tokenId: found.viewer.tokenId, artifactId: site.artifactId })
      const location = passRoot(asked, value) + asked.path.split('/').map(encodeURIComponent).join('/') + asked.search
      response.writeHead(303, { location, 'cache-control': 'no-store', 'content-length': 0, ...NO_REFERRER }).end()
      return
    }
    const status = isThere ? 200 : 404
    const links = site.isApp && appLinks({ root: rootOf(asked), shared: asked.shared })
    const file = links ? await pages.page(site.ownerId, site.file, links) : site.file
    const what = { ownerId: site.ownerId, file, status, headers: kept } as const
    const sent = await answerFile(request, response, what)
    if (sent && found.known && site.found === 'FILE') ready.keep(request, asked, found.known, sent)
    if (isThere) countPage(request, response, asked, found)
  }

  async function serveViewer(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    const found = await lookUp(request, asked)
    if (!found) return answerText(response, 404, 'Not found')
    const { name, artifactId, visibility, isApp } = found.site
    const pass = found.viewer && passes.issue('frame', { tokenId: found.viewer.tokenId, artifactId }).value
    const frame = `${pass ? passRoot(asked, pass) : rootOf(asked)}?_raw`
    const isPrivate = visibility === 'PRIVATE'
    const body = viewerPage({ name, edition: nameOf(asked), frame, isPrivate, isApp })
    response.writeHead(200, {
      'content-security-policy': viewerPolicy(request.headers.host ?? '', rootOf(asked)),
      'referrer-policy': 'same-origin',
      'cache-control': isPrivate ? 'private, no-store' : FRESH,
      'content-type': 'text/html; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...NOSNIFF,
      ...(asked.versionNo !== null && NO_INDEX),
    })
    response.end(body)
    count(request, response, asked, found)
  }

  function countPage(request: IncomingMessage, response: ServerResponse, asked: SiteFile, viewed: Viewed) {
    const { file } = viewed.site
    if (file && isHtml(file.mime) && isNavigation(request.headers)) count(request, response, asked, viewed)
  }

  function count(request: IncomingMessage, response: ServerResponse, asked: SiteFile, { site, viewer }: Viewed) {
    const { statusCode } = response
    if (request.method !== 'GET' || (statusCode !== 200 && statusCode !== 304) || isPrefetch(request.headers)) return
    const { artifactId, ownerId } = site
    const visitor = viewer ?? {
      ip: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'] ?? '',
    }
    visits.saw({ artifactId, ownerId, path: `/${asked.path}`, visitor })
  }

  return {
    /** The name of the site that a Host header belongs to, or null: then the request is the API's. */
    siteOf,

    /** Answers at once, if it can; false: nothing was done. */
    answerReady(request: IncomingMessage, response: ServerResponse, requestId: string): boolean {
      const asked = askedBy(request)
      const known = asked.kind === 'file' ? ready.send(request, response, asked, requestId) : null
      if (!known || asked.kind !== 'file') return false
      countPage(request, response, asked, { site: known.site, viewer: null })
      return true
    },

    /** Answers whatever is on a site's host or below `/a/`. Rejects only for faults of ours. */
    async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const asked = askedBy(request)
      const ownPage = asked.kind === 'file' ? ownPageOf(asked) : null
      const isForm = ownPage === 'sign-in' || ownPage === 'sign-out'
      if (asked.kind === 'file' && isForAgent(request, asked)) return agent.answer(request, response, asked)
      if (request.method !== 'GET' && request.method !== 'HEAD' && !(isForm && request.method === 'POST')) {
        const allow = isForm ? 'GET, HEAD, POST' : 'GET, HEAD'
        return answerText(response, 405, `Only ${allow} are allowed`, { allow })
      }
      if (asked.kind === 'malformed') return answerText(response, 400, MALFORMED)
      if (asked.kind === 'nothing') return answerText(response, 404, 'Not found')
      if (asked.kind === 'slashless') return redirect(response, asked.location, { 'cache-control': FRESH })
      try {
        if (ownPage === 'icon' || ownPage === 'app.js') {
          if (!(await appFiles.answer(request, response, asked, ownPage))) answerText(response, 404, 'Not found')
        } else if (ownPage) await signIn.answer(request, response, asked, ownPage)
        else await (asked.kind === 'viewer' ? serveViewer : serveFile)(request, response, asked)
      } catch (error) {
        if (!(error instanceof ForbiddenError)) throw error
        const status = error.code === 'UNAUTHENTICATED' ? 401 : 403
        if (ownPage === null && mayAsk(request, asked)) return signIn.ask(request, response, asked, status)
        const headers = { ...(asked.kind === 'file' && headersOf(asked)), ...(asked.pass !== null && NO_REFERRER) }
        answerText(response, status, error.message, { ...headers, ...(status === 401 && CHALLENGE) })
      }
    },
  }
}

type Viewed = Pick<Found, 'site' | 'viewer'>

const MALFORMED = 'The address is not valid: it must be a path, and a % must be followed by the code of a character'

const headersOf = ({ shared, versionNo }: SiteFile): Headers => ({
  ...(shared && SHARED_ORIGIN),
  ...(versionNo !== null && NO_INDEX),
})

function cacheControl({ visibility, found, file }: Site, { path, versionNo }: SiteFile): string {
  if (visibility === 'PRIVATE') return OWN_EYES
  if (found !== 'FILE' || !file) return FRESH
  return versionNo !== null || (isFingerprinted(path) && !isHtml(file.mime)) ? FOR_EVER : FRESH
}

/** Of what not everybody may see. */
const privacyOf = ({ visibility }: Site, { shared, pass }: SiteFile): Headers => ({
  ...(visibility === 'PRIVATE' && !shared && OWN_PAGES_ONLY),
  ...(pass !== null && NO_REFERRER),
})

/** Whether it is a PRIVATE page for somebody with a cookie, whose parts could not bring it along. */
const needsPass = (request: IncomingMessage, { shared, pass }: SiteFile, { mime }: StoredFile): boolean =>
  shared && pass === null && bearerOf(request) === undefined && isHtml(mime) && isNavigation(request.headers)

/** A PRIVATE site is 401 to the anonymous and 403 to others; people are asked for a token, programs are told. */
const CHALLENGE = { 'www-authenticate': 'Bearer' }

const mayAsk = (request: IncomingMessage, { pass }: SiteFile): boolean =>
  request.method === 'GET' && pass === null && bearerOf(request) === undefined && isNavigation(request.headers)

/** What is generated for an app that has no such file itself. */
const appFileOf = ({ path, pass }: SiteFile): 'manifest.json' | 'sw.js' | null =>
  pass === null && (path === 'manifest.json' || path === 'sw.js') ? path : null

const isForAgent = ({ method }: IncomingMessage, { path }: SiteFile): boolean =>
  path === 'agent' && (method === 'POST' || method === 'OPTIONS')
