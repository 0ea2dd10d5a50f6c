/** Which file of which version an address of a site stands for, and who may see it. */
import type pg from 'pg'
import type { Artifact } from '../db/generated/prisma/client.ts'
import { inTransaction, type Sql, sqlOn } from '../db/sql.ts'
import type { Viewer } from '../identity/viewer.ts'
import { LIVE } from './queries.ts'
import { requireReader } from './rights.ts'

export type SiteQuery = {
  slug: string
  /** Null: the live version. */
  versionNo: number | null
  /** Null: the entrypoint. */
  path: string | null
  folderPage: string | null
  missingPages: string[]
  /** Whether it is the version's page for small screens, and no file. */
  mobile: boolean
  /** Whether the file is also taken from a version that was live until lately: pages of then may still ask for it. */
  outlives: boolean
}

/** `digest`: SHA-256 in hex. */
export type StoredFile = { mime: string; digest: string; sizeBytes: number }

export type Site = Pick<Artifact, 'ownerId' | 'slug' | 'name' | 'visibility'> & {
  artifactId: string
  versionNo: number
  /** Whether browsers may make an app of the version. */
  isApp: boolean
  file: StoredFile | null
  /** What `file` is; NOTHING goes with null. ENTRYPOINT: instead of a missing file, without a page that says so. */
  found: 'FILE' | 'FOLDER_PAGE' | 'MISSING_PAGE' | 'ENTRYPOINT' | 'NOTHING'
}

/** A file whose name tells its content is there for so long after the last version that has it went out of service. */
const OUTLIVES_DAYS = 7
/** Deployments that are looked through for it, the newest. */
const OUTLIVES_DEPLOYMENTS = 1_000

const WANTED = 'coalesce($2::text, v.entrypoint)'
/** The best first. */
const CANDIDATES = `(${WANTED} || $3::text[] || v.entrypoint)`

const siteText = (version: string) => `
select a.id as "artifactId", a.owner_id as "ownerId", a.slug, a.name, a.visibility, v.version_no as "versionNo",
  v.pwa is not null as "isApp", ${WANTED} as wanted, f.path, f.mime, f.digest, f.size_bytes as "sizeBytes"
from artifact a ${version}
left join lateral (
  select file.* from version_file file where file.version_id = v.id and file.path = any(${CANDIDATES})
  order by array_position(${CANDIDATES}, file.path) limit 1) f on true
where a.slug = $1::text and a.deleted_at is null`

const NUMBERED = (parameter: string) =>
  `join artifact_version v on v.artifact_id = a.id and v.version_no = ${parameter}::int`

const LIVE_SITE = siteText(LIVE)
const NUMBERED_SITE = siteText(NUMBERED('$4'))

const mobileText = (version: string) => `
select a.id as "artifactId", a.owner_id as "ownerId", a.slug, a.name, a.visibility, v.version_no as "versionNo",
  v.pwa is not null as "isApp", b.digest, b.size_bytes as "sizeBytes"
from artifact a ${version} left join blob b on b.owner_id = a.owner_id and b.digest = v.mobile_digest
where a.slug = $1::text and a.deleted_at is null`

const LIVE_MOBILE = mobileText(LIVE)
const NUMBERED_MOBILE = mobileText(NUMBERED('$2'))

type MobileRow = Omit<Site, 'file' | 'found'> & { digest: string | null; sizeBytes: number | null }

async function readMobile(sql: Sql, { slug, versionNo }: SiteQuery): Promise<Site | null> {
  const [row] =
    versionNo === null
      ? await sql<MobileRow>(LIVE_MOBILE, [slug])
      : await sql<MobileRow>(NUMBERED_MOBILE, [slug, versionNo])
  if (!row) return null
  const { digest, sizeBytes, ...site } = row
  if (digest === null || sizeBytes === null) return { ...site, file: null, found: 'NOTHING' }
  return { ...site, file: { mime: 'text/html', digest, sizeBytes }, found: 'FILE' }
}

type SiteRow = Omit<Site, 'file' | 'found'> & { wanted: string } & (
    | (StoredFile & { path: string })
    | { path: null; mime: null; digest: null; sizeBytes: null }
  )

/** A version goes out of service when the deployment behind its own is made. */
const OUTLIVED = `
select f.mime, f.digest, f.size_bytes as "sizeBytes" from (
  select version_id, deployment_no, lead(created_at) over (order by deployment_no) as ended_at from (
    select version_id, deployment_no, created_at from deployment where artifact_id = $1::uuid
    order by deployment_no desc limit ${OUTLIVES_DEPLOYMENTS}) newest) d
join version_file f on f.version_id = d.version_id and f.path = $2
where d.ended_at > now() - make_interval(days => ${OUTLIVES_DAYS})
order by d.deployment_no desc limit 1`

async function readSite(sql: Sql, query: SiteQuery): Promise<Site | null> {
  if (query.mobile) return readMobile(sql, query)
  const { slug, versionNo, path, folderPage, missingPages } = query
  const candidates = folderPage === null ? missingPages : [folderPage, ...missingPages]
  const values = [slug, path, candidates]
  const [row] =
    versionNo === null
      ? await sql<SiteRow>(LIVE_SITE, values)
      : await sql<SiteRow>(NUMBERED_SITE, [...values, versionNo])
  if (!row) return null
  const { wanted, path: there, mime, digest, sizeBytes, ...site } = row
  if (there === wanted) return { ...site, file: { mime, digest, sizeBytes }, found: 'FILE' }
  if (query.outlives && versionNo === null) {
    const [file] = await sql<StoredFile>(OUTLIVED, [site.artifactId, wanted])
    if (file) return { ...site, file, found: 'FILE' }
  }
  if (there === null) return { ...site, file: null, found: 'NOTHING' }
  return { ...site, file: { mime, digest, sizeBytes }, found: standInOf(there, query) }
}

function standInOf(path: string, { folderPage, missingPages }: SiteQuery) {
  if (path === folderPage) return 'FOLDER_PAGE'
  return missingPages.includes(path) ? 'MISSING_PAGE' : 'ENTRYPOINT'
}

/** Told of every change, so that this node serves what is new before whoever changed it gets their answer. */
export type SitesPort = { changed(): void }

/** A transaction after which addresses of sites may stand for something else; also where nobody knows how it ended. */
export const changingSites =
  (pool: pg.Pool, sites: SitesPort) =>
  <Result>(work: (tx: Sql) => Promise<Result>): Promise<Result> =>
    inTransaction(pool, work).finally(sites.changed)

export function createSites({ pool }: { pool: pg.Pool }) {
  const sql = sqlOn(pool)
  return {
    /** What anybody may see, whoever asks; 'PRIVATE': not this. */
    async openSite(query: SiteQuery): Promise<Site | 'PRIVATE' | null> {
      const site = await readSite(sql, query)
      return site?.visibility === 'PRIVATE' ? 'PRIVATE' : site
    },

    /**
     * What a viewer sees; ForbiddenError for a PRIVATE one that is not for them. Who they are may depend on the artifact:
     * `authenticate` gets its UUID.
     */
    async siteFor(
      authenticate: (artifactId: string) => Promise<Viewer>,
      query: SiteQuery,
    ): Promise<{ site: Site; viewer: Viewer } | null> {
      const site = await readSite(sql, query)
      if (!site) return null
      const viewer = await authenticate(site.artifactId)
      requireReader(viewer, { ...site, id: site.artifactId })
      return { site, viewer }
    },
  }
}
