/** Slugs of jobs: unique within their owner, for clients that know jobs by names. */
import { SLUG_LIMIT, slugOf } from '../artifacts/spec.ts'
import type { Prisma } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'

/** Two jobs of one owner that want the same slug get it one after the other. */
const HOLD = `select pg_advisory_xact_lock(hashtext('slug of a job'), hashtext($1::uuid || $2))`

/** The slug itself if it is free, else the lowest number behind the highest that was given out. */
const NEXT = `
select coalesce(max(substring(slug from '-(\\d{1,9})$')::int), 1) + 1 as number, bool_or(slug = $2) as taken
from job where owner_id = $1::uuid and deleted_at is null and draft_of_id is null
  and (slug = $2 or slug ~ ('^' || $2 || '-\\d{1,9}$'))`

/** A slug that no other job of the owner has: `daily-report`, `daily-report-2`. */
export async function freeSlug(tx: Prisma.TransactionClient, ownerId: string, wanted: string): Promise<string> {
  const base = wantedSlug(wanted)
  const sql = sqlIn(tx)
  await sql(`${HOLD}::text`, [ownerId, base])
  const [row] = await sql<{ number: number; taken: boolean | null }>(NEXT, [ownerId, base])
  return row?.taken ? `${base}-${row.number}` : base
}

/** The slug itself, with room for a number behind it. */
export const wantedSlug = (wanted: string): string => wanted.slice(0, SLUG_LIMIT - 10).replace(/-$/, '')

export const slugOfName = (name: string): string => slugOf(name, 'job')
