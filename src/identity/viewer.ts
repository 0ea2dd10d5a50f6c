/** Who asks: a principal with the scopes of the token in use, or nobody (null). */
export const SCOPES = [
  'artifacts:read',
  'artifacts:write',
  'data:read',
  'data:write',
  'jobs:read',
  'jobs:write',
  'jobs:run',
  'admin',
] as const

export type Scope = (typeof SCOPES)[number]

/** VIEWER sees a private artifact; EDITOR also publishes, puts jobs on it, and writes its data. */
export type CollaboratorRole = 'VIEWER' | 'EDITOR'

export type SignedIn = {
  principalId: string
  handle: string
  /** An administrator whose token has the scope `admin`: may read and change everything. */
  isAdmin: boolean
  scopes: ReadonlySet<Scope>
  tokenId: string
  /** Its verified address, as an administrator gave it; null: it has none. */
  email: string | null
  /** UUIDs of the artifacts of others that it collaborates on. */
  roles: ReadonlyMap<string, CollaboratorRole>
}

export type Viewer = SignedIn | null
