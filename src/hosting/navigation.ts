/** What a request is made for, told from its headers. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

/** Whether somebody goes to a page, rather than a page loads a part of itself. */
export function isNavigation(headers: IncomingHttpHeaders): boolean {
  const mode = headers['sec-fetch-mode']
  return mode === undefined ? acceptsHtml(headers) : mode === 'navigate'
}

/**
 * Whether a missing path may be one that the site's own script knows. Browsers say that they navigate; of others that
 * take HTML it is believed where the path has no extension: who asks for a missing picture is not sent a page.
 */
export const mayBeRoute = (headers: IncomingHttpHeaders, path: string): boolean =>
  isNavigation(headers) && (headers['sec-fetch-mode'] !== undefined || !/\.[^/.]+$/.test(path))

/** Whether a browser asks only in case its user comes. */
export const isPrefetch = (headers: IncomingHttpHeaders): boolean =>
  [headers['sec-purpose'], headers.purpose, headers['x-purpose'], headers['x-moz']].some(
    (value) => typeof value === 'string' && /\b(prefetch|prerender|preview)\b/i.test(value),
  )

const acceptsHtml = ({ accept }: IncomingHttpHeaders) => accept !== undefined && /\btext\/html\b/i.test(accept)
