/** Who may see and who may change an artifact. Pure. */
import type { Artifact } from '../db/generated/prisma/client.ts'
import { mayManage, mayReadArtifact } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'

export const noSuchArtifact = () => new NotFoundError('there is no such artifact')

/** A deleted one is seen by those who may restore it only. */
export const sees = (viewer: Viewer, artifact: Artifact): boolean =>
  mayReadArtifact(viewer, artifact) && (artifact.deletedAt === null || mayManage(viewer, artifact))

/** The artifact, if the viewer may change it; FORBIDDEN if they may only read it, else NOT_FOUND. */
export function requireManaged(viewer: Viewer, artifact: Artifact | null): Artifact {
  if (artifact && mayManage(viewer, artifact)) return artifact
  if (artifact && sees(viewer, artifact)) throw new ForbiddenError('only the owner of an artifact may change it')
  throw noSuchArtifact()
}

/** Why a PRIVATE site is not shown, to those who know that it is there: UNAUTHENTICATED or FORBIDDEN. */
export function requireReader(viewer: Viewer, artifact: Pick<Artifact, 'ownerId' | 'visibility'>): void {
  if (mayReadArtifact(viewer, artifact)) return
  if (!viewer) throw new ForbiddenError('sign in with a token (Authorization: Bearer …)', 'UNAUTHENTICATED')
  if (!mayManage(viewer, artifact)) throw new ForbiddenError('this artifact is private')
  throw new ForbiddenError('the token lacks the scope artifacts:read', 'INSUFFICIENT_SCOPE')
}
