/**
 * The statements of a publish and of a rollback. All run in one transaction that holds the artifact's row, so numbers
 * are drawn without a gap and without a race, and nobody sees a version before all of its files are there.
 */
import type { EffectKey } from '../actions/ports.ts'
import type { Artifact } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'
import { emit } from '../events/outbox.ts'
import type { Storage } from '../hosting/storage.ts'
import { formatId, newId } from '../kernel/ids.ts'
import { notifyOfSql, notifySql } from '../live/events.ts'
import { mergeAgent } from './agent-spec.ts'
import { digestOf, sizeOf, storeFiles } from './bundle.ts'
import { pwaOf } from './pwa-spec.ts'
import { ARTIFACT } from './queries.ts'
import type { Publication, PublishLimits } from './spec.ts'

/** A live artifact, or a deleted one whose slug is still reserved; never both. Jobs may still refer to the row meanwhile. */
const LOCK_SLUG = `select ${ARTIFACT} from artifact a
  where a.slug = $1 and (a.deleted_at is null or a.deleted_at > $2)
  order by a.deleted_at desc nulls first limit 1 for no key update`

export async function lockSlug(sql: Sql, slug: string, reservedSince: Date): Promise<Artifact | null> {
  const [artifact] = await sql<Artifact>(LOCK_SLUG, [slug, reservedSince])
  return artifact ?? null
}

const LOCK = `select ${ARTIFACT} from artifact a where a.id = $1::uuid and (a.deleted_at is null or $2) for no key update`

/** `deleted`: also one that is deleted. */
export async function lockArtifact(sql: Sql, id: string, { deleted = false } = {}): Promise<Artifact | null> {
  const [artifact] = await sql<Artifact>(LOCK, [id, deleted])
  return artifact ?? null
}

const INSERT = `insert into artifact as a (id, owner_id, created_by_id, name, slug, description, visibility, access_policy, agent)
  values ($1::uuid, $2::uuid, $2::uuid, $3, $4, $5, coalesce($6::visibility, 'PUBLIC'), $7::jsonb, $8::jsonb)
  on conflict do nothing returning ${ARTIFACT}`

/** Null when somebody else was first to take the slug: waits for them to commit. */
export async function insertArtifact(
  sql: Sql,
  ownerId: string,
  slug: string,
  { name, description, visibility, accessPolicy, agent }: Publication,
): Promise<Artifact | null> {
  const values = [newId(), ownerId, name, slug, description ?? null, visibility ?? null, jsonOf(accessPolicy)]
  const [artifact] = await sql<Artifact>(INSERT, [...values, agent ? jsonOf(mergeAgent(null, agent)) : null])
  return artifact ?? null
}

const RENEW = `update artifact as a
  set name = $2, description = case when $3 then $4 else a.description end,
    visibility = coalesce($5::visibility, a.visibility),
    access_policy = case when $6 then $7::jsonb else a.access_policy end,
    agent = case when $8 then $9::jsonb else a.agent end, deleted_at = null, version = a.version + 1, updated_at = now()
  where a.id = $1::uuid returning ${ARTIFACT}`

/** What the publication does not say stays; a deleted artifact comes back. */
export async function renewArtifact(
  sql: Sql,
  before: Artifact,
  { name, description, visibility, accessPolicy, agent }: Publication,
): Promise<Artifact | null> {
  const described = [description !== undefined, description ?? null]
  const policy = [accessPolicy !== undefined, jsonOf(accessPolicy)]
  const values = [before.id, name, ...described, visibility ?? null, ...policy]
  const renewed = [agent !== undefined, agent ? jsonOf(mergeAgent(before.agent, agent)) : null]
  const [artifact] = await sql<Artifact>(RENEW, [...values, ...renewed])
  return artifact ?? null
}

/** The artifact counts its versions itself: the number of a deleted one never comes back, so its address is good for ever. */
const INSERT_VERSION = `
with counted as (
  update artifact set last_version_no = last_version_no + 1 where id = $2::uuid returning last_version_no
)
insert into artifact_version (
  id, artifact_id, version_no, entrypoint, file_count, size_bytes, created_by_id, mobile_digest, pwa)
select $1::uuid, $2::uuid, last_version_no, $3, $4::int, $5::bigint, $6::uuid, $7, $8::jsonb from counted
returning version_no as "versionNo"`

const INSERT_FILES = `insert into version_file (version_id, path, mime, digest, size_bytes)
  select $1::uuid, * from unnest($2::text[], $3::text[], $4::text[], $5::int[])`

export type DeployedVersion = { id: string; versionNo: number }

export async function insertVersion(
  sql: Sql,
  { storage, limits }: { storage: Storage; limits: PublishLimits },
  artifact: Artifact,
  createdById: string,
  { entrypoint, files, mobileHtml, pwa }: Publication,
): Promise<DeployedVersion> {
  const store = { ownerId: artifact.ownerId, uploaderId: createdById }
  const stored = await storeFiles(sql, storage, store, files, limits)
  const mobile = mobileHtml == null ? null : Buffer.from(mobileHtml)
  const mobileDigest = mobile && digestOf(mobile)
  if (mobile && mobileDigest) await storage.put(sql, artifact.ownerId, [{ digest: mobileDigest, content: mobile }])
  const id = newId()
  const [version] = await sql<{ versionNo: number }>(INSERT_VERSION, [
    ...[id, artifact.id, entrypoint, stored.length, sizeOf(stored), createdById],
    ...[mobileDigest, jsonOf(pwaOf(pwa, artifact.name))],
  ])
  const columns = [
    stored.map(({ path }) => path),
    stored.map(({ mime }) => mime),
    stored.map(({ digest }) => digest),
    stored.map(({ sizeBytes }) => sizeBytes),
  ]
  await sql(INSERT_FILES, [id, ...columns])
  return { id, versionNo: version?.versionNo ?? 0 }
}

const jsonOf = (value: unknown): string | null => (value == null ? null : JSON.stringify(value))
/** Tells all nodes, when the transaction commits, that addresses of sites may stand for something else now. */
export const TELL_SITES = `select 1 as told from (select ${notifySql('sites')}) told`

const TELL_PUBLISHED = `select 1 as told from (select ${notifyOfSql('artifacts', '$1')}) told`

/** Tells all nodes in the same way that another version of an artifact is live, or that the artifact came or went. */
export const tellPublished = (sql: Sql, artifactId: string) => sql(TELL_PUBLISHED, [artifactId])

const DEPLOY = `
insert into deployment (id, artifact_id, version_id, deployment_no, created_by_id, run_id, run_position)
select $1::uuid, $2::uuid, $3::uuid, coalesce(max(deployment_no), 0) + 1, $4::uuid, $5::uuid, $6::int
from deployment where artifact_id = $2::uuid
returning deployment_no as "deploymentNo"`

/** Makes the version live and says so, to the nodes and as `artifact.updated`. `effect`: the step that does it; `depth`: of the event. */
export async function deploy(
  sql: Sql,
  { id: artifactId, ownerId }: Artifact,
  version: DeployedVersion,
  createdById: string,
  { effect = null, depth = 0 }: { effect?: EffectKey | null; depth?: number } = {},
): Promise<void> {
  const values = [newId(), artifactId, version.id, createdById, effect?.runId ?? null, effect?.position ?? null]
  const [deployment] = await sql<{ deploymentNo: number }>(DEPLOY, values)
  const payload = {
    artifactId: formatId('Artifact', artifactId),
    versionNo: version.versionNo,
    versionId: formatId('ArtifactVersion', version.id),
    deployment: deployment?.deploymentNo,
  }
  await sql(TELL_SITES)
  await tellPublished(sql, artifactId)
  await emit(sql, { type: 'artifact.updated', ownerId, artifactId, payload, depth })
}
