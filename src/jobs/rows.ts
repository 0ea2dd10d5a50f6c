import type pg from 'pg'
import { columnsOf } from '../db/columns.ts'
import { type Job, Prisma } from '../db/generated/prisma/client.ts'
import { sqlOn } from '../db/sql.ts'

const BY_IDS = `select ${columnsOf('j', Object.values(Prisma.JobScalarFieldEnum))} from job j where j.id = any($1::uuid[])`

/** Whole rows, of deleted jobs too, in no order. */
export type ReadJobs = (ids: readonly string[]) => Promise<Job[]>

/** Nearly every request asks for some, so without Prisma. */
export function createJobRows(pool: pg.Pool): ReadJobs {
  const sql = sqlOn(pool)
  return (ids) => sql<Job>(BY_IDS, [ids])
}
