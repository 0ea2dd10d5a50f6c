/** Snapshots of datasets: taken, listed, read and deleted. A snapshot is seen as its dataset is. */
import type pg from 'pg'
import type { DatasetSnapshot, PrismaClient } from '../db/generated/prisma/client.ts'
import { listById } from '../db/keyset.ts'
import { sqlOn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { NotFoundError } from '../kernel/errors.ts'
import type { Connection, Cursor, PageArgs } from '../kernel/pages.ts'
import { text } from '../kernel/storable.ts'
import { validate } from '../kernel/validate.ts'
import type { DataRow, RowQuery } from './queries.ts'
import type { LoadedDataset } from './rights.ts'
import { takeSnapshot } from './snapshots.ts'

const NAME_LIMIT = 200
const nameSpec = text(NAME_LIMIT).nullish()

export type RowPage = Connection<DataRow & { keys: Cursor }>

export function createSnapshotService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  readable(viewer: Viewer, where: { id: string }): Promise<LoadedDataset | null>
  requireOwn(viewer: Viewer, id: string): Promise<LoadedDataset>
  visible(viewer: Viewer, dataset: LoadedDataset, of: RowQuery['of']): Promise<RowQuery>
  page(query: RowQuery, args: PageArgs & { sort?: unknown }): Promise<RowPage>
}) {
  const { prisma, pool, readable, requireOwn, visible, page } = deps
  const noSuchSnapshot = () => new NotFoundError('there is no such snapshot')

  return {
    async takeSnapshot(viewer: Viewer, datasetId: string, name?: string | null): Promise<DatasetSnapshot> {
      requireScope(viewer, 'data:write')
      const given = validate(nameSpec, name)
      await requireOwn(viewer, datasetId)
      const taken = await takeSnapshot(sqlOn(pool), datasetId, { name: given || null, effect: null })
      if (!taken) throw new NotFoundError('there is no such dataset')
      return prisma.datasetSnapshot.findUniqueOrThrow({ where: { id: taken.id } })
    },

    /** For good. Answers what it was. */
    async deleteSnapshot(viewer: Viewer, id: string): Promise<DatasetSnapshot> {
      requireScope(viewer, 'data:write')
      const snapshot = await prisma.datasetSnapshot.findUnique({ where: { id } })
      if (!snapshot || !(await readable(viewer, { id: snapshot.datasetId }))) throw noSuchSnapshot()
      await requireOwn(viewer, snapshot.datasetId)
      await prisma.datasetSnapshot.deleteMany({ where: { id } })
      return snapshot
    },

    /** In the order of the ids; null where there is none that the viewer may read. */
    async snapshotsByIds(viewer: Viewer, ids: readonly string[]): Promise<(DatasetSnapshot | null)[]> {
      const found = await prisma.datasetSnapshot.findMany({ where: { id: { in: [...ids] } } })
      const readables = await Promise.all(found.map(({ datasetId }) => readable(viewer, { id: datasetId })))
      const byId = new Map(found.filter((_, index) => readables[index]).map((each) => [each.id, each]))
      return ids.map((id) => byId.get(id) ?? null)
    },

    /** Newest first. The dataset was read. */
    snapshots: (datasetId: string, args: PageArgs): Promise<Connection<DatasetSnapshot>> =>
      listById(args, {
        rows: (query) => prisma.datasetSnapshot.findMany({ ...query, where: { AND: [{ datasetId }, query.where] } }),
        count: () => prisma.datasetSnapshot.count({ where: { datasetId } }),
      }),

    async snapshotRows(
      viewer: Viewer,
      { id, datasetId }: DatasetSnapshot,
      { filter, ...args }: PageArgs & { filter?: unknown; sort?: unknown },
    ): Promise<RowPage> {
      const dataset = await readable(viewer, { id: datasetId })
      if (!dataset) throw noSuchSnapshot()
      return page({ ...(await visible(viewer, dataset, { snapshot: id })), filter }, args)
    },
  }
}
