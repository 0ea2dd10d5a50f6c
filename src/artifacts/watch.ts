/** Watching what is published: the version that is live after each deployment. */
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { mayReadArtifact } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import type { Changes } from '../live/changes.ts'
import type { Published } from './publication-source.ts'
import { isListedFor, noSuchArtifact } from './rights.ts'

export type PublicationChanges = Changes<Published>

export function createPublicationWatch({ prisma, changes }: { prisma: PrismaClient; changes: PublicationChanges }) {
  return {
    /**
     * Of the artifact, or with null of all that are in the viewer's list, from now on. Of one that is deleted, the version
     * that was live comes once more, and ends the stream of one; what the viewer may read no more stays away.
     * @throws NotFoundError when there is no such artifact
     */
    async watch(viewer: Viewer, artifactId: string | null): Promise<AsyncIterableIterator<Published>> {
      const sees = artifactId === null ? isListedFor : mayReadArtifact
      const published = await changes.follow(artifactId, ({ artifact }) => sees(viewer, artifact))
      if (artifactId === null) return published
      try {
        // Asked only now, so that nothing that happens meanwhile is missed.
        const artifact = await prisma.artifact.findFirst({ where: { id: artifactId, deletedAt: null } })
        if (!artifact || !mayReadArtifact(viewer, artifact)) throw noSuchArtifact()
      } catch (error) {
        await published.return?.()
        throw error
      }
      return published
    },
  }
}
