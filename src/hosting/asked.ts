/**
 * What a request asks for, told from its host and its target alone. The path is taken as it was sent: nobody resolves
 * `..` or decodes twice, so what would break out of a site names no file of it. Pure.
 */
import { isSlug } from '../artifacts/spec.ts'
import { decodePath } from './paths.ts'

/** An artifact, and the number of one of its versions; null: the live one. */
export type Edition = { slug: string; versionNo: number | null }

export type SiteFile = Edition & {
  kind: 'file' | 'viewer'
  /** Decoded, below the site's root; '' is the root. */
  path: string
  /** As it was sent, to go on with: `/docs`. */
  pathname: string
  /** From `?` on, or ''. */
  search: string
  /** Whether it is asked for on the API's own origin, where a site has no rights. */
  shared: boolean
}

export type Asked =
  | SiteFile
  /** The viewer page without its slash. */
  | { kind: 'slashless'; location: string }
  | { kind: 'nothing' }
  /** A target that is no path, or no valid one. */
  | { kind: 'malformed' }

const NOTHING = { kind: 'nothing' } as const
const MALFORMED = { kind: 'malformed' } as const

/** `site`: the name in the Host header, null on the API's own; `target`: as in the first line of the request. */
export function askedOf(site: string | null, target: string): Asked {
  if (!target.startsWith('/')) return MALFORMED
  const mark = target.indexOf('?')
  const pathname = mark < 0 ? target : target.slice(0, mark)
  const search = mark < 0 ? '' : target.slice(mark)
  const decoded = decodePath(pathname)
  if (decoded === null) return MALFORMED
  if (site !== null) {
    const edition = editionOf(site)
    return edition ? { kind: 'file', ...edition, path: decoded.slice(1), pathname, search, shared: false } : NOTHING
  }
  const [, name = '', path] = /^\/a\/([^/]+)(?:\/(.*))?$/s.exec(decoded) ?? []
  const edition = editionOf(name)
  if (!edition) return NOTHING
  if (path === undefined) return { kind: 'slashless', location: `/a/${name}/${search}` }
  const kind = path === '' && !new URLSearchParams(search).has('_raw') ? 'viewer' : 'file'
  return { kind, ...edition, path, pathname, search, shared: true }
}

/** `demo`, or `demo--v3`; null for what can be neither. */
export function editionOf(name: string): Edition | null {
  const [, slug = name, digits] = /^(.+)--v([1-9]\d{0,8})$/.exec(name) ?? []
  return isSlug(slug) ? { slug, versionNo: digits === undefined ? null : Number(digits) } : null
}

/** The name of an edition in addresses. */
export const nameOf = ({ slug, versionNo }: Edition): string => (versionNo === null ? slug : `${slug}--v${versionNo}`)
