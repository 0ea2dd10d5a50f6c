/** `GET /blockstacks/exec/<id>`: runs a stack by itself, and answers when the run has ended, however long that takes. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Clock } from '../../kernel/clock.ts'
import { ConflictError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import type { StackService } from '../../stacks/service.ts'
import { heldAnswer, untold } from '../held-answer.ts'
import type { Routes } from '../routing.ts'
import { actsOnGet } from './acts-on-get.ts'
import { idParams } from './ids.ts'
import { failureOf } from './outcome.ts'
import { answers, createRoutes, json, secured } from './router.ts'
import { stackById } from './stack-find.ts'

export type ExecDeps = { stacks: StackService; clock: Clock; log: Log }

const executedSchema = z
  .union([z.object({ success: z.array(z.int()).describe('Ids of its blocks.') }), z.object({ error: z.string() })])
  .openapi('Execution')

type Executed = z.output<typeof executedSchema>

export function execRoutes({ stacks, clock, log }: ExecDeps): Routes {
  const routes = createRoutes(log)

  routes.openapi(
    createRoute({
      ...{ method: 'get', path: '/blockstacks/exec/{id}', summary: 'Run a stack now, and wait until that has ended' },
      description:
        'White space goes before the answer while the run takes its time. Whoever leaves leaves the run alone.',
      ...secured(actsOnGet('GET')),
      request: { params: idParams },
      responses: answers({ 200: json(executedSchema, 'It has run, and failed or not') }),
    }),
    async (context) => {
      const { viewer } = context.var
      const { id } = await stackById(stacks, viewer, context.req.valid('param').id)
      const [numbers] = await stacks.numbersOf([id])
      const called = await stacks.execute(viewer, id, context.req.raw.signal).catch((error) => {
        if (error instanceof ConflictError) return error
        throw error
      })
      if (called instanceof ConflictError) return context.json<Executed, 200>({ error: called.message }, 200)
      const executed = called.ended.then((run): Executed | null => {
        const error = run && failureOf(run, { toStrangers: false })
        if (run === null) return null
        return error === null ? { success: numbers?.actions ?? [] } : { error }
      })
      return heldAnswer<Executed>(executed, { clock, onFault: untold(log, called.runId) })
    },
  )

  return routes
}
