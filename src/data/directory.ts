/** Datasets by their names, and lists of them by pages that are counted from the start. */
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import type { Viewer } from '../identity/viewer.ts'
import { accessOf, type LoadedDataset } from './rights.ts'

export const DATASET_SORTS = ['name', 'slug', 'createdAt', 'updatedAt', 'rowCount'] as const

export type DatasetPage = {
  search?: string | undefined
  sort: { field: (typeof DATASET_SORTS)[number]; descending: boolean }
  /** At most; 0 for the total alone. */
  limit: number
  start: number
}

const withArtifact = { artifact: true } as const

export function createDirectory(deps: {
  prisma: PrismaClient
  listed(viewer: Viewer, filter: { search?: string | undefined }): Promise<Prisma.DatasetWhereInput>
}) {
  const { prisma, listed } = deps
  return {
    /** One that is on no artifact, by its owner's handle, of a team with or without `team:`, and its slug. */
    async findNamed(viewer: Viewer, { handle, slug }: { handle: string; slug: string }): Promise<LoadedDataset | null> {
      const found = await prisma.dataset.findMany({
        where: { slug, artifactId: null, owner: { handle: { in: [handle, `team:${handle}`] } } },
        include: withArtifact,
        // A user comes before the team that is called so.
        orderBy: { owner: { handle: handle.startsWith('team:') ? 'desc' : 'asc' } },
      })
      return found.find((dataset) => accessOf(viewer, dataset)) ?? null
    },

    /** Of the viewer's and of their teams', for administrators of all; ids decide between equals. */
    async page(
      viewer: Viewer,
      { search, sort, limit, start }: DatasetPage,
    ): Promise<{ datasets: LoadedDataset[]; total: number }> {
      const where = await listed(viewer, { search })
      const direction = sort.descending ? 'desc' : 'asc'
      const [datasets, total] = await Promise.all([
        limit === 0
          ? []
          : prisma.dataset.findMany({
              ...{ where, include: withArtifact, take: limit, skip: start },
              orderBy: [{ [sort.field]: direction }, { id: direction }],
            }),
        prisma.dataset.count({ where }),
      ])
      return { datasets, total }
    },
  }
}
