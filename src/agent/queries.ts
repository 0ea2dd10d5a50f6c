/** What is read of an artifact when its agent is spoken to. */
import type { Artifact } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'
import { readValues } from '../documents/queries.ts'
import type { KnownDocument } from './prompt.ts'

/** Documents that an agent is told of, and bytes of one of them. */
const DOCUMENTS_LIMIT = 100
const DOCUMENT_BYTES = 32 * 1024

export type AgentOwner = Pick<Artifact, 'id' | 'ownerId' | 'visibility' | 'agent' | 'accessPolicy'>

const ARTIFACT = `select id, owner_id as "ownerId", visibility, agent, access_policy as "accessPolicy" from artifact
  where slug = $1 and deleted_at is null`

export async function readAgentOwner(sql: Sql, slug: string): Promise<AgentOwner | null> {
  const [artifact] = await sql<AgentOwner>(ARTIFACT, [slug])
  return artifact ?? null
}

export const readKnownDocuments = (sql: Sql, artifactId: string): Promise<KnownDocument[]> =>
  readValues(sql, artifactId, DOCUMENTS_LIMIT, DOCUMENT_BYTES)
