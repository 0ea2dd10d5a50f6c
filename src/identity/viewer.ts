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

export type SignedIn = {
  principalId: string
  handle: string
  /** An administrator whose token has the scope `admin`: may read and change everything. */
  isAdmin: boolean
  scopes: ReadonlySet<Scope>
  tokenId: string
}

export type Viewer = SignedIn | null
