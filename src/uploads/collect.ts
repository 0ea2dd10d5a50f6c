/**
 * Content that nobody needs any more: no version has it as a file or as its page for small screens, and no upload that
 * was prepared keeps it. A bounded batch per transaction, found by primary key.
 *
 * Whoever is about to use content holds its row until they have committed (`storage.claim`, `put`). So the rows are
 * locked first, passing over those that are held, and what is unused is decided by a second statement, whose snapshot
 * is taken under the locks: whoever held a row before has committed, and whoever comes later waits and finds it gone.
 */
import type { Sql } from '../db/sql.ts'

/** A row of `blob`: behind it the next batch begins. */
export type BlobKey = { ownerId: string; digest: string }

export const FIRST_BLOB: BlobKey = { ownerId: '00000000-0000-0000-0000-000000000000', digest: '' }

const BATCH = 500

/** `unused` is a guess that the second statement proves. */
const SEEN = `
with seen as materialized (
  select owner_id, digest from blob where (owner_id, digest) > ($1::uuid, $2::text)
  order by owner_id, digest limit $3
), mobile as materialized (
  select distinct a.owner_id, v.mobile_digest as digest from artifact_version v join artifact a on a.id = v.artifact_id
  where v.mobile_digest = any(array(select digest from seen))
), unused as (
  select s.owner_id, s.digest from seen s
  where not exists (select from mobile m where m.owner_id = s.owner_id and m.digest = s.digest) and ${keptNowhere('s')}
), held as materialized (
  select b.owner_id, b.digest from blob b
  where (b.owner_id, b.digest) in (select owner_id, digest from unused) for update skip locked
)
select (select array_agg(owner_id order by owner_id, digest) from held) as owners,
  (select array_agg(digest order by owner_id, digest) from held) as digests,
  (select jsonb_build_object('ownerId', owner_id, 'digest', digest) from seen
    order by owner_id, digest offset $3 - 1 limit 1) as next`

const DELETE = `
with mobile as materialized (
  select a.owner_id, v.mobile_digest as digest from artifact_version v join artifact a on a.id = v.artifact_id
  where v.mobile_digest = any($2::text[])
), gone as (
  delete from blob b using unnest($1::uuid[], $2::text[]) as h(owner_id, digest)
  where b.owner_id = h.owner_id and b.digest = h.digest
    and not exists (select from mobile m where m.owner_id = b.owner_id and m.digest = b.digest) and ${keptNowhere('b')}
  returning 1
)
select count(*)::int as count from gone`

function keptNowhere(row: string): string {
  return `not exists (
      select from pending_upload u
      where u.owner_id = ${row}.owner_id and u.digest = ${row}.digest and u.expires_at > clock_timestamp())
    and not exists (
      select from version_file f join artifact_version v on v.id = f.version_id join artifact a on a.id = v.artifact_id
      where f.digest = ${row}.digest and a.owner_id = ${row}.owner_id)`
}

/** Looks at the next blobs behind `after`, in the transaction of `sql`. `next` null: there are none behind them. */
export async function collectBlobs(sql: Sql, after: BlobKey): Promise<{ count: number; next: BlobKey | null }> {
  const [seen] = await sql<{ owners: string[] | null; digests: string[] | null; next: BlobKey | null }>(SEEN, [
    ...[after.ownerId, after.digest, BATCH],
  ])
  const next = seen?.next ?? null
  if (!seen?.owners) return { count: 0, next }
  const [gone] = await sql<{ count: number }>(DELETE, [seen.owners, seen.digests])
  return { count: gone?.count ?? 0, next }
}
