/** A handler of requests, and how long each takes. */
import type { RequestListener } from 'node:http'
import { GRAPHQL_PATH } from '../graphql/yoga.ts'
import { REPORTS_PATH } from '../runs/report-passes.ts'
import { statusOf } from './counted.ts'
import { isEventStream } from './event-streams.ts'
import { METRICS_PATH, type Metrics } from './metrics.ts'
import { UPLOADS_PATH } from './uploads.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const ROUTES = new Set([GRAPHQL_PATH, METRICS_PATH, '/health/live', '/health/ready', '/'])

/**
 * `isSite`: whether a Host header names a site, whose paths are its own. `prefixOf`: the prefix of the REST dialect that a
 * path belongs to, or null.
 */
export function measured(
  handle: RequestListener,
  metrics: Pick<Metrics, 'answered'>,
  isSite: (host: string) => boolean = () => false,
  prefixOf: (pathname: string) => string | null = () => null,
): RequestListener {
  const routeOf = (host: string, pathname: string): string => {
    if (isSite(host)) return 'site'
    if (ROUTES.has(pathname)) return pathname
    if (pathname === '/a' || pathname.startsWith('/a/')) return '/a'
    if (pathname.startsWith(UPLOADS_PATH)) return '/uploads'
    if (pathname.startsWith(REPORTS_PATH)) return '/reports'
    return prefixOf(pathname) ?? 'other'
  }
  return (request, response) => {
    const started = performance.now()
    const { method = '', url = '', headers } = request
    response.on('close', () => {
      if (isEventStream(response)) return
      const route = routeOf(headers.host ?? '', url.split('?')[0] ?? '')
      const labels = { method: METHODS.has(method) ? method : 'other', route, status: statusOf(response) }
      metrics.answered(labels, (performance.now() - started) / 1000)
    })
    handle(request, response)
  }
}
