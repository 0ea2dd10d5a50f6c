/** The dataset that a path names: by its UUID, or by its natural id `{ownerId}:{slug}`. */
import { z } from '@hono/zod-openapi'
import { type LoadedDataset, noSuchDataset } from '../../data/rights.ts'
import type { DataService } from '../../data/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { isUuid, naturalIdOf } from '../../kernel/ids.ts'

export const datasetParams = z.object({ id: z.string().describe('UUID, or `{ownerId}:{slug}`.') })

export type FindDataset = (viewer: Viewer, id: string) => Promise<LoadedDataset>

/** @throws NotFoundError for what the viewer may not read */
export const datasetFinder =
  (data: DataService): FindDataset =>
  async (viewer, id) => {
    const uuid = id.toLowerCase()
    const natural = naturalIdOf(id)
    const dataset = isUuid(uuid)
      ? await data.find(viewer, { id: uuid })
      : natural && (await data.findNamed(viewer, natural))
    if (!dataset) throw noSuchDataset()
    return dataset
  }
