/** Whether a request comes from a page of the same origin, told from what no script can change. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

/** Browsers say so, also with whatever is sent by a form. `hosts`: others that proxies in front of us may be called by. */
export function isSameOrigin(headers: IncomingHttpHeaders, ...hosts: string[]): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin } = headers
  if (origin === undefined || !URL.canParse(origin)) return false
  return [headers.host ?? '', ...hosts].includes(new URL(origin).host)
}

/** What a page of the same origin or nobody's page asks for: its user typed the address, or it is no browser. */
export const isNotForeign = (headers: IncomingHttpHeaders): boolean =>
  ['same-origin', 'none', undefined].includes(headers['sec-fetch-site'] as string | undefined)

/** Whether a page of another origin asks, as far as its browser says so; what is no browser says nothing. `hosts`: as above. */
export function isForeign(headers: IncomingHttpHeaders, ...hosts: string[]): boolean {
  const { origin } = headers
  if (!isNotForeign(headers)) return true
  return (
    origin !== undefined && !(URL.canParse(origin) && [headers.host ?? '', ...hosts].includes(new URL(origin).host))
  )
}
