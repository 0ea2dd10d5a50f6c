/** What actions do with artifacts: as the owner of their job, never as an administrator, and each step once. */
import type pg from 'pg'
import { type ArtifactPort, EffectError, type EffectKey } from '../actions/ports.ts'
import { type Sql, sqlOn } from '../db/sql.ts'
import type { Storage } from '../hosting/storage.ts'
import { uuidOf } from '../kernel/ids.ts'
import { requireOpen } from '../runs/effect.ts'
import { deploy, lockArtifact } from './deploy.ts'
import { readEntrypoint, readLiveVersions, readTarget } from './queries.ts'
import { changingSites, type SitesPort } from './sites.ts'

const MAX_PAGE_BYTES = 5 * 1024 * 1024

/** Its owner's, or of whom is an editor now. */
const EDITABLE = `select a.id from artifact a
  where a.id = $1::uuid and a.deleted_at is null and (a.owner_id = $2::uuid or exists (
    select from collaborator c join principal p on lower(p.email) = c.email
    where c.artifact_id = a.id and c.role = 'EDITOR' and p.id = $2::uuid))`

const DEPLOYED = `select v.version_no as "versionNo" from deployment d join artifact_version v on v.id = d.version_id
  where d.run_id = $1::uuid and d.run_position = $2`

export function createArtifactPort(deps: {
  pool: pg.Pool
  storage: Storage
  addresses: { artifactUrl(slug: string): string }
  sites: SitesPort
}): ArtifactPort {
  const { pool, storage, addresses, sites } = deps
  const sql = sqlOn(pool)
  const changing = changingSites(pool, sites)

  return {
    async find({ ownerId, artifactId }, ref) {
      const id = ref === null ? artifactId : uuidOf('Artifact', ref)
      const [editable] = id === null ? [] : await sql<{ id: string }>(EDITABLE, [id, ownerId])
      return editable?.id ?? null
    },

    versionOf: async (artifactId, target) => (await readTarget(sql, artifactId, target))?.versionNo ?? null,

    /** Whoever has the artifact's row sees what others with the same step have done before them. */
    deploy: (artifactId, target, { ownerId, effect, depth }) =>
      changing(async (tx) => {
        const artifact = await lockArtifact(tx, artifactId)
        if (!artifact) throw new EffectError('NO_SUCH_ARTIFACT', 'the artifact is gone')
        const url = addresses.artifactUrl(artifact.slug)
        const before = effect && (await deployedBy(tx, effect))
        if (before) return { ...before, changed: true, url }
        if (effect) await requireOpen(tx, effect)
        const version = await readTarget(tx, artifactId, target)
        if (!version) throw new EffectError('NO_SUCH_VERSION', noVersion(target))
        const { versionNo } = version
        const [live] = await readLiveVersions(tx, [artifactId])
        if (live?.id === version.id) return { versionNo, changed: false, url }
        await deploy(tx, artifact, version, ownerId, { effect, depth })
        return { versionNo, changed: true, url }
      }),

    async page(artifactId) {
      const page = await readEntrypoint(sql, artifactId)
      if (!page || page.sizeBytes > MAX_PAGE_BYTES) return null
      const { ownerId, name, path, mime, digest } = page
      const content = await storage.read(ownerId, digest)
      return content && { name, path, mime, content }
    },
  }
}

async function deployedBy(sql: Sql, { runId, position }: EffectKey): Promise<{ versionNo: number } | null> {
  const [deployed] = await sql<{ versionNo: number }>(DEPLOYED, [runId, position])
  return deployed ?? null
}

const noVersion = (target: number | 'LATEST' | 'PREVIOUS') =>
  typeof target === 'number' ? `the artifact has no version ${target}` : 'no other version was live before'
