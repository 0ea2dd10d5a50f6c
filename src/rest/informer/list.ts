/** `GET /api/jobs`: jobs that the viewer may read, found by words, sorted, and page by page. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import { text } from '../../kernel/storable.ts'
import type { Routes } from '../routing.ts'
import { collection, collectionSchema } from './hal.ts'
import { createJobViews, type JobViewDeps, jobItemSchema } from './job-view.ts'
import { answers, createRoutes, hal, secured } from './router.ts'

const SIZE = { default: 30, most: 1_000 }
const SEARCH_LIMIT = 200

const FIELDS = ['name', 'type', 'enabled', 'ownerId', 'nextRunAt', 'createdAt', 'updatedAt'] as const

const count = (fallback: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number from 0 on')
    .transform(Number)
    .default(fallback)

const querySchema = z.object({
  q: text(SEARCH_LIMIT)
    .optional()
    .describe('Words, or their beginnings, that the name or the description has; all of them.'),
  sort: z
    .enum(
      [...FIELDS, ...FIELDS.map((field) => `-${field}` as const)],
      `must be one of ${FIELDS.join(', ')}; - descends`,
    )
    .default('name')
    .describe('Ids decide between equals; what has no next run comes last.'),
  limit: count(SIZE.default).describe(`At most ${SIZE.most}; 0 gives only the total.`),
  start: count(0).describe('Jobs that come before the page.'),
})

/** The link that clients fill in themselves. */
const SELF = { href: '/api/jobs{?sort,limit,start,q}', templated: true }

const REL = 'inf:job'

type Field = (typeof FIELDS)[number]

const sortOf = (given: z.output<typeof querySchema>['sort']) =>
  given.startsWith('-')
    ? { field: given.slice(1) as Field, descending: true }
    : { field: given as Field, descending: false }

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
      const { q, sort, start, ...given } = context.req.valid('query')
      const limit = Math.min(given.limit, SIZE.most)
      const filter = { search: q, surface: 'INFORMER' as const }
      const found = await jobs.listSorted(context.var.viewer, { filter, sort: sortOf(sort), start, limit })
      const items = await views.items(found.jobs)
      return context.json(collection(SELF, REL, items, { start, total: found.total }), 200)
    },
  )

  return routes
}
