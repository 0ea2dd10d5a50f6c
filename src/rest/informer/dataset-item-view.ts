/** A dataset as Informer shows it. */
import { z } from '@hono/zod-openapi'
import type { LoadedDataset } from '../../data/rights.ts'
import type { Principal } from '../../db/generated/prisma/client.ts'
import { link, linkSchema } from './hal.ts'

export const datasetSchema = z
  .object({
    _links: z.object({ self: linkSchema, 'inf:dataset-rows': linkSchema }),
    id: z.string(),
    naturalId: z.string().describe('`{ownerId}:{slug}`; of a dataset of an artifact its id.'),
    name: z.string(),
    slug: z.string(),
    description: z.string().nullable(),
    ownerId: z.string().describe('Handle of a user, or `team:` and that of a team.'),
    createdAt: z.string(),
    updatedAt: z.string().describe('When it or one of its rows was last changed.'),
  })
  .openapi('Dataset')

export const datasetHref = (id: string) => `/api/datasets/${id}`

export function datasetView(dataset: LoadedDataset, owner: Principal | null): z.output<typeof datasetSchema> {
  const { id, name, slug, description, artifactId } = dataset
  const ownerId = owner?.handle ?? ''
  const href = datasetHref(id)
  return {
    _links: { self: link(href), 'inf:dataset-rows': link(`${href}/rows`) },
    id,
    naturalId: artifactId ? id : `${ownerId}:${slug}`,
    ...{ name, slug, description, ownerId },
    createdAt: dataset.createdAt.toISOString(),
    updatedAt: dataset.updatedAt.toISOString(),
  }
}
