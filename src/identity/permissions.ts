/** The rules of who may do what. Pure: services ask them, no transport does. */
import { ForbiddenError } from '../kernel/errors.ts'
import type { CollaboratorRole, Scope, SignedIn, Viewer } from './viewer.ts'

type Owned = { ownerId: string }
type OwnedArtifact = Owned & { id: string }

/** UNAUTHENTICATED when nobody is signed in. */
export function requireSignedIn(viewer: Viewer): SignedIn {
  if (!viewer) throw new ForbiddenError('sign in with a token (Authorization: Bearer …)', 'UNAUTHENTICATED')
  return viewer
}

/** UNAUTHENTICATED when nobody is signed in, INSUFFICIENT_SCOPE when the token lacks the scope. */
export function requireScope(viewer: Viewer, scope: Scope): SignedIn {
  const signedIn = requireSignedIn(viewer)
  if (!signedIn.scopes.has(scope)) throw new ForbiddenError(`the token lacks the scope ${scope}`, 'INSUFFICIENT_SCOPE')
  return signedIn
}

export function requireAdmin(viewer: Viewer): SignedIn {
  const admin = requireScope(viewer, 'admin')
  if (!admin.isAdmin) throw new ForbiddenError('only administrators may do this')
  return admin
}

/** Whether the viewer or a team of theirs owns it, or they are an administrator. */
export const mayManage = (viewer: Viewer, thing: Owned): boolean =>
  viewer !== null && (viewer.isAdmin || viewer.principalId === thing.ownerId || viewer.teams.has(thing.ownerId))

/** The same, but of what is a team's only its ADMINs. */
export const mayDelete = (viewer: Viewer, thing: Owned): boolean =>
  mayManage(viewer, thing) && (viewer?.isAdmin || viewer?.teams.get(thing.ownerId) !== 'MEMBER')

/** Whether the viewer may give what they may change to this owner: themselves, a team of theirs, or for administrators anybody. */
export const mayHandTo = (viewer: Viewer, { id: ownerId }: { id: string }): boolean => mayManage(viewer, { ownerId })

export const mayReadStack = (viewer: Viewer, stack: Owned): boolean =>
  mayManage(viewer, stack) && Boolean(viewer?.scopes.has('jobs:read'))

/** What the viewer is on an artifact; null: one of the public. Administrators are as good as its owner. */
export const roleOn = (viewer: Viewer, artifact: OwnedArtifact): CollaboratorRole | 'OWNER' | null =>
  mayManage(viewer, artifact) ? 'OWNER' : (viewer?.roles.get(artifact.id) ?? null)

/** Its owner and its editors: they publish, put jobs on it, and see and write all of its data. */
export const mayEditArtifact = (viewer: Viewer, artifact: OwnedArtifact): boolean =>
  ['OWNER', 'EDITOR'].includes(roleOn(viewer, artifact) ?? '')

export const mayReadArtifact = (viewer: Viewer, artifact: OwnedArtifact & { visibility: string }): boolean =>
  artifact.visibility !== 'PRIVATE' ||
  (roleOn(viewer, artifact) !== null && Boolean(viewer?.scopes.has('artifacts:read')))
