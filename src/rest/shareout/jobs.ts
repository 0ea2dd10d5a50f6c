/** `/v1/jobs`: actions on artifacts, by a schedule or when something happens. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Job } from '../../db/generated/prisma/client.ts'
import type { IdempotencyService } from '../../idempotency/service.ts'
import { requireScope, requireSignedIn } from '../../identity/permissions.ts'
import type { Viewer } from '../../identity/viewer.ts'
import type { MadeJob } from '../../jobs/create.ts'
import { noSuchJob } from '../../jobs/rights.ts'
import type { JobService } from '../../jobs/service.ts'
import { ForbiddenError, NotFoundError, ValidationError } from '../../kernel/errors.ts'
import { uuidOf } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { firstRows } from '../../kernel/pages.ts'
import type { RunService } from '../../runs/service.ts'
import type { ScheduleService } from '../../schedules/service.ts'
import { body, type Routes } from '../routing.ts'
import { idempotent } from './idempotent.ts'
import { createInput, inTermsOfConfig, updateInput } from './job-input.ts'
import { createSchema, executionSchema, jobAnswerSchema, jobSchema, logsSchema, updateSchema } from './job-schema.ts'
import { executionView, jobView, logView } from './job-view.ts'
import { answers, createRoutes, json, secured, securedBody } from './router.ts'

export type JobsDeps = {
  jobs: JobService
  runs: RunService
  schedules: ScheduleService
  idempotency: IdempotencyService
  log: Log
  /** Whether a host may be called without TLS. */
  isOpenHost: (hostname: string) => boolean
}

const LIST_LIMIT = 1_000
const LOGS_LIMIT = 50

const id = z.object({ id: z.string().describe('`job_…`') })

export function jobRoutes({ jobs, runs, schedules, idempotency, log, isOpenHost }: JobsDeps): Routes {
  const routes = createRoutes(log, 'INVALID_REQUEST')
  const once = idempotent(idempotency)

  async function views(viewer: Viewer, found: readonly Job[]) {
    const known = await jobs.shareoutActions(viewer, found)
    const last = await runs.lastOfJobs(found.map((job) => job.id))
    const scheduled = await schedules.byIds(found.flatMap(({ scheduleId }) => scheduleId ?? []))
    const byId = new Map(scheduled.map((schedule) => [schedule?.id, schedule]))
    return found.flatMap((job, index) => {
      const action = known[index]
      return action ? [jobView(job, byId.get(job.scheduleId ?? '') ?? null, action, last[index] ?? null)] : []
    })
  }

  async function answerOf(viewer: Viewer, job: Job) {
    const [view] = await views(viewer, [job])
    if (!view) throw noSuchJob()
    return { ...view, job: view }
  }

  function answerOfMade(viewer: Viewer, { job, schedule, steps: [step] }: MadeJob) {
    const action = step && jobs.shareoutAction(viewer, step)
    if (!action) throw noSuchJob()
    const view = jobView(job, schedule, action, null)
    return { ...view, job: view }
  }

  /** A job of this dialect that the viewer may read: those of others are not there. */
  async function requireJob(viewer: Viewer, given: string): Promise<Job> {
    requireScope(viewer, 'jobs:read')
    const uuid = uuidOf('Job', given)
    const job = uuid ? await jobs.find(viewer, uuid) : null
    if (job?.surface !== 'SHAREOUT') throw noSuchJob()
    return job
  }

  async function listed(viewer: Viewer, artifactId: string | undefined): Promise<Job[]> {
    const { handle } = requireSignedIn(viewer)
    const all = artifactId === undefined ? null : uuidOf('Artifact', artifactId)
    if (artifactId !== undefined && !all) return []
    const filter = { surface: 'SHAREOUT' as const, ...(all ? { artifactId: all } : { ownerHandle: handle }) }
    return firstRows(LIST_LIMIT, (args) => jobs.list(viewer, { filter, ...args }))
  }

  routes.openapi(
    createRoute({
      method: 'post',
      path: '/v1/jobs',
      summary: 'Create a job',
      ...securedBody(once),
      request: body(createSchema),
      responses: answers({ 201: json(jobAnswerSchema, 'Created') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const input = context.req.valid('json')
      const made = await inTermsOfConfig(async () =>
        jobs.make(viewer, createInput(input, isOpenHost), 'SHAREOUT'),
      ).catch((error) => {
        throw isOfArtifact(error)
          ? ValidationError.at('artifact_id', `no artifact of yours is ${input.artifact_id}`)
          : error
      })
      return context.json(answerOfMade(viewer, made), 201)
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/v1/jobs',
      summary: 'List jobs, the newest first',
      ...secured(),
      request: { query: z.object({ artifact_id: z.string().optional() }) },
      responses: answers({ 200: json(z.object({ jobs: z.array(jobSchema) }), 'Jobs') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const found = await listed(viewer, context.req.valid('query').artifact_id)
      return context.json({ jobs: await views(viewer, found) }, 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/v1/jobs/{id}',
      summary: 'Read a job',
      ...secured(),
      request: { params: id },
      responses: answers({ 200: json(jobAnswerSchema, 'The job') }),
    }),
    async (context) => {
      const { viewer } = context.var
      return context.json(await answerOf(viewer, await requireJob(viewer, context.req.valid('param').id)), 200)
    },
  )

  for (const method of ['patch', 'put'] as const) {
    routes.openapi(
      createRoute({
        method,
        path: '/v1/jobs/{id}',
        summary: 'Change a job',
        ...securedBody(),
        request: { params: id, ...body(updateSchema) },
        responses: answers({ 200: json(jobAnswerSchema, 'The job as it is now') }),
      }),
      async (context) => {
        const { viewer } = context.var
        const job = await requireJob(viewer, context.req.valid('param').id)
        const [known] = await jobs.shareoutActions(viewer, [job])
        const input = updateInput(context.req.valid('json'), known?.action ?? '', isOpenHost)
        const changed = await inTermsOfConfig(() => jobs.update(viewer, { jobId: job.id, ...input }))
        return context.json(await answerOf(viewer, changed), 200)
      },
    )
  }

  routes.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/jobs/{id}',
      summary: 'Delete a job',
      ...secured(),
      request: { params: id },
      responses: answers({ 200: json(z.object({ success: z.literal(true) }), 'Deleted') }),
    }),
    async (context) => {
      const { viewer } = context.var
      await jobs.remove(viewer, (await requireJob(viewer, context.req.valid('param').id)).id)
      return context.json({ success: true as const }, 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'post',
      path: '/v1/jobs/{id}/run',
      summary: 'Run a job now, and wait until it has ended',
      ...secured(once),
      request: { params: id },
      responses: answers({ 200: json(executionSchema, 'It has run, and failed or not') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const job = await requireJob(viewer, context.req.valid('param').id)
      const { id: runId } = await runs.start(viewer, { jobId: job.id })
      const run = await runs.untilFinal(viewer, runId, context.req.raw.signal)
      // The client has left, or sees its connection close as the node is stopping; the run goes on.
      if (!run) return new Promise<never>(() => {})
      return context.json(executionView(run), 200)
    },
  )

  routes.openapi(
    createRoute({
      method: 'get',
      path: '/v1/jobs/{id}/logs',
      summary: 'What became of the newest runs',
      ...secured(),
      request: { params: id },
      responses: answers({ 200: json(logsSchema, 'The newest 50') }),
    }),
    async (context) => {
      const job = await requireJob(context.var.viewer, context.req.valid('param').id)
      return context.json({ logs: (await runs.ended(job.id, LOGS_LIMIT)).map(logView) }, 200)
    },
  )

  return routes
}

/** An artifact that is not there, or that is not for this viewer to put jobs on, is a bad request here. */
const isOfArtifact = (error: unknown) =>
  error instanceof NotFoundError || (error instanceof ForbiddenError && error.code === 'FORBIDDEN')
