/** What browsers are told of the apps that they may make of sites, and what such an app keeps for when it is offline. */
import type pg from 'pg'
import type { Artifact } from '../db/generated/prisma/client.ts'
import { type Sql, sqlOn } from '../db/sql.ts'
import type { Viewer } from '../identity/viewer.ts'
import { installable } from './app-icon.ts'
import type { Pwa } from './pwa-spec.ts'
import { LIVE } from './queries.ts'
import { requireReader } from './rights.ts'

/** Files that are kept offline: so many, and bytes of one, and of all together. */
const OFFLINE = { files: 1_000, fileBytes: 5 * 1024 * 1024, totalBytes: 50 * 1024 * 1024 }

export type SiteApp = Pick<Artifact, 'ownerId' | 'slug' | 'visibility'> & {
  artifactId: string
  versionNo: number
  entrypoint: string
  pwa: Pwa
  /** Paths of what it keeps offline: the entrypoint, and of the others the smallest. */
  offline: string[]
}

const NUMBERED = 'join artifact_version v on v.artifact_id = a.id and v.version_no = $2::int'

const appText = (version: string) => `
select a.id as "artifactId", a.owner_id as "ownerId", a.slug, a.visibility, v.version_no as "versionNo", v.entrypoint, v.pwa, array(
  select k.path from (
    select f.path, f.size_bytes, sum(f.size_bytes) over (order by f.path <> v.entrypoint, f.size_bytes, f.path) as total
    from version_file f where f.version_id = v.id and f.size_bytes <= ${OFFLINE.fileBytes}
    order by f.path <> v.entrypoint, f.size_bytes, f.path limit ${OFFLINE.files}) k
  where k.total <= ${OFFLINE.totalBytes} order by k.path) as offline
from artifact a ${version}
where a.slug = $1 and a.deleted_at is null and v.pwa is not null`

const LIVE_APP = appText(LIVE)
const NUMBERED_APP = appText(NUMBERED)

async function readApp(sql: Sql, slug: string, versionNo: number | null): Promise<SiteApp | null> {
  const [app] =
    versionNo === null ? await sql<SiteApp>(LIVE_APP, [slug]) : await sql<SiteApp>(NUMBERED_APP, [slug, versionNo])
  return app ?? null
}

const DESCRIBED = `select v.id, a.slug, v.pwa
  from artifact_version v join artifact a on a.id = v.artifact_id
  where v.id = any($1::uuid[]) and v.pwa is not null`

const MOBILE = `select a.id, a.slug from unnest($1::uuid[]) as given(id) join artifact a on a.id = given.id ${LIVE}
  where v.mobile_digest is not null`

/** `manifestUrl`, `serviceWorkerUrl`: on the site's own origin, where they are those of the live version. */
export type DescribedPwa = Pwa & { installable: boolean; manifestUrl: string; serviceWorkerUrl: string }

export type AppPorts = {
  artifactUrl(slug: string): string
  siteUrl(slug: string): string
}

export function createApps({ pool, addresses }: { pool: pg.Pool; addresses: AppPorts }) {
  const sql = sqlOn(pool)
  return {
    /** Null: the version (null: the live one) is no app. ForbiddenError: it is PRIVATE, and not for this viewer. */
    async siteApp(
      { slug, versionNo }: { slug: string; versionNo: number | null },
      authenticate: (artifactId: string) => Promise<Viewer>,
    ): Promise<SiteApp | null> {
      const app = await readApp(sql, slug, versionNo)
      if (app?.visibility === 'PRIVATE')
        requireReader(await authenticate(app.artifactId), { ...app, id: app.artifactId })
      return app
    },

    /** Of versions, in the order of their ids; null: it is no app. */
    async apps(versionIds: readonly string[]): Promise<(DescribedPwa | null)[]> {
      const rows = await sql<{ id: string; slug: string; pwa: Pwa }>(DESCRIBED, [[...versionIds]])
      const byId = new Map(rows.map(({ id, slug, pwa }) => [id, describe(pwa, slug)]))
      return versionIds.map((id) => byId.get(id) ?? null)
    },

    /** In the order of the artifacts' ids; null: its live version has no page for small screens. */
    async mobileUrls(artifactIds: readonly string[]): Promise<(string | null)[]> {
      const rows = await sql<{ id: string; slug: string }>(MOBILE, [[...artifactIds]])
      const byId = new Map(rows.map(({ id, slug }) => [id, `${addresses.artifactUrl(slug)}?v=mobile`]))
      return artifactIds.map((id) => byId.get(id) ?? null)
    },
  }

  function describe(pwa: Pwa, slug: string): DescribedPwa {
    const siteUrl = addresses.siteUrl(slug)
    const urls = { manifestUrl: `${siteUrl}manifest.json`, serviceWorkerUrl: `${siteUrl}sw.js` }
    return { ...pwa, ...urls, installable: installable(pwa, siteUrl) }
  }
}
