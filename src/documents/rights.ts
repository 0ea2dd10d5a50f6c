/** Who may read and who may write an artifact's documents. Pure. */
import { noSuchArtifact, sees } from '../artifacts/rights.ts'
import type { Artifact } from '../db/generated/prisma/client.ts'
import { mayEditArtifact, requireScope, roleOn } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError } from '../kernel/errors.ts'

/** Whoever sees the artifact; its owner and editors alone once its data is not for everybody alike. */
export function mayReadDocuments(viewer: Viewer, artifact: Artifact): boolean {
  if (artifact.deletedAt) return false
  const isOpen = viewer?.scopes.has('data:read') ?? false
  if (artifact.accessPolicy !== null) return isOpen && mayEditArtifact(viewer, artifact)
  return artifact.visibility !== 'PRIVATE' || (isOpen && roleOn(viewer, artifact) !== null)
}

/** @throws NotFoundError to those who may not know of the artifact, else ForbiddenError */
export function requireReadable(viewer: Viewer, artifact: Artifact | null): Artifact {
  if (artifact && mayReadDocuments(viewer, artifact)) return artifact
  if (!artifact || artifact.deletedAt || !(sees(viewer, artifact) || roleOn(viewer, artifact))) throw noSuchArtifact()
  if (viewer && mayEditArtifact(viewer, artifact)) requireScope(viewer, 'data:read')
  throw new ForbiddenError('only the owner and the editors of this artifact may read its documents')
}

/** @throws NotFoundError to those who may not know of the artifact, else ForbiddenError */
export function requireWritable(viewer: Viewer, artifact: Artifact | null): Artifact {
  requireScope(viewer, 'data:write')
  if (!artifact || artifact.deletedAt || !(sees(viewer, artifact) || roleOn(viewer, artifact))) throw noSuchArtifact()
  if (mayEditArtifact(viewer, artifact)) return artifact
  throw new ForbiddenError('only the owner and the editors of an artifact may write its documents')
}
