/** Files as HTTP answers (RFC 9110). Pure. */

/** Text without a charset is sent as UTF-8, which browsers would otherwise guess. */
export function contentTypeOf(mime: string): string {
  const isText = /^(text\/|application\/(javascript|json|[^;]*\+json))/i.test(mime)
  return isText && !/;\s*charset=/i.test(mime) ? `${mime}; charset=utf-8` : mime
}

/** Whether `If-None-Match` names this strong tag: `*`, or a list in which `W/` makes no difference. */
export function matches(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch.trim() === '*') return true
  return [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag)
}

/** The token of `Authorization: Bearer …`; undefined without one. */
export const bearerOf = (headers: Headers): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]

export const plain = (status: number, text: string, headers: Record<string, string> = {}): Response =>
  new Response(`${text}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...NOSNIFF, ...headers },
  })

export const NOSNIFF = { 'x-content-type-options': 'nosniff' }
