/** Where artifacts are found on the web. Pure. */

/** The viewer page. `publicUrl` may end in a slash or not. */
export const artifactUrl = (publicUrl: string, slug: string): string => `${publicUrl.replace(/\/+$/, '')}/a/${slug}/`

/** The site at the root of an origin of its own; over TLS when the API is. */
export const siteUrl = (publicUrl: string, sitesDomain: string, slug: string): string =>
  `${new URL(publicUrl).protocol}//${slug}.${sitesDomain}/`

/**
 * The slug in a Host header below the sites' domain, or null for any other host. Whatever stands there belongs to
 * sites, even what cannot be a slug, so that no site's origin ever answers as the API; only the API's own host is
 * excepted. Ports do not count: a proxy may listen on another.
 */
export function siteOf(host: string, publicUrl: string, sitesDomain: string): string | null {
  const name = hostname(host)
  const suffix = `.${hostname(sitesDomain)}`
  if (!name.endsWith(suffix) || name === hostname(new URL(publicUrl).host)) return null
  return name.slice(0, -suffix.length)
}

const hostname = (host: string) => host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
