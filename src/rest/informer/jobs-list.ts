/** `GET /api/jobs-list`: all jobs that the viewer may read, in short, written while they are read. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import { requireScope } from '../../identity/permissions.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { LEVEL } from '../../jobs/rights.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Log } from '../../kernel/log.ts'
import type { Routes } from '../routing.ts'
import { answers, createRoutes, secured } from './router.ts'

const briefSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string(),
    enabled: z.boolean(),
    ownerId: z.string(),
    ownerName: z.string().describe('Of one who has none: the handle.'),
    naturalId: z.string().describe('`{ownerId}:{slug}`'),
    tags: z.array(z.string()).describe('Their ids.'),
    sharing: z.array(z.object({ principalId: z.string(), accessLevel: z.int() })),
    permissions: z.object({ edit: z.boolean(), write: z.boolean(), delete: z.boolean(), share: z.boolean() }),
  })
  .openapi('JobBrief')

export type JobsListDeps = { jobs: JobService; identity: IdentityService; log: Log }

export function jobsListRoutes({ jobs, identity, log }: JobsListDeps): Routes {
  const routes = createRoutes(log)

  /** By a number of statements that does not depend on that of the jobs. */
  async function briefsOf(viewer: Viewer, batch: readonly Job[]): Promise<z.output<typeof briefSchema>[]> {
    const ids = batch.map(({ id }) => id)
    const [tags, shares, access] = await Promise.all([
      jobs.tagsOf(ids),
      jobs.sharedWith(ids),
      jobs.accessTo(viewer, batch),
    ])
    const principals = await identity.principals([...new Set(batch.map(({ ownerId }) => ownerId))])
    const byId = new Map(principals.flatMap((principal) => (principal ? [[principal.id, principal] as const] : [])))
    return batch.map((job, index) => {
      const owner = byId.get(job.ownerId)
      const level = access[index]?.level ?? LEVEL.NONE
      return {
        ...{ id: job.id, name: job.name ?? '', type: job.type ?? '', enabled: job.enabled },
        ownerId: owner?.handle ?? '',
        ownerName: owner?.name || (owner?.handle ?? ''),
        naturalId: `${owner?.handle ?? ''}:${job.slug ?? ''}`,
        tags: (tags[index] ?? []).map(({ id }) => id),
        sharing: (shares[index] ?? []).map(({ principal, level: accessLevel }) => ({
          principalId: principal.handle,
          accessLevel,
        })),
        permissions: {
          edit: level >= LEVEL.EDIT,
          write: level >= LEVEL.EDIT,
          delete: level >= LEVEL.OWN,
          share: level >= LEVEL.SHARE,
        },
      }
    })
  }

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/api/jobs-list',
      summary: 'List all readable jobs in short',
      ...secured(),
      responses: answers({
        200: { description: 'All of them', content: { 'application/json': { schema: z.array(briefSchema) } } },
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      requireScope(viewer, 'jobs:read')
      const batches = jobs.all(viewer, { surface: 'INFORMER' })
      const parts = partsOf(batches, (batch) => briefsOf(viewer, batch))
      // Who may not read is told so before anything is sent.
      const first = await parts.next()
      return new Response(streamOf(first.value ?? '', parts), {
        headers: { 'content-type': 'application/json; charset=utf-8' },
      }) as never
    },
  )

  return routes
}

/** An array of JSON in parts. */
async function* partsOf<Each>(batches: AsyncGenerator<Each[]>, viewsOf: (batch: Each[]) => Promise<object[]>) {
  let before = '['
  for await (const batch of batches) {
    const views = await viewsOf(batch)
    if (views.length === 0) continue
    yield before + views.map((view) => JSON.stringify(view)).join(',')
    before = ','
  }
  yield before === '[' ? '[]' : ']'
}

/** What is not taken is not read; a client that goes away ends the reading. */
function streamOf(first: string, parts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(first)),
    async pull(controller) {
      const { done, value } = await parts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await parts.return(undefined)
    },
  })
}
