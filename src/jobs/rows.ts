import { columnsOf } from '../db/columns.ts'
import { type Job, Prisma } from '../db/generated/prisma/client.ts'
import type { Sql } from '../db/sql.ts'

const BY_IDS = `select ${columnsOf('j', Object.values(Prisma.JobScalarFieldEnum))} from job j where j.id = any($1::uuid[])`

/** Whole rows, of deleted jobs too, in no order. Asked for by nearly every request, so without Prisma. */
export const jobsByIds = (sql: Sql, ids: readonly string[]): Promise<Job[]> => sql<Job>(BY_IDS, [ids])
