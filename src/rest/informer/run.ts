/** `POST /api/jobs/{id}`: runs a job, and answers when the run has ended, however long that takes. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Run } from '../../db/generated/prisma/client.ts'
import type { JobService } from '../../jobs/service.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Log } from '../../kernel/log.ts'
import type { RunService } from '../../runs/service.ts'
import { heldAnswer, untold } from '../held-answer.ts'
import type { Routes } from '../routing.ts'
import { jobFinder, jobParams } from './job-params.ts'
import { answers, createRoutes, failure, hal, secured } from './router.ts'
import { INVOKING, resultKeyOf } from './run-keys.ts'

export type RunDeps = { jobs: JobService; runs: RunService; clock: Clock; log: Log }

const executionSchema = z
  .object({
    success: z.boolean(),
    duration: z.int().describe('Milliseconds.'),
    history: z.array(
      z.object({
        task: z.object({ key: z.string() }),
        result: z.object({ key: z.string(), success: z.boolean() }),
      }),
    ),
  })
  .openapi('JobExecution')

type Execution = z.output<typeof executionSchema>

export function runRoutes({ jobs, runs, clock, log }: RunDeps): Routes {
  const routes = createRoutes(log)
  const findJob = jobFinder(jobs)

  routes.openapi(
    createRoute({
      method: 'post',
      path: '/api/jobs/{id}',
      summary: 'Run a job now, and wait until it has ended',
      description:
        'Also one that is disabled. White space goes before the answer while the run takes its time. Whoever leaves leaves the run alone.',
      ...secured(),
      request: { params: jobParams },
      responses: answers({
        200: hal(executionSchema, 'It has run, and failed or not'),
        409: failure('It runs already, is a draft, or an administrator holds it'),
      }),
    }),
    async (context) => {
      const { viewer } = context.var
      const job = await findJob(viewer, context.req.valid('param').id)
      const { id } = await runs.start(viewer, { jobId: job.id }, 1)
      const run = runs.untilFinal(viewer, id, context.req.raw.signal)
      return heldAnswer<Execution>(
        run.then((ended) => ended && executionView(ended)),
        { clock, onFault: untold(log, id) },
      )
    },
  )

  return routes
}

function executionView({ status, startedAt, finishedAt }: Run): Execution {
  const success = status === 'SUCCEEDED'
  const duration = startedAt && finishedAt ? Math.max(finishedAt.getTime() - startedAt.getTime(), 0) : 0
  return { success, duration, history: [{ task: { key: INVOKING }, result: { key: resultKeyOf(success), success } }] }
}
