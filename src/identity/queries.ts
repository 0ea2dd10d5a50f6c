/** The one question of every request: whose token is this, and what may they do? And who is who. */
import { columnsOf } from '../db/columns.ts'
import type { Principal, Prisma } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'
import type { CollaboratorRole, Scope, TeamRole } from './viewer.ts'

export type KnownToken = {
  id: string
  hash: Buffer
  scopes: Scope[]
  expiresAt: Date | null
  revokedAt: Date | null
  lastUsedAt: Date | null
  principalId: string
  handle: string
  isAdmin: boolean
  email: string | null
  /** By the artifact's UUID; null: no artifact of others. */
  roles: Record<string, CollaboratorRole> | null
  /** By the team's UUID; null: in none. */
  teams: Record<string, TeamRole> | null
  /** When it was looked at, by the database's clock. */
  at: Date
}

const TOKEN = `select t.id, t.hash, t.scopes, t.expires_at as "expiresAt", t.revoked_at as "revokedAt",
    t.last_used_at as "lastUsedAt", p.id as "principalId", p.handle, p.is_admin as "isAdmin", p.email,
    (select jsonb_object_agg(c.artifact_id, c.role) from collaborator c where c.email = lower(p.email)) as roles,
    (select jsonb_object_agg(m.team_id, m.role) from membership m where m.user_id = p.id) as teams,
    clock_timestamp() as at
  from api_token t join principal p on p.id = t.principal_id`

const BY_HASHES = `${TOKEN} where t.hash = any($1::bytea[])`
const BY_ID = `${TOKEN} where t.id = $1::uuid`

export async function readToken(sql: Sql, id: string): Promise<KnownToken | null> {
  const [token] = await sql<KnownToken>(BY_ID, [id])
  return token ?? null
}

/** A field of a principal, as Prisma calls it. */
export type PrincipalField = Prisma.PrincipalScalarFieldEnum

/** These fields of each that is there. */
export const principalsByIds = <Field extends PrincipalField>(
  sql: Sql,
  ids: readonly string[],
  fields: readonly Field[],
): Promise<Pick<Principal, Field>[]> =>
  sql(`select ${columnsOf('p', fields)} from principal p where p.id = any($1::uuid[])`, [ids])

/** In the order of the hashes; null where there is none. */
export async function readTokens(sql: Sql, hashes: readonly Uint8Array[]): Promise<(KnownToken | null)[]> {
  const tokens = await sql<KnownToken>(BY_HASHES, [hashes])
  const byHash = new Map(tokens.map((token) => [token.hash.toString('base64'), token]))
  return hashes.map((hash) => byHash.get(Buffer.from(hash).toString('base64')) ?? null)
}
