/** The generated files of an app: its manifest, its service worker, its icon, and the script that registers the worker. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { iconOf } from '../artifacts/app-icon.ts'
import type { SiteApp } from '../artifacts/apps.ts'
import type { ArtifactService } from '../artifacts/service.ts'
import { APP_SCRIPT } from './app-links.ts'
import { rootOf, type SiteFile } from './asked.ts'
import type { Credentials } from './credentials.ts'
import { manifestOf } from './manifest.ts'
import { type Headers, matches, NOSNIFF } from './responses.ts'
import { serviceWorkerOf } from './service-worker.ts'

export type AppFile = 'manifest.json' | 'sw.js' | 'icon' | 'app.js'

type Content = { type: string; body: string | Buffer } | { location: string }

const SCRIPT = 'text/javascript; charset=utf-8'
/** An icon may be an SVG, which could have a script. */
const HARMLESS = { 'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; sandbox` }

export function createAppFiles({
  artifacts,
  credentials,
}: {
  artifacts: Pick<ArtifactService, 'siteApp'>
  credentials: Pick<Credentials, 'visitor'>
}) {
  return {
    /** False: the version is no app, or has no such file; nothing was answered. ForbiddenError as for the site. */
    async answer(request: IncomingMessage, response: ServerResponse, asked: SiteFile, file: AppFile): Promise<boolean> {
      const app = await artifacts.siteApp(asked, (artifactId) => credentials.visitor(request, asked, artifactId))
      const content = app && contentOf(app, rootOf(asked), file)
      if (!content) return false
      const headers: Headers = {
        ...NOSNIFF,
        'cache-control': app.visibility === 'PRIVATE' ? 'private, no-cache' : 'max-age=0, must-revalidate',
      }
      if ('location' in content) {
        response.writeHead(302, { ...headers, location: content.location, 'content-length': 0 }).end()
        return true
      }
      const etag = `"${createHash('sha256').update(content.body).digest('hex')}"`
      const tagged = { ...headers, ...(file === 'icon' && HARMLESS), etag }
      if (matches(request.headers['if-none-match'], etag)) response.writeHead(304, tagged).end()
      else {
        response.writeHead(200, {
          ...tagged,
          'content-type': content.type,
          'content-length': Buffer.byteLength(content.body),
        })
        response.end(request.method === 'HEAD' ? undefined : content.body)
      }
      return true
    },
  }
}

function contentOf(app: SiteApp, root: string, file: AppFile): Content | null {
  if (file === 'manifest.json') {
    return { type: 'application/manifest+json; charset=utf-8', body: manifestOf(app.pwa, root) }
  }
  if (file === 'sw.js') return { type: SCRIPT, body: serviceWorkerOf(app, root) }
  if (file === 'app.js') return { type: SCRIPT, body: APP_SCRIPT }
  const icon = iconOf(app.pwa)
  if (!icon || app.pwa.icon === null) return null
  return icon.content ? { type: icon.type ?? '', body: icon.content } : { location: app.pwa.icon }
}
