/** Which browsers may call the API from pages of other origins. Credentials are tokens, never cookies, so `*` is safe. */
import type { IncomingMessage, ServerResponse } from 'node:http'

const METHODS = 'GET, POST, PUT, PATCH, DELETE, OPTIONS'
const HEADERS =
  'Authorization, Content-Type, Idempotency-Key, X-Idempotency-Key, If-Match, If-None-Match, Last-Event-ID'
const EXPOSED =
  'ETag, X-Request-Id, X-Idempotent-Replayed, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Query-Cost, X-Query-Cost-Limit'
const PREFLIGHT_SECONDS = '7200'

/** Sets the headers; true when it was a preflight and is answered. */
export function answerCors(request: IncomingMessage, response: ServerResponse, origins: readonly string[]): boolean {
  const { origin } = request.headers
  const any = origins.includes('*')
  if (!any) response.setHeader('vary', 'Origin')
  if (origin === undefined) return false
  if (any || origins.includes(origin)) {
    response.setHeader('access-control-allow-origin', any ? '*' : origin)
    response.setHeader('access-control-expose-headers', EXPOSED)
  }
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false
  response.setHeader('access-control-allow-methods', METHODS)
  response.setHeader('access-control-allow-headers', HEADERS)
  response.setHeader('access-control-max-age', PREFLIGHT_SECONDS)
  response.writeHead(204).end()
  return true
}
