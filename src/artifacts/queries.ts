/** What is read often: the list of artifacts, their live versions, and what serving a file needs. */
import type { VersionTarget } from '../actions/ports.ts'
import type { Artifact, ArtifactVersion, VersionFile } from '../db/generated/prisma/client.ts'
import type { KeysetQuery } from '../db/keyset.ts'
import type { Sql } from '../db/sql.ts'

export const ARTIFACT = `a.id, a.owner_id as "ownerId", a.created_by_id as "createdById", a.name, a.slug, a.description,
  a.visibility, a.last_version_no as "lastVersionNo", a.access_policy as "accessPolicy", a.agent, a.version, a.deleted_at as "deletedAt", a.created_at as "createdAt", a.updated_at as "updatedAt"`

const VERSION = `v.id, v.artifact_id as "artifactId", v.version_no as "versionNo", v.entrypoint,
  v.mobile_digest as "mobileDigest", v.pwa, v.file_count as "fileCount", v.size_bytes as "sizeBytes", v.created_by_id as "createdById", v.created_at as "createdAt"`

/** The version of the newest deployment of the artifact `a`. */
export const LIVE = `cross join lateral (
    select version_id from deployment where artifact_id = a.id order by deployment_no desc limit 1) d
  join artifact_version v on v.id = d.version_id`

/** pg answers a bigint as text. */
type VersionRow = Omit<ArtifactVersion, 'sizeBytes'> & { sizeBytes: string }
const versionOf = (row: VersionRow): ArtifactVersion => ({ ...row, sizeBytes: BigInt(row.sizeBytes) })

/** A reader that sees all artifacts. */
export const EVERYTHING = Symbol('everything')

export type ArtifactQuery = {
  /** A principal sees PUBLIC artifacts, their own, and those that they collaborate on; null sees PUBLIC ones. */
  reader: { principalId: string; shared: readonly string[] } | typeof EVERYTHING | null
  search: string | null
  /** Of a team with or without `team:`. */
  ownerHandle: string | null
}

/** Only the conditions that apply are written down, so that each text gets a plan that suits it; there are few texts. */
function where(query: ArtifactQuery): { conditions: string[]; values: unknown[] } {
  const conditions = ['a.deleted_at is null']
  const values: unknown[] = []
  const add = (value: unknown, condition: (parameter: string) => string) => {
    conditions.push(condition(`$${values.push(value)}`))
  }
  if (query.reader === null) conditions.push(`a.visibility = 'PUBLIC'`)
  else if (query.reader !== EVERYTHING) {
    const { principalId, shared } = query.reader
    add(principalId, (owner) => {
      const ids = `$${values.push([...shared])}::uuid[]`
      return `(a.visibility = 'PUBLIC' or a.owner_id = ${owner}::uuid or a.id = any(${ids}))`
    })
  }
  if (query.search) {
    const pattern = `%${query.search.replace(/[\\%_]/g, '\\$&')}%`
    add(pattern, (text) => `(a.name ilike ${text} or a.slug ilike ${text} or a.description ilike ${text})`)
  }
  if (query.ownerHandle !== null) {
    add(query.ownerHandle, (handle) => {
      return `a.owner_id = any(array(select id from principal where handle in (${handle}, 'team:' || ${handle})))`
    })
  }
  return { conditions, values }
}

export function readArtifacts(sql: Sql, query: ArtifactQuery, page: KeysetQuery): Promise<Artifact[]> {
  const { conditions, values } = where(query)
  const { gt, lt } = page.where.id ?? {}
  if (gt) conditions.push(`a.id > $${values.push(gt)}::uuid`)
  if (lt) conditions.push(`a.id < $${values.push(lt)}::uuid`)
  const limit = `$${values.push(page.take)}`
  return sql<Artifact>(
    `select ${ARTIFACT} from artifact a where ${conditions.join(' and ')} order by a.id ${page.orderBy.id} limit ${limit}`,
    values,
  )
}

export async function countArtifacts(sql: Sql, query: ArtifactQuery): Promise<number> {
  const { conditions, values } = where(query)
  const text = `select count(*)::int as count from artifact a where ${conditions.join(' and ')}`
  const [row] = await sql<{ count: number }>(text, values)
  return row?.count ?? 0
}

const LIVE_VERSIONS = `select ${VERSION} from unnest($1::uuid[]) as a(id) ${LIVE}`

export async function readLiveVersions(sql: Sql, artifactIds: readonly string[]): Promise<ArtifactVersion[]> {
  return (await sql<VersionRow>(LIVE_VERSIONS, [[...artifactIds]])).map(versionOf)
}

const VERSION_BY_NUMBER = `select ${VERSION} from artifact_version v where v.artifact_id = $1::uuid and v.version_no = $2`

export async function readVersion(sql: Sql, artifactId: string, versionNo: number): Promise<ArtifactVersion | null> {
  const [row] = await sql<VersionRow>(VERSION_BY_NUMBER, [artifactId, versionNo])
  return row ? versionOf(row) : null
}

const NEWEST_VERSION = `select ${VERSION} from artifact_version v
  where v.artifact_id = $1::uuid order by v.version_no desc limit 1`

/** What was live last of all that is not live now. */
const PREVIOUS_VERSION = `select ${VERSION} from deployment d join artifact_version v on v.id = d.version_id
  where d.artifact_id = $1::uuid and d.version_id <> (
    select version_id from deployment where artifact_id = $1::uuid order by deployment_no desc limit 1)
  order by d.deployment_no desc limit 1`

export async function readTarget(sql: Sql, artifactId: string, target: VersionTarget): Promise<ArtifactVersion | null> {
  if (typeof target === 'number') return readVersion(sql, artifactId, target)
  const [row] = await sql<VersionRow>(target === 'LATEST' ? NEWEST_VERSION : PREVIOUS_VERSION, [artifactId])
  return row ? versionOf(row) : null
}

export type Entrypoint = Pick<Artifact, 'ownerId' | 'name'> &
  Pick<VersionFile, 'path' | 'mime' | 'digest' | 'sizeBytes'>

const ENTRYPOINT = `select a.owner_id as "ownerId", a.name, f.path, f.mime, f.digest, f.size_bytes as "sizeBytes"
  from artifact a ${LIVE} join version_file f on f.version_id = v.id and f.path = v.entrypoint
  where a.id = $1::uuid and a.deleted_at is null`

/** The file that `/` answers; null if the artifact is gone. */
export async function readEntrypoint(sql: Sql, artifactId: string): Promise<Entrypoint | null> {
  const [entrypoint] = await sql<Entrypoint>(ENTRYPOINT, [artifactId])
  return entrypoint ?? null
}
