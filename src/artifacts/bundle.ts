/** The files of a version on their way into the storage. */
import { createHash } from 'node:crypto'
import type { Sql } from '../db/sql.ts'
import type { Storage } from '../hosting/storage.ts'
import { type Issue, ValidationError } from '../kernel/errors.ts'
import type { NewFile, PublishLimits } from './spec.ts'

/** `digest`: SHA-256 in hex. */
export type StoredFile = { path: string; mime: string; digest: string; sizeBytes: number }

export const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

/**
 * Keeps what is new. A file by its digest alone must have been uploaded: by the owner, or by the uploader, whose copy then
 * becomes the owner's too.
 * @throws ValidationError
 */
export async function storeFiles(
  sql: Sql,
  storage: Storage,
  { ownerId, uploaderId }: { ownerId: string; uploaderId: string },
  files: readonly NewFile[],
  limits: PublishLimits,
): Promise<StoredFile[]> {
  const contents = new Map<string, Buffer>()
  const named = files.map((file) => {
    if ('digest' in file) return file
    const digest = digestOf(file.content)
    contents.set(digest, file.content)
    return { at: file.at, path: file.path, mime: file.mime, digest }
  })
  await storage.put(
    sql,
    ownerId,
    [...contents].map(([digest, content]) => ({ digest, content })),
  )
  const uploaded = [...new Set(named.map(({ digest }) => digest))].filter((digest) => !contents.has(digest))
  const sizes = uploaded.length === 0 ? new Map() : await storage.claim(sql, { ownerId, uploaderId }, uploaded)
  for (const [digest, content] of contents) sizes.set(digest, content.length)

  const missing = named.flatMap(({ digest, at }): Issue[] =>
    sizes.has(digest) ? [] : [{ path: `${at}.digest`, message: 'has no content yet: upload it first' }],
  )
  if (missing.length > 0) throw new ValidationError(missing)
  const stored = named.map(({ path, mime, digest }) => ({ path, mime, digest, sizeBytes: sizes.get(digest) ?? 0 }))
  if (sizeOf(stored) > limits.versionBytes) {
    const message = `must have at most ${limits.versionBytes} bytes together`
    throw new ValidationError([{ path: 'files', message, limit: true }])
  }
  return stored
}

/** Bytes of all of them together. */
export const sizeOf = (files: readonly StoredFile[]): number => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
