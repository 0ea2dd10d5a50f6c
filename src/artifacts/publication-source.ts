/** What is published under each artifact, as its watchers see it, and where that has changed. */
import type pg from 'pg'
import type { Artifact, ArtifactVersion, PrismaClient } from '../db/generated/prisma/client.ts'
import { sqlOn } from '../db/sql.ts'
import type { ChangeSource } from '../live/change-reader.ts'
import { readLiveVersions } from './queries.ts'

/** The version that is live under an artifact, or was when the artifact was deleted. `id`: the artifact's. */
export type Published = { id: string; deletedAt: Date | null; artifact: Artifact; version: ArtifactVersion }

/** Ids of deployments rise with time, so that nobody need go through all of them. */
const PUBLISHED_SINCE = `
select id from (
  select artifact_id as id from deployment
  where id >= (lpad(to_hex($1::bigint), 12, '0') || repeat('0', 20))::uuid
  union select id from artifact where updated_at >= $2
) published where id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000') order by id limit $4`

export function createPublicationSource(deps: { prisma: PrismaClient; pool: pg.Pool }): ChangeSource<Published> {
  const { prisma } = deps
  const sql = sqlOn(deps.pool)
  return {
    topic: 'artifacts',
    async read(ids) {
      const versions = await readLiveVersions(sql, ids)
      // Only then who may see them, so that nobody is shown what was published after they were shut out.
      const artifacts = await prisma.artifact.findMany({ where: { id: { in: [...ids] } } })
      const byArtifact = new Map(versions.map((version) => [version.artifactId, version]))
      return artifacts.flatMap((artifact) => {
        const version = byArtifact.get(artifact.id)
        return version ? { id: artifact.id, deletedAt: artifact.deletedAt, artifact, version } : []
      })
    },
    async changedSince({ at }, after, limit) {
      const rows = await sql<{ id: string }>(PUBLISHED_SINCE, [Math.floor(at), new Date(at), after, limit])
      return rows.map(({ id }) => id)
    },
  }
}
