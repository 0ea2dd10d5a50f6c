/**
 * Serves artifacts. On the API's own origin (`/a/{slug}/…`) a site's files come in a sandbox, without the origin's
 * rights, so that they can read and do nothing there; on `{slug}.` + the sites' domain a site has an origin of its own.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ArtifactService } from '../artifacts/service.ts'
import type { Site } from '../artifacts/sites.ts'
import type { IdentityService } from '../identity/service.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { siteNames } from './addresses.ts'
import { askedOf, nameOf, type SiteFile } from './asked.ts'
import { createFileAnswer } from './file.ts'
import { createFind, type Found } from './find.ts'
import { isFingerprinted } from './fingerprint.ts'
import type { Forms } from './forms.ts'
import type { SiteMemory } from './memory.ts'
import { isNavigation, isPrefetch, mayBeRoute } from './navigation.ts'
import { createReady } from './ready.ts'
import { SANDBOX, VIEWER_POLICY, viewerPage } from './render.ts'
import { answerText, bearerOf, type Headers, isHtml, NOSNIFF, redirect } from './responses.ts'
import type { Visits } from './visits.ts'

export type HostingOptions = {
  artifacts: Pick<ArtifactService, 'openSite' | 'siteFor'>
  identity: Pick<IdentityService, 'authenticate'>
  memory: SiteMemory
  forms: Forms
  visits: Pick<Visits, 'saw'>
  /** `example.org`, `localhost:4000`: sites are at `{slug}.` + this. */
  sitesDomain: string
  publicUrl: string
}

/** Sandboxed pages have an opaque origin: even their own scripts and fonts are cross-origin to them. */
const SHARED_ORIGIN = { 'content-security-policy': `sandbox ${SANDBOX}`, 'access-control-allow-origin': '*' }
/** Only the live version is for search engines. */
const NO_INDEX = { 'x-robots-tag': 'noindex' }

const FRESH = 'max-age=0, must-revalidate'
const FOR_EVER = 'max-age=31536000, immutable'
const OWN_EYES = 'private, no-cache'

export function createHosting(options: HostingOptions) {
  const { artifacts, identity, memory, forms, visits, sitesDomain, publicUrl } = options
  const find = createFind({ artifacts, memory })
  const answerFile = createFileAnswer(forms)
  const ready = createReady({ memory, forms })
  const siteOf = siteNames(publicUrl, sitesDomain)

  const lookUp = (request: IncomingMessage, asked: SiteFile) =>
    find(asked, () => identity.authenticate(bearerOf(request)))

  async function serveFile(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    const headers = headersOf(asked)
    const found = await lookUp(request, asked)
    if (!found) return answerText(response, 404, 'Not found', headers)
    const { site } = found
    const kept: Headers = { ...headers, 'cache-control': cacheControl(site, asked) }
    if (site.found === 'FOLDER_PAGE') return redirect(response, `${asked.pathname}/${asked.search}`, kept)
    const isThere = site.found === 'FILE' || (site.found === 'ENTRYPOINT' && mayBeRoute(request.headers, asked.path))
    if (!site.file || !(isThere || site.found === 'MISSING_PAGE')) {
      return answerText(response, 404, 'Not found', headers)
    }
    const status = isThere ? 200 : 404
    const what = { ownerId: site.ownerId, file: site.file, status, headers: kept } as const
    const sent = await answerFile(request, response, what)
    if (sent && found.known && site.found === 'FILE') ready.keep(request, asked, found.known, sent)
    if (isThere) countPage(request, response, asked, found)
  }

  async function serveViewer(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    const found = await lookUp(request, asked)
    if (!found) return answerText(response, 404, 'Not found')
    const body = viewerPage({ name: found.site.name, edition: nameOf(asked) })
    response.writeHead(200, {
      'content-security-policy': VIEWER_POLICY,
      'cache-control': found.site.visibility === 'PRIVATE' ? OWN_EYES : FRESH,
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
    answerReady(request: IncomingMessage, response: ServerResponse): boolean {
      const asked = askedOf(siteOf(request.headers.host ?? ''), request.url ?? '')
      const known = asked.kind === 'file' ? ready.send(request, response, asked) : null
      if (!known || asked.kind !== 'file') return false
      countPage(request, response, asked, { site: known.site, viewer: null })
      return true
    },

    /** Answers whatever is on a site's host or below `/a/`. Rejects only for faults of ours. */
    async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return answerText(response, 405, 'Only GET and HEAD are allowed', { allow: 'GET, HEAD' })
      }
      const asked = askedOf(siteOf(request.headers.host ?? ''), request.url ?? '')
      if (asked.kind === 'malformed') return answerText(response, 400, MALFORMED)
      if (asked.kind === 'nothing') return answerText(response, 404, 'Not found')
      if (asked.kind === 'slashless') return redirect(response, asked.location, { 'cache-control': FRESH })
      try {
        await (asked.kind === 'viewer' ? serveViewer : serveFile)(request, response, asked)
      } catch (error) {
        if (!(error instanceof ForbiddenError)) throw error
        refuse(response, error, asked.kind === 'file' ? headersOf(asked) : {})
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

/** A PRIVATE site is 401 to the anonymous and 403 to others. */
function refuse(response: ServerResponse, error: ForbiddenError, headers: Headers): void {
  if (error.code !== 'UNAUTHENTICATED') answerText(response, 403, error.message, headers)
  else answerText(response, 401, error.message, { ...headers, 'www-authenticate': 'Bearer' })
}
