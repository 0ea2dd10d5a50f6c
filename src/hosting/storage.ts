/** Where the content of files is kept: by owner and SHA-256, so what was published before is not stored again. */
import type pg from 'pg'
import { type Sql, sqlOn } from '../db/sql.ts'
import type { Encoding } from './encodings.ts'

/** `digest`: SHA-256 in hex. */
type Blob = { digest: string; content: Buffer }

export type BlobRef = { ownerId: string; digest: string }

export type Storage = {
  /**
   * Keeps what is not there yet, as a part of the transaction that `sql` belongs to; until it ends, none of it is thrown
   * away. Digests must be distinct.
   */
  put(sql: Sql, ownerId: string, blobs: Blob[]): Promise<void>
  /** The same for one content that comes in pieces, never held in memory whole; `sql` must be in a transaction. */
  putStream(
    sql: Sql,
    ownerId: string,
    blob: { digest: string; sizeBytes: number },
    pieces: AsyncIterable<Buffer>,
  ): Promise<void>
  /**
   * The sizes of what the owner has by these digests, also of what only the uploader had before; until the transaction
   * ends, none of it is thrown away.
   */
  claim(sql: Sql, store: { ownerId: string; uploaderId: string }, digests: string[]): Promise<Map<string, number>>
  /** Null if there is no such content. */
  read(ownerId: string, digest: string): Promise<Buffer<ArrayBuffer> | null>
  /** Bytes from `start` on, fewer at the end, of the content or of a variant of it; null if there is none. */
  slice(blob: BlobRef, encoding: Encoding | null, start: number, length: number): Promise<Buffer | null>
  /** Bytes of a variant; null: compressed it would not be smaller; undefined: nobody has made it yet. */
  variantSize(blob: BlobRef, encoding: Encoding): Promise<number | null | undefined>
  /** Keeps a variant, or that there is no use in one, as long as the content is kept. */
  keepVariant(blob: BlobRef, encoding: Encoding, content: Buffer | null): Promise<void>
}

/** Bytes that one statement carries; a larger file goes alone. */
const BATCH_BYTES = 8 * 1024 * 1024

/** The contents come as one binary parameter: in an array each byte would travel as two characters. */
const INSERT = `insert into blob (owner_id, digest, content, size_bytes)
  select $1::uuid, digest, substring($2::bytea from start for size), size
  from unnest($3::text[], $4::int[], $5::int[]) as given(digest, start, size)
  on conflict do nothing returning digest`

/** In a large object meanwhile: PostgreSQL puts it together, and lets it go with the transaction if that fails. */
const BEGIN_STREAM = `select lo_from_bytea(0, '') as oid`
const APPEND = `select lo_put($1::oid, $2::bigint, $3::bytea)::text as put`
const END_STREAM = `insert into blob (owner_id, digest, content, size_bytes)
  select $1::uuid, $2, lo_get($3::oid), $4::int on conflict do nothing`
const DROP_STREAM = 'select lo_unlink($1::oid) as gone'

const ADOPT = `insert into blob (owner_id, digest, content, size_bytes)
  select $1::uuid, digest, content, size_bytes from blob where owner_id = $2::uuid and digest = any($3::text[])
  on conflict do nothing`

const CLAIM = `select digest, size_bytes as "sizeBytes" from blob
  where owner_id = $1::uuid and digest = any($2::text[]) order by digest for share`

const READ = 'select content from blob where owner_id = $1::uuid and digest = $2'

/** The column is stored as it is, so only what is asked for is read. */
const SLICE = `select substring(content from $3::int for $4::int) as slice from blob
  where owner_id = $1::uuid and digest = $2`

const VARIANT_SLICE = `select substring(content from $4::int for $5::int) as slice from blob_variant
  where owner_id = $1::uuid and digest = $2 and encoding = $3 and content is not null`

const VARIANT_SIZE = `select octet_length(content) as size from blob_variant
  where owner_id = $1::uuid and digest = $2 and encoding = $3`

const KEEP_VARIANT = `insert into blob_variant (owner_id, digest, encoding, content)
  select owner_id, digest, $3, $4::bytea from blob where owner_id = $1::uuid and digest = $2 for key share
  on conflict do nothing`

export function createPostgresStorage(pool: pg.Pool): Storage {
  const anySql = sqlOn(pool)
  return {
    async put(sql, ownerId, blobs) {
      // What somebody else was first to keep is held in the next round, if it is still there.
      for (let left = blobs; left.length > 0; ) {
        const rows = await sql<{ digest: string }>(CLAIM, [ownerId, left.map(({ digest }) => digest)])
        const ours = new Set(rows.map(({ digest }) => digest))
        for (const batch of batches(left.filter(({ digest }) => !ours.has(digest)))) {
          const content = Buffer.concat(batch.map((blob) => blob.content))
          const sizes = batch.map((blob) => blob.content.length)
          const values = [ownerId, content, batch.map(({ digest }) => digest), startsOf(sizes), sizes]
          for (const { digest } of await sql<{ digest: string }>(INSERT, values)) ours.add(digest)
        }
        left = left.filter(({ digest }) => !ours.has(digest))
      }
    },
    async putStream(sql, ownerId, { digest, sizeBytes }, pieces) {
      const [stream] = await sql<{ oid: number }>(BEGIN_STREAM)
      let offset = 0
      for await (const piece of pieces) {
        await sql(APPEND, [stream?.oid, offset, piece])
        offset += piece.length
      }
      await sql(END_STREAM, [ownerId, digest, stream?.oid, sizeBytes])
      await sql(DROP_STREAM, [stream?.oid])
    },
    async claim(sql, { ownerId, uploaderId }, digests) {
      if (uploaderId !== ownerId) await sql(ADOPT, [ownerId, uploaderId, digests])
      const rows = await sql<{ digest: string; sizeBytes: number }>(CLAIM, [ownerId, digests])
      return new Map(rows.map(({ digest, sizeBytes }) => [digest, sizeBytes]))
    },
    async read(ownerId, digest) {
      const [row] = await anySql<{ content: Buffer<ArrayBuffer> }>(READ, [ownerId, digest])
      return row?.content ?? null
    },
    async slice({ ownerId, digest }, encoding, start, length) {
      const [row] =
        encoding === null
          ? await anySql<{ slice: Buffer }>(SLICE, [ownerId, digest, start + 1, length])
          : await anySql<{ slice: Buffer }>(VARIANT_SLICE, [ownerId, digest, encoding, start + 1, length])
      return row?.slice ?? null
    },
    async variantSize({ ownerId, digest }, encoding) {
      const [row] = await anySql<{ size: number | null }>(VARIANT_SIZE, [ownerId, digest, encoding])
      return row?.size
    },
    async keepVariant({ ownerId, digest }, encoding, content) {
      await anySql(KEEP_VARIANT, [ownerId, digest, encoding, content])
    },
  }
}

/** Where each slice starts, from 1. */
function startsOf(sizes: number[]): number[] {
  const starts: number[] = []
  let start = 1
  for (const size of sizes) {
    starts.push(start)
    start += size
  }
  return starts
}

/** In the order of the digests: two publishes that share content wait for each other instead of deadlocking. */
function* batches(blobs: Blob[]): Generator<Blob[]> {
  let batch: Blob[] = []
  let bytes = 0
  for (const blob of blobs.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
    if (batch.length > 0 && bytes + blob.content.length > BATCH_BYTES) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(blob)
    bytes += blob.content.length
  }
  if (batch.length > 0) yield batch
}
