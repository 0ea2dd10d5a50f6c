/** The files of a version with what is in them, for those who take all of them at once. */
import type pg from 'pg'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { sqlOn } from '../db/sql.ts'
import type { Storage } from '../hosting/storage.ts'
import { mayReadArtifact, requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { LimitError, NotFoundError } from '../kernel/errors.ts'
import { readLiveVersions } from './queries.ts'
import { noSuchArtifact } from './rights.ts'

/** Bytes of the files of one answer. */
const CONTENTS_LIMIT = 32 * 1024 * 1024

export type FileContent = { path: string; mime: string; content: Buffer }

export function createContents({ prisma, pool, storage }: { prisma: PrismaClient; pool: pg.Pool; storage: Storage }) {
  const sql = sqlOn(pool)
  return {
    /**
     * By path. `versionNo` null: of the version that is live.
     * @throws NotFoundError; LimitError when they are too large for one answer
     */
    async contents(viewer: Viewer, artifactId: string, versionNo: number | null): Promise<FileContent[]> {
      requireScope(viewer, 'artifacts:read')
      const artifact = await prisma.artifact.findFirst({ where: { id: artifactId, deletedAt: null } })
      if (!artifact || !mayReadArtifact(viewer, artifact)) throw noSuchArtifact()
      const [live] = versionNo === null ? await readLiveVersions(sql, [artifactId]) : []
      const version = await prisma.artifactVersion.findFirst({
        where: { artifactId, ...(versionNo === null ? { id: live?.id ?? artifactId } : { versionNo }) },
        include: { files: { orderBy: { path: 'asc' } } },
      })
      if (!version) throw new NotFoundError(`the artifact has no version ${versionNo}`)
      if (version.sizeBytes > CONTENTS_LIMIT) {
        throw new LimitError(`its files have more than ${CONTENTS_LIMIT} bytes together; take them one by one`)
      }
      const contents: FileContent[] = []
      for (const { path, mime, digest } of version.files) {
        const content = await storage.read(artifact.ownerId, digest)
        if (!content) throw new Error(`the content ${digest} of ${artifact.ownerId} is missing`)
        contents.push({ path, mime, content })
      }
      return contents
    },
  }
}
