/** Who may see and who may change a dataset. Pure. */
import type { Artifact, Dataset } from '../db/generated/prisma/client.ts'
import { mayManage } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { NotFoundError } from '../kernel/errors.ts'

/** A dataset and the artifact that it is of. */
export type LoadedDataset = Dataset & { artifact: Artifact | null }

export const noSuchDataset = () => new NotFoundError('there is no such dataset')

/** WHOLE: all rows. FILTERED: those that the artifact's access policy lets through. Null: it is not there. */
export type Access = 'WHOLE' | 'FILTERED' | null

export function accessOf(viewer: Viewer, { ownerId, artifact }: LoadedDataset): Access {
  if (artifact?.deletedAt) return null
  if (mayManage(viewer, { ownerId }) && viewer?.scopes.has('data:read')) return 'WHOLE'
  return artifact && artifact.visibility !== 'PRIVATE' ? 'FILTERED' : null
}
