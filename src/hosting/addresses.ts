/** Where artifacts are found on the web. */
import { LRUCache } from 'lru-cache'

/** Hosts whose names were told last, and how long one may be that is worth remembering. */
const HOSTS = 1_000
const HOST_LIMIT = 260

/** The viewer page. `publicUrl` may end in a slash or not. */
export const artifactUrl = (publicUrl: string, slug: string): string => `${publicUrl.replace(/\/+$/, '')}/a/${slug}/`

/** The site at the root of an origin of its own; over TLS when the API is. */
export const siteUrl = (publicUrl: string, sitesDomain: string, slug: string): string =>
  `${new URL(publicUrl).protocol}//${slug}.${sitesDomain}/`

/**
 * Tells the name in a Host header below the sites' domain, or null for any other host. Whatever stands there belongs to
 * sites, even what cannot be a slug, so that no site's origin ever answers as the API; only the API's own host is
 * excepted. Ports do not count: a proxy may listen on another.
 */
export function siteNames(publicUrl: string, sitesDomain: string): (host: string) => string | null {
  const suffix = `.${hostname(sitesDomain)}`
  const own = hostname(new URL(publicUrl).host)
  const told = new LRUCache<string, { site: string | null }>({ max: HOSTS })
  return (host) => {
    const before = told.get(host)
    if (before) return before.site
    const name = hostname(host)
    const site = name.endsWith(suffix) && name !== own ? name.slice(0, -suffix.length) : null
    if (host.length <= HOST_LIMIT) told.set(host, { site })
    return site
  }
}

const hostname = (host: string) => host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
