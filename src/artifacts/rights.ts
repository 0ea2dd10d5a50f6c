/** Who may see and who may change an artifact. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { Artifact } from '../db/generated/prisma/client.ts'
import { mayEditArtifact, mayManage, mayReadArtifact, roleOn } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'

export const noSuchArtifact = () => new NotFoundError('there is no such artifact')

/** A deleted one is seen by those who may restore it only. */
export const sees = (viewer: Viewer, artifact: Artifact): boolean =>
  mayReadArtifact(viewer, artifact) && (artifact.deletedAt === null || mayManage(viewer, artifact))

/** Whether it is in the viewer's list: PUBLIC ones are in everybody's, others in that of whoever has to do with them. */
export const isListedFor = (viewer: Viewer, artifact: Artifact): boolean =>
  artifact.visibility === 'PUBLIC' || mayReadArtifact(viewer, { ...artifact, visibility: 'PRIVATE' })

/** The artifact, if the viewer may publish on it; FORBIDDEN if they may only read it, else NOT_FOUND. */
export function requireEditable(viewer: Viewer, artifact: Artifact | null): Artifact {
  const isThere = artifact && (artifact.deletedAt === null || mayManage(viewer, artifact))
  if (isThere && mayEditArtifact(viewer, artifact)) return artifact
  if (artifact && sees(viewer, artifact)) {
    throw new ForbiddenError('only the owner and the editors of an artifact may change it')
  }
  throw noSuchArtifact()
}

/** Whether a publish under its slug is a new version of it: a deleted one comes back by its owner only. */
export const mayPublishOn = (viewer: Viewer, artifact: Artifact): boolean =>
  viewer?.principalId === artifact.ownerId ||
  (artifact.deletedAt === null && viewer?.roles.get(artifact.id) === 'EDITOR')

/** Who sees an artifact, and which rows, is up to its owner: editors may only say what is so already. */
export function requireSameReaders(
  viewer: Viewer,
  artifact: Artifact,
  { visibility, accessPolicy }: { visibility?: string | null | undefined; accessPolicy?: unknown },
): void {
  if (mayManage(viewer, artifact)) return
  const same =
    (visibility == null || visibility === artifact.visibility) &&
    (accessPolicy === undefined || isDeepStrictEqual(accessPolicy ?? null, artifact.accessPolicy))
  if (!same) throw new ForbiddenError('only the owner of an artifact may change who sees it')
}

/** The artifact, if it is the viewer's; FORBIDDEN if they may only read or edit it, else NOT_FOUND. */
export function requireManaged(viewer: Viewer, artifact: Artifact | null): Artifact {
  if (artifact && mayManage(viewer, artifact)) return artifact
  if (artifact && sees(viewer, artifact)) throw new ForbiddenError('only the owner of an artifact may do this')
  throw noSuchArtifact()
}

/** Why a PRIVATE site is not shown, to those who know that it is there: UNAUTHENTICATED or FORBIDDEN. */
export function requireReader(viewer: Viewer, artifact: Pick<Artifact, 'id' | 'ownerId' | 'visibility'>): void {
  if (mayReadArtifact(viewer, artifact)) return
  if (!viewer) throw new ForbiddenError('sign in with a token (Authorization: Bearer …)', 'UNAUTHENTICATED')
  if (roleOn(viewer, artifact) === null) throw new ForbiddenError('this artifact is private')
  throw new ForbiddenError('the token lacks the scope artifacts:read', 'INSUFFICIENT_SCOPE')
}
