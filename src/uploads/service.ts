/**
 * Content on its way into a publish: one says what one has, sends what is missing, and publishes by digest. Only what
 * was prepared is taken in, by its owner, and it is kept for a day though no version has it yet.
 */
import type pg from 'pg'
import type { PublishLimits } from '../artifacts/spec.ts'
import { inTransaction, type Sql, sqlOn } from '../db/sql.ts'
import type { Storage } from '../hosting/storage.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { NotFoundError, ValidationError } from '../kernel/errors.ts'
import { validate } from '../kernel/validate.ts'
import { receive } from './receive.ts'
import { type PrepareInput, prepareSpec, UPLOAD_HOURS } from './spec.ts'

export type UploadService = ReturnType<typeof createUploadService>

/** `isNew` false: it was there already, and nothing was read. */
export type Uploaded = { digest: string; sizeBytes: number; isNew: boolean }

const KEEP = `insert into pending_upload (owner_id, digest, expires_at)
  select $1::uuid, digest, clock_timestamp() + make_interval(hours => $3) from unnest($2::text[]) as given(digest)
  order by digest on conflict (owner_id, digest) do update set expires_at = excluded.expires_at`

const PREPARED = `select 1 from pending_upload
  where owner_id = $1::uuid and digest = $2 and expires_at > clock_timestamp()`

export function createUploadService(deps: {
  pool: pg.Pool
  storage: Storage
  limits: PublishLimits
  /** Without a slash at its end. */
  publicUrl: string
}) {
  const { pool, storage, limits, publicUrl } = deps
  const sql = sqlOn(pool)
  const spec = prepareSpec(limits)

  async function sizeOf(tx: Sql, ownerId: string, digest: string): Promise<number | undefined> {
    return (await storage.claim(tx, { ownerId, uploaderId: ownerId }, [digest])).get(digest)
  }

  return {
    /** Bytes of one upload. */
    maxBytes: limits.fileBytes,

    /** The digests that the viewer has to upload; the others are kept for them, too. */
    async prepare(viewer: Viewer, input: PrepareInput): Promise<{ missing: string[]; uploadUrl: string }> {
      const { principalId } = requireScope(viewer, 'artifacts:write')
      const { files } = validate(spec, input)
      const digests = [...new Set(files.map(({ digest }) => digest))]
      // What is there is held until it is also kept: a collection in between would make a lie of the answer.
      const there = await inTransaction(pool, async (tx) => {
        const claimed = await storage.claim(tx, { ownerId: principalId, uploaderId: principalId }, digests)
        await tx(KEEP, [principalId, digests, UPLOAD_HOURS])
        return claimed
      })
      return { missing: digests.filter((digest) => !there.has(digest)), uploadUrl: `${publicUrl}/uploads/` }
    },

    /**
     * Takes the content in. `body` is read only if it is needed.
     * @throws NotFoundError when it was not prepared, ValidationError when it is something else; then nothing is kept
     */
    async upload(viewer: Viewer, digest: string, body: AsyncIterable<Buffer>): Promise<Uploaded> {
      const { principalId } = requireScope(viewer, 'artifacts:write')
      const [prepared] = await sql(PREPARED, [principalId, digest])
      if (!prepared)
        throw new NotFoundError('no upload of this digest was prepared in the last 24 hours: prepareUpload')
      const there = await sizeOf(sql, principalId, digest)
      if (there !== undefined) return { digest, sizeBytes: there, isNew: false }
      const received = await receive(body)
      try {
        if (received.digest !== digest) {
          throw ValidationError.at('digest', `is not that of the content, which is ${received.digest}`)
        }
        const { sizeBytes } = received
        await inTransaction(pool, (tx) => storage.putStream(tx, principalId, { digest, sizeBytes }, received.read()))
        return { digest, sizeBytes, isNew: true }
      } finally {
        await received.discard()
      }
    },
  }
}
