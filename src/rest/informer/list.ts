/** `GET /api/jobs`: jobs that the viewer may read, found by words, sorted, and page by page. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import type { Routes } from '../routing.ts'
import { collection, collectionSchema } from './hal.ts'
import { createJobViews, type JobViewDeps, jobItemSchema } from './job-view.ts'
import { pageQuery, searchQuery, sortQuery } from './page-query.ts'
import { answers, createRoutes, hal, secured } from './router.ts'

const FIELDS = ['name', 'type', 'enabled', 'ownerId', 'nextRunAt', 'createdAt', 'updatedAt'] as const

const querySchema = z.object({
  q: searchQuery.describe('Words, or their beginnings, that the name or the description has; all of them.'),
  sort: sortQuery(FIELDS).describe('Ids decide between equals; what has no next run comes last.'),
  ...pageQuery,
})

/** The link that clients fill in themselves. */
const SELF = { href: '/api/jobs{?sort,limit,start,q}', templated: true }

const REL = 'inf:job'

export type ListDeps = JobViewDeps & { log: Log }

export function listRoutes(deps: ListDeps): Routes {
  const { jobs, log } = deps
  const routes = createRoutes(log)
  const views = createJobViews(deps)

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/api/jobs',
      summary: 'Search and list jobs',
      ...secured(),
      request: { query: querySchema },
      responses: answers({ 200: hal(collectionSchema(REL, jobItemSchema), 'A page of the list') }),
    }),
    async (context) => {
      const { q, sort, start, limit } = context.req.valid('query')
      const filter = { search: q, surface: 'INFORMER' as const }
      const found = await jobs.listSorted(context.var.viewer, { filter, sort, start, limit })
      const items = await views.items(found.jobs)
      return context.json(collection(SELF, REL, items, { start, total: found.total }), 200)
    },
  )

  return routes
}
