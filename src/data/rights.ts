/** Who may see and who may change a dataset. Pure. */
import type { Artifact, Dataset } from '../db/generated/prisma/client.ts'
import { mayEditArtifact, mayManage, roleOn } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { NotFoundError } from '../kernel/errors.ts'

/** A dataset and the artifact that it is of. */
export type LoadedDataset = Dataset & { artifact: Artifact | null }

export const noSuchDataset = () => new NotFoundError('there is no such dataset')

/** Its owner, and the owner and the editors of its artifact. */
export const mayChangeDataset = (viewer: Viewer, { ownerId, artifact }: LoadedDataset): boolean =>
  mayManage(viewer, { ownerId }) || (artifact !== null && mayEditArtifact(viewer, artifact))

/** WHOLE: all rows. FILTERED: those that the artifact's access policy lets through. Null: it is not there. */
export type Access = 'WHOLE' | 'FILTERED' | null

export function accessOf(viewer: Viewer, dataset: LoadedDataset): Access {
  const { artifact } = dataset
  if (artifact?.deletedAt) return null
  const isOpen = viewer?.scopes.has('data:read') ?? false
  if (isOpen && mayChangeDataset(viewer, dataset)) return 'WHOLE'
  if (!artifact) return null
  return artifact.visibility !== 'PRIVATE' || (isOpen && roleOn(viewer, artifact)) ? 'FILTERED' : null
}
