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
  /** The version's page for small screens, instead of the entrypoint. */
  mobile: boolean
  /** A pass in the address, for the parts of a PRIVATE page that come without a cookie; null: none is in it. */
  pass: string | null
}

/** The path of the site's root. */
export const rootOf = (asked: SiteFile): string => (asked.shared ? `/a/${nameOf(asked)}/` : '/')

/** What we have below each site, whatever files it has: `.runsheet/sign-in`. */
const OWN_PAGES = ['sign-in', 'sign-out', 'data-token', 'icon', 'app.js'] as const
const OWN_FOLDER = '.runsheet/'

export type OwnPage = (typeof OWN_PAGES)[number]

/** Null: what is asked for is the site's. */
export const ownPageOf = ({ path, pass }: SiteFile): OwnPage | null =>
  (pass === null && path.startsWith(OWN_FOLDER) && OWN_PAGES.find((page) => path === OWN_FOLDER + page)) || null

/** The path below which everything is the site's by way of a pass. */
export const passRoot = (edition: Edition, pass: string): string => `/a/${nameOf(edition)}/${PASS_FOLDER}/${pass}/`

export type Asked =
  | SiteFile
  /** The viewer page without its slash. */
  | { kind: 'slashless'; location: string }
  | { kind: 'nothing' }
  /** A target that is no path, or no valid one. */
  | { kind: 'malformed' }

const PASS_FOLDER = '_s'

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
  const file = { kind: 'file', pathname, search, pass: null } as const
  if (site !== null) {
    const edition = editionOf(site)
    const path = decoded.slice(1)
    return edition ? { ...file, ...edition, path, mobile: isMobile(path, search), shared: false } : NOTHING
  }
  const [, name = '', path] = /^\/a\/([^/]+)(?:\/(.*))?$/s.exec(decoded) ?? []
  const edition = editionOf(name)
  if (!edition) return NOTHING
  if (path === undefined) return { kind: 'slashless', location: `/a/${name}/${search}` }
  const shared = { ...file, ...edition, path, mobile: isMobile(path, search), shared: true }
  const [, pass, below = ''] = PASSED.exec(path) ?? []
  if (pass !== undefined) return { ...shared, pass, path: below, mobile: isMobile(below, search) }
  return path === '' && !shared.mobile && !new URLSearchParams(search).has('_raw')
    ? { ...shared, kind: 'viewer' }
    : shared
}

const PASSED = new RegExp(`^${PASS_FOLDER}/([^/]+)/(.*)$`, 's')

const isMobile = (path: string, search: string): boolean =>
  path === '' && search !== '' && new URLSearchParams(search).get('v') === 'mobile'

/** `demo`, or `demo--v3`; null for what can be neither. */
export function editionOf(name: string): Edition | null {
  const [, slug = name, digits] = /^(.+)--v([1-9]\d{0,8})$/.exec(name) ?? []
  return isSlug(slug) ? { slug, versionNo: digits === undefined ? null : Number(digits) } : null
}

/** The name of an edition in addresses. */
export const nameOf = ({ slug, versionNo }: Edition): string => (versionNo === null ? slug : `${slug}--v${versionNo}`)
