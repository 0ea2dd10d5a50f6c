/** The rules of who may do what. Pure: services ask them, no transport does. */
import { ForbiddenError } from '../kernel/errors.ts'
import type { Scope, SignedIn, Viewer } from './viewer.ts'

type Owned = { ownerId: string }

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

/** Whether the viewer owns it, or is an administrator. */
export const mayManage = (viewer: Viewer, thing: Owned): boolean =>
  viewer !== null && (viewer.isAdmin || viewer.principalId === thing.ownerId)

export const mayReadJob = (viewer: Viewer, job: Owned): boolean =>
  mayManage(viewer, job) && Boolean(viewer?.scopes.has('jobs:read'))

export const mayReadArtifact = (viewer: Viewer, artifact: Owned & { visibility: string }): boolean =>
  artifact.visibility !== 'PRIVATE' || (mayManage(viewer, artifact) && Boolean(viewer?.scopes.has('artifacts:read')))
