/** Answers as HTTP has them (RFC 9110). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bearerToken } from '../identity/bearer.ts'

export type Headers = Record<string, string>

export const NOSNIFF = { 'x-content-type-options': 'nosniff' }

/** Text without a charset is sent as UTF-8, which browsers would otherwise guess. */
export function contentTypeOf(mime: string): string {
  const isText = /^(text\/|application\/(javascript|json|[^;]*\+json))/i.test(mime)
  return isText && !/;\s*charset=/i.test(mime) ? `${mime}; charset=utf-8` : mime
}

export const isHtml = (mime: string): boolean => /^(text\/html|application\/xhtml\+xml)\b/i.test(mime)

/** Whether `If-None-Match` names this strong tag: `*`, or a list in which `W/` makes no difference. */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag)
}

/** The token of `Authorization: Bearer …`; undefined without one: another scheme is a proxy's, and none of ours. */
export const bearerOf = ({ headers }: IncomingMessage): string | undefined =>
  bearerToken(headers.authorization) || undefined

/** A line of text that nobody keeps. */
export function answerText(response: ServerResponse, status: number, text: string, headers: Headers = {}): void {
  const body = `${text}\n`
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...NOSNIFF,
    ...headers,
  })
  response.end(body)
}

export function redirect(response: ServerResponse, location: string, headers: Headers = {}): void {
  response.writeHead(308, { location, 'content-length': 0, ...headers }).end()
}
