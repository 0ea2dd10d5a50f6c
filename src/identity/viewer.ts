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

/** MEMBER has all rights on what is the team's but to delete it; ADMIN also deletes, and says who belongs to the team. */
export type TeamRole = 'MEMBER' | 'ADMIN'

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
  /** UUIDs of the teams that it is in. */
  teams: ReadonlyMap<string, TeamRole>
}

export type Viewer = SignedIn | null

/** Those whose rights the viewer has: itself and its teams. */
export const principalsOf = ({ principalId, teams }: SignedIn): string[] => [principalId, ...teams.keys()]

/** The same text for all who may see and do the same. */
export function rightsOf(viewer: Viewer): string {
  if (!viewer) return 'nobody'
  const { principalId, isAdmin, scopes, roles, teams } = viewer
  return JSON.stringify([principalId, isAdmin, [...scopes].sort(), [...roles].sort(byId), [...teams].sort(byId)])
}

const byId = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : 1)

/** An owner, for what they let others start in their name: no token stands behind it, and no more than these scopes. */
export const inNameOf = (principalId: string, scopes: readonly Scope[]): SignedIn => ({
  ...{ principalId, handle: '', isAdmin: false, scopes: new Set(scopes), tokenId: '', email: null },
  ...{ roles: new Map(), teams: new Map() },
})
