/** Statements on documents. Prisma takes a JSON null for none at all, and has no way to wait for a key that is not there. */
import type { JsonDocument } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'

const DOCUMENT =
  'artifact_id as "artifactId", key, value, version, created_at as "createdAt", updated_at as "updatedAt"'

/** Writers of an artifact's documents come one after the other; it is there until the transaction ends. */
const HOLD = `select pg_advisory_xact_lock(hashtextextended('documents of ' || a.id, 0))::text as held
  from artifact a where a.id = $1::uuid and a.deleted_at is null for key share`

/** Whether the artifact is there. */
export const holdDocuments = async (sql: Sql, artifactId: string): Promise<boolean> =>
  (await sql(HOLD, [artifactId])).length > 0

const READ = `select ${DOCUMENT} from json_document where artifact_id = $1::uuid and key = $2`

export async function readDocument(sql: Sql, artifactId: string, key: string): Promise<JsonDocument | null> {
  const [document] = await sql<JsonDocument>(READ, [artifactId, key])
  return document ?? null
}

const LIST = `select ${DOCUMENT} from json_document
  where artifact_id = $1::uuid and ($2::text is null or key collate "C" > $2) order by key collate "C" limit $3`

/** By key, in the order of code points; behind `after`. */
export const readDocuments = (sql: Sql, artifactId: string, first: number, after: string | null) =>
  sql<JsonDocument>(LIST, [artifactId, after, first])

const VALUES = `select key, value from json_document
  where artifact_id = $1::uuid and ($3::int is null or octet_length(value::text) <= $3)
  order by key collate "C" limit $2`

/** The first by their keys; `maxBytes`: of one as JSON, larger ones are left out. */
export const readValues = (sql: Sql, artifactId: string, limit: number, maxBytes: number | null = null) =>
  sql<Pick<JsonDocument, 'key' | 'value'>>(VALUES, [artifactId, limit, maxBytes])

const KEYS = 'select key from json_document where artifact_id = $1::uuid order by key collate "C"'

export const readKeys = async (sql: Sql, artifactId: string): Promise<string[]> =>
  (await sql<{ key: string }>(KEYS, [artifactId])).map(({ key }) => key)

const COUNT = 'select count(*)::int as count from json_document where artifact_id = $1::uuid'

export async function countDocuments(sql: Sql, artifactId: string): Promise<number> {
  const [row] = await sql<{ count: number }>(COUNT, [artifactId])
  return row?.count ?? 0
}

const WRITE = `insert into json_document as d (artifact_id, key, value) values ($1::uuid, $2, $3::jsonb)
  on conflict (artifact_id, key) do update
    set value = excluded.value, version = d.version + 1, updated_at = clock_timestamp()
  returning ${DOCUMENT}`

export async function writeDocument(
  sql: Sql,
  artifactId: string,
  key: string,
  value: unknown,
): Promise<JsonDocument | null> {
  const [document] = await sql<JsonDocument>(WRITE, [artifactId, key, JSON.stringify(value)])
  return document ?? null
}

export const deleteDocument = (sql: Sql, artifactId: string, key: string) =>
  sql('delete from json_document where artifact_id = $1::uuid and key = $2', [artifactId, key])
