/**
 * Snapshots of datasets: taken, listed, read and deleted. They hold what has been deleted since, so they are for the
 * dataset's owner, also where its rows are public.
 */
import type pg from 'pg'
import type { DatasetSnapshot, PrismaClient } from '../db/generated/prisma/client.ts'
import { listById } from '../db/keyset.ts'
import { madeUpSqlOn, sqlOn } from '../db/sql.ts'
import { requireScope } from '../identity/permissions.ts'
import type { Viewer } from '../identity/viewer.ts'
import { ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import type { Connection, PageArgs } from '../kernel/pages.ts'
import { text } from '../kernel/storable.ts'
import { validate } from '../kernel/validate.ts'
import { accessOf, type LoadedDataset, noSuchDataset } from './rights.ts'
import { pageOfRows, type RowArgs, type RowPage } from './row-service.ts'
import { takeSnapshot } from './snapshots.ts'

const NAME_LIMIT = 200
const nameSpec = text(NAME_LIMIT).nullish()

export function createSnapshotService(deps: {
  prisma: PrismaClient
  pool: pg.Pool
  /** In the order of the ids; null where there is none that the viewer may read. */
  readable(viewer: Viewer, ids: readonly string[]): Promise<(LoadedDataset | null)[]>
  requireOwn(viewer: Viewer, id: string): Promise<LoadedDataset>
}) {
  const { prisma, pool, readable, requireOwn } = deps
  const noSuchSnapshot = () => new NotFoundError('there is no such snapshot')

  /** In the order of the ids; null where there is none, or none whose dataset the viewer sees whole. */
  async function snapshotsByIds(viewer: Viewer, ids: readonly string[]): Promise<(DatasetSnapshot | null)[]> {
    const found = await prisma.datasetSnapshot.findMany({ where: { id: { in: [...ids] } } })
    const datasets = await readable(
      viewer,
      found.map(({ datasetId }) => datasetId),
    )
    const isWhole = (dataset: LoadedDataset | null | undefined) => dataset && accessOf(viewer, dataset) === 'WHOLE'
    const byId = new Map(found.filter((_, index) => isWhole(datasets[index])).map((each) => [each.id, each]))
    return ids.map((id) => byId.get(id) ?? null)
  }

  return {
    snapshotsByIds,

    async takeSnapshot(viewer: Viewer, datasetId: string, name?: string | null): Promise<DatasetSnapshot> {
      requireScope(viewer, 'data:write')
      const given = validate(nameSpec, name)
      await requireOwn(viewer, datasetId)
      const taken = await takeSnapshot(sqlOn(pool), datasetId, { name: given || null, effect: null })
      const snapshot = taken && (await prisma.datasetSnapshot.findUnique({ where: { id: taken.id } }))
      if (!snapshot) throw noSuchDataset()
      return snapshot
    },

    /** For good. Answers what it was. */
    async deleteSnapshot(viewer: Viewer, id: string): Promise<DatasetSnapshot> {
      requireScope(viewer, 'data:write')
      const snapshot = await prisma.datasetSnapshot.findUnique({ where: { id } })
      const [dataset] = snapshot ? await readable(viewer, [snapshot.datasetId]) : []
      if (!snapshot || !dataset) throw noSuchSnapshot()
      await requireOwn(viewer, snapshot.datasetId)
      const { count } = await prisma.datasetSnapshot.deleteMany({ where: { id } })
      if (count === 0) throw noSuchSnapshot()
      return snapshot
    },

    /** Newest first. */
    async snapshots(viewer: Viewer, dataset: LoadedDataset, args: PageArgs): Promise<Connection<DatasetSnapshot>> {
      const access = accessOf(viewer, dataset)
      if (access === null) throw noSuchDataset()
      if (access !== 'WHOLE') throw new ForbiddenError('only its owner sees the snapshots of a dataset')
      const where = { datasetId: dataset.id }
      return listById(args, {
        rows: (query) => prisma.datasetSnapshot.findMany({ ...query, where: { AND: [where, query.where] } }),
        count: () => prisma.datasetSnapshot.count({ where }),
      })
    },

    async snapshotRows(viewer: Viewer, { id }: DatasetSnapshot, { filter, ...args }: RowArgs): Promise<RowPage> {
      const [seen] = await snapshotsByIds(viewer, [id])
      if (!seen) throw noSuchSnapshot()
      return pageOfRows(madeUpSqlOn(pool), { of: { snapshot: id }, filter }, args)
    },
  }
}
