/**
 * Serves artifacts. On the API's own origin (`/a/{slug}/…`) a site's files come in a sandbox, without the origin's
 * rights, so that they can read and do nothing there; on `{slug}.` + the sites' domain a site has an origin of its own.
 */
import type { Site } from '../artifacts/queries.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import { isSlug } from '../artifacts/spec.ts'
import type { IdentityService } from '../identity/service.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { siteOf } from './addresses.ts'
import { decodePath, type Lookup, lookupOf } from './paths.ts'
import { SANDBOX, VIEWER_POLICY, viewerPage } from './render.ts'
import { bearerOf, contentTypeOf, matches, NOSNIFF, plain } from './responses.ts'
import type { Storage } from './storage.ts'

export type HostingOptions = {
  artifacts: Pick<ArtifactService, 'resolveSite'>
  identity: Pick<IdentityService, 'authenticate'>
  storage: Storage
  /** `example.org`, `localhost:4000`: sites are at `{slug}.` + this. */
  sitesDomain: string
  publicUrl: string
}

/** Sandboxed pages have an opaque origin: even their own scripts and fonts are cross-origin to them. */
const SHARED_ORIGIN = { 'content-security-policy': `sandbox ${SANDBOX}`, 'access-control-allow-origin': '*' }

export function createHosting({ artifacts, identity, storage, sitesDomain, publicUrl }: HostingOptions) {
  /** Null: no such slug. ForbiddenError: a PRIVATE one that is not for whoever asks. */
  const find = (request: Request, slug: string, lookup: Lookup): Promise<Site | null> =>
    artifacts.resolveSite({ slug, ...lookup }, () => identity.authenticate(bearerOf(request.headers)))

  async function serveFile(request: Request, slug: string, path: string, originHeaders: Record<string, string>) {
    const lookup = lookupOf(path)
    const site = lookup && (await find(request, slug, lookup))
    if (!site?.file) return plain(404, 'Not found', originHeaders)
    const { mime, digest, sizeBytes } = site.file
    const headers = new Headers({ ...originHeaders, ...NOSNIFF, 'cache-control': cacheControl(site) })
    if (site.found) {
      headers.set('etag', `"${digest}"`)
      const isCurrent = matches(request.headers.get('if-none-match'), `"${digest}"`)
      if (isCurrent) return new Response(null, { status: 304, headers })
    }
    headers.set('content-type', contentTypeOf(mime))
    headers.set('content-length', String(sizeBytes))
    const content = request.method === 'HEAD' ? null : await contentOf(site.ownerId, digest)
    return new Response(content, { status: site.found ? 200 : 404, headers })
  }

  async function contentOf(ownerId: string, digest: string) {
    const content = await storage.read(ownerId, digest)
    if (!content) throw new Error(`the content ${digest} of ${ownerId} is missing`)
    return content
  }

  async function serveViewer(request: Request, slug: string) {
    const site = await find(request, slug, { path: null, fallbacks: [] })
    if (!site) return plain(404, 'Not found')
    const headers = { 'content-security-policy': VIEWER_POLICY, 'cache-control': cacheControl(site), ...NOSNIFF }
    return new Response(viewerPage(site), { headers: { ...headers, 'content-type': 'text/html; charset=utf-8' } })
  }

  async function route(request: Request, { host, search, searchParams }: URL, path: string): Promise<Response> {
    const ownOrigin = siteOf(host, publicUrl, sitesDomain)
    if (ownOrigin !== null) return refusing({}, () => serveFile(request, ownOrigin, path.slice(1), {}))
    const [, slug = '', rest] = /^\/a\/([^/]+)(?:\/(.*))?$/s.exec(path) ?? []
    if (!isSlug(slug)) return plain(404, 'Not found')
    if (rest === undefined) return new Response(null, { status: 308, headers: { location: `/a/${slug}/${search}` } })
    if (rest === '' && !searchParams.has('_raw')) return refusing({}, () => serveViewer(request, slug))
    return refusing(SHARED_ORIGIN, () => serveFile(request, slug, rest, SHARED_ORIGIN))
  }

  return {
    /** The slug whose site a Host header belongs to, or null: then the request is the API's. */
    siteOf: (host: string): string | null => siteOf(host, publicUrl, sitesDomain),

    /** Answers whatever is on a site's host or below `/a/`. Rejects only for faults of ours. */
    async fetch(request: Request): Promise<Response> {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return plain(405, 'Only GET and HEAD are allowed', { allow: 'GET, HEAD' })
      }
      const url = new URL(request.url)
      const path = decodePath(url.pathname)
      if (path === null) return plain(400, 'The address is not valid: a % must be followed by the code of a character')
      const response = await route(request, url, path)
      return request.method === 'HEAD' ? new Response(null, response) : response
    },
  }
}

const cacheControl = ({ visibility }: Site) =>
  visibility === 'PRIVATE' ? 'private, no-cache' : 'max-age=0, must-revalidate'

/** A PRIVATE site is 401 to the anonymous and 403 to others. */
async function refusing(headers: Record<string, string>, serve: () => Promise<Response>): Promise<Response> {
  try {
    return await serve()
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error
    if (error.code !== 'UNAUTHENTICATED') return plain(403, error.message, headers)
    return plain(401, error.message, { ...headers, 'www-authenticate': 'Bearer' })
  }
}
