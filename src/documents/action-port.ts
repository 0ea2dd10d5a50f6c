/** What actions are told of the JSON documents of their artifact. */
import type pg from 'pg'
import { DOCUMENTS_LIMIT, type ReadDocuments } from '../actions/documents.ts'
import type { JsonValue } from '../actions/driver.ts'
import { sqlOn } from '../db/sql.ts'
import { readValues } from './queries.ts'

export function createDocumentPort({ pool }: { pool: pg.Pool }): ReadDocuments {
  const sql = sqlOn(pool)
  return async (artifactId) => {
    const documents = await readValues(sql, artifactId, DOCUMENTS_LIMIT)
    return Object.fromEntries(documents.map(({ key, value }) => [key, value as JsonValue]))
  }
}
