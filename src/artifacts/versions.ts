/** The history of an artifact: its immutable versions, and which of them is live. */
import type pg from 'pg'
import type { Artifact, ArtifactVersion, PrismaClient, VersionFile } from '../db/generated/prisma/client.ts'
import { type Sql, sqlOn } from '../db/sql.ts'
import { mayReadArtifact, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ConflictError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { type Connection, connectionOf, PAGE_LIMIT, type Page, type PageArgs, pageOf } from '../kernel/pages.ts'
import { deploy, lockArtifact, TELL_SITES } from './deploy.ts'
import { readLiveVersions, readVersion } from './queries.ts'
import { noSuchArtifact, requireEditable, requireManaged, sees } from './rights.ts'
import { changingSites, type SitesPort } from './sites.ts'

export type VersionRef = { artifactId: string; versionNo: number }

export function createVersions({ prisma, pool, sites }: { prisma: PrismaClient; pool: pg.Pool; sites: SitesPort }) {
  const sql = sqlOn(pool)
  const changing = changingSites(pool, sites)

  async function lock(
    tx: Sql,
    viewer: Viewer,
    { artifactId, versionNo }: VersionRef,
    required: typeof requireManaged = requireManaged,
  ) {
    const artifact = required(viewer, await lockArtifact(tx, artifactId))
    const version = await readVersion(tx, artifactId, versionNo)
    if (!version) throw new NotFoundError(`the artifact has no version ${versionNo}`)
    return { artifact, version }
  }

  return {
    /** Makes an earlier version live again. */
    async rollback(viewer: Viewer, ref: VersionRef): Promise<Artifact> {
      const { principalId } = requireScope(viewer, 'artifacts:write')
      return changing(async (tx) => {
        const { artifact, version } = await lock(tx, viewer, ref, requireEditable)
        await deploy(tx, artifact, version, principalId)
        return artifact
      })
    },

    /** Deletes a version and its deployments for good; the live one is a ConflictError. Answers what it was. */
    async deleteVersion(viewer: Viewer, ref: VersionRef): Promise<ArtifactVersion> {
      requireScope(viewer, 'artifacts:write')
      return changing(async (tx) => {
        const { artifact, version } = await lock(tx, viewer, ref)
        const [live] = await readLiveVersions(tx, [artifact.id])
        if (live?.id === version.id) {
          throw new ConflictError(`version ${version.versionNo} is live; publish or roll back to another first`)
        }
        await tx('delete from artifact_version where id = $1::uuid', [version.id])
        await tx(TELL_SITES)
        return version
      })
    },

    /** Newest first. Owners also see those of an artifact they have deleted. */
    async versions(viewer: Viewer, artifactId: string, args: PageArgs): Promise<Connection<ArtifactVersion>> {
      const artifact = await prisma.artifact.findUnique({ where: { id: artifactId } })
      if (!artifact || !sees(viewer, artifact)) throw noSuchArtifact()
      const page = pageOf(args)
      const rows = await prisma.artifactVersion.findMany({
        where: { artifactId, versionNo: { ...numberOf(page, 'after', 'lt'), ...numberOf(page, 'before', 'gt') } },
        orderBy: { versionNo: page.backward ? 'asc' : 'desc' },
        take: page.size + 1,
      })
      const count = () => prisma.artifactVersion.count({ where: { artifactId } })
      return connectionOf(page, rows, ({ versionNo }) => [versionNo], count)
    },

    /** In the order of the ids; null where there is none, or none that the viewer may read. */
    async versionsByIds(viewer: Viewer, ids: readonly string[]): Promise<(ArtifactVersion | null)[]> {
      const found = await prisma.artifactVersion.findMany({
        where: { id: { in: [...ids] }, artifact: { deletedAt: null } },
        include: { artifact: true },
      })
      const readable = found.filter(({ artifact }) => mayReadArtifact(viewer, artifact))
      const byId = new Map(readable.map(({ artifact, ...version }) => [version.id, version]))
      return ids.map((id) => byId.get(id) ?? null)
    },

    /** In the order of the artifacts' ids. Whoever asks has read the artifacts, so nothing is checked. */
    async liveVersions(artifactIds: readonly string[]): Promise<(ArtifactVersion | null)[]> {
      const found = await readLiveVersions(sql, artifactIds)
      const byArtifact = new Map(found.map((version) => [version.artifactId, version]))
      return artifactIds.map((id) => byArtifact.get(id) ?? null)
    },

    /** Files of a version that was read, by path; `after` is the path to go on behind. */
    async files(versionId: string, first: number, after: string | null): Promise<VersionFile[]> {
      if (first < 0 || first > PAGE_LIMIT) throw ValidationError.at('first', `must be from 0 to ${PAGE_LIMIT}`)
      if (after?.includes('\0')) throw ValidationError.at('after', 'must have no NUL character')
      return prisma.versionFile.findMany({
        where: { versionId, ...(after === null ? {} : { path: { gt: after } }) },
        orderBy: { path: 'asc' },
        take: first,
      })
    },
  }
}

function numberOf(page: Page, side: 'after' | 'before', operator: 'lt' | 'gt'): { lt?: number; gt?: number } {
  const cursor = page[side]
  if (cursor === null) return {}
  const [versionNo] = cursor
  if (Number.isInteger(versionNo) && Math.abs(Number(versionNo)) < 2 ** 31) return { [operator]: Number(versionNo) }
  throw ValidationError.at(side, 'is not a cursor of this list')
}
