/** Whether sites and the API are one site to browsers: then a site's pages could set cookies for the API's host. Pure. */
import { parse } from 'tldts'

/** `example.org` of `api.example.org`; null for what has none: addresses, and this machine's own names. */
function registrable(host: string): string | null {
  const { hostname, domain, isIp } = parse(host, { allowPrivateDomains: true })
  if (isIp || !hostname || /(^|\.)localhost$/.test(hostname)) return null
  return domain
}

/** The domain that both are of; null: none. `publicUrl`: of the API; `sitesDomain`: `sites.example`, with a port or not. */
export function sharedDomain(publicUrl: string, sitesDomain: string): string | null {
  const domain = registrable(new URL(publicUrl).hostname)
  return domain !== null && domain === registrable(sitesDomain) ? domain : null
}
