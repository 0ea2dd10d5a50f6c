/** Jobs of the viewer's own for clients that know them by integers and by names, page by page. Theirs are no one else's. */
import type { Job, PrismaClient } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { flawOfText } from '../kernel/storable.ts'

const NAMED = `select id from job where owner_id = $1::uuid and name = $2
  and surface = 'KRAGLE' and deleted_at is null and draft_of_id is null`

const COUNT = `select count(*)::int as total from job_text where owner_id = $1::uuid and surface = 'KRAGLE'`

const PAGE = `select job_id as id from job_text where owner_id = $1::uuid and surface = 'KRAGLE'
  order by job_id limit $2 offset $3`

export function createNumberedJobs({ prisma }: { prisma: PrismaClient }) {
  const sql = sqlIn(prisma)

  return {
    /** Null: there is none of Kragle that is the viewer's own. */
    async numbered(viewer: Viewer, number: number): Promise<Job | null> {
      const { principalId: ownerId } = requireScope(viewer, 'jobs:read')
      const own = { number, ownerId, surface: 'KRAGLE', deletedAt: null, draftOfId: null } as const
      return prisma.job.findFirst({ where: own })
    },

    /** The same by its name, as it is written. */
    async named(viewer: Viewer, name: string): Promise<Job | null> {
      const { principalId } = requireScope(viewer, 'jobs:read')
      const [found] = flawOfText(name) ? [] : await sql<{ id: string }>(NAMED, [principalId, name])
      return found ? prisma.job.findUnique({ where: { id: found.id } }) : null
    },

    /** Those of Kragle, the oldest first, from row `start` on; and how many there are. */
    async own(
      viewer: Viewer,
      { start, limit }: { start: number; limit: number },
    ): Promise<{ jobs: Job[]; total: number }> {
      const { principalId } = requireScope(viewer, 'jobs:read')
      const [[count], ids] = await Promise.all([
        sql<{ total: number }>(COUNT, [principalId]),
        sql<{ id: string }>(PAGE, [principalId, limit, start]),
      ])
      const jobs = await prisma.job.findMany({ where: { id: { in: ids.map(({ id }) => id) } }, orderBy: { id: 'asc' } })
      return { jobs, total: count?.total ?? 0 }
    },
  }
}
