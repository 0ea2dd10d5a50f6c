/** `GET|POST /blockstacks/hook/<id>`: runs a stack for whom its owner lets, and answers when the run has ended. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { JsonValue } from '../../actions/driver.ts'
import type { Clock } from '../../kernel/clock.ts'
import { ConflictError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import type { StackService } from '../../stacks/service.ts'
import { noSuchStack } from '../../stacks/use.ts'
import { heldAnswer, untold } from '../held-answer.ts'
import type { Env, Routes } from '../routing.ts'
import { actsOnGet } from './acts-on-get.ts'
import { type CredentialDeps, viewerOf } from './credentials.ts'
import { CODE, isConflict, KragleError } from './fault.ts'
import { hookInputOf, TOKEN_HEADER, TOKEN_QUERY } from './hook-input.ts'
import { idParams, numberIn } from './ids.ts'
import { failureOf } from './outcome.ts'
import { answers, createRoutes, failure, json } from './router.ts'

export type HookDeps = CredentialDeps & { stacks: StackService; clock: Clock; log: Log }

const PATH = '/blockstacks/hook/{id}'

/** Whether it is for the stack to say who may ask: what credentials a request has is then looked at where it matters. */
export const isHook = (path: string): boolean => path.startsWith('/blockstacks/hook/')

const anyJson = z.unknown() as z.ZodType as z.ZodType<JsonValue>

const calledSchema = z
  .union([
    z.object({ status: z.literal(0), result: anyJson.describe('What the last block left.') }),
    z.object({ status: z.literal(1), err: z.string() }),
  ])
  .openapi('HookAnswer')

type Answer = z.output<typeof calledSchema>

export function hookRoutes(deps: HookDeps): Routes {
  const { stacks, clock, log } = deps
  const routes = createRoutes(log)

  async function answer(context: Context<Env>, method: 'GET' | 'POST', id: string) {
    const { req } = context
    const number = numberIn(id)
    if (number === null) throw noSuchStack()
    const call = {
      ...{ number, method },
      viewer: () => viewerOf(deps, context),
      token: req.header(TOKEN_HEADER) ?? req.query(TOKEN_QUERY) ?? null,
      input: (mode: Parameters<typeof hookInputOf>[1]) => hookInputOf(req, mode),
    }
    const called = await stacks.call(call, req.raw.signal).catch((error) => {
      if (isConflict(error, 'METHOD')) throw wrongMethod(error.message, method)
      if (error instanceof ConflictError) return error
      throw error
    })
    if (called instanceof ConflictError) return context.json<Answer, 200>({ status: 1, err: called.message }, 200)
    const outcome = called.ended.then((run): Answer | null => {
      if (run === null) return null
      const err = failureOf(run, { toStrangers: called.byStranger })
      return err === null ? { status: 0, result: run.output as JsonValue } : { status: 1, err }
    })
    return heldAnswer<Answer>(outcome, { clock, onFault: untold(log, called.runId) })
  }

  const more = {
    description: `For whom the stack's \`webhook\` says; a token is the parameter \`${TOKEN_QUERY}\` or the header \`${TOKEN_HEADER}\`. The run's input is \`{GET, POST, JSON, HEADERS}\`. White space goes before the answer while the run takes its time.`,
    middleware: [actsOnGet('GET, POST')],
    responses: answers({
      200: json(calledSchema, 'It has run, and failed or not'),
      405: failure('The stack wants the other method; code 4'),
      415: failure('The body is neither JSON nor a form; code 4'),
    }),
  }
  const anything = { schema: {} }

  routes.openapi(
    createRoute({ method: 'get', path: PATH, summary: 'Call a stack', ...more, request: { params: idParams } }),
    (context) => answer(context, 'GET', context.req.valid('param').id),
  )
  routes.openapi(
    createRoute({
      ...{ method: 'post', path: PATH, summary: 'Call a stack with a body', ...more },
      request: {
        params: idParams,
        body: { content: { 'application/json': anything, 'application/x-www-form-urlencoded': anything } },
      },
    }),
    (context) => answer(context, 'POST', context.req.valid('param').id),
  )

  return routes
}

function wrongMethod(message: string, asked: 'GET' | 'POST'): KragleError {
  const headers = { allow: asked === 'GET' ? 'POST' : 'GET' }
  return new KragleError(CODE.BAD_PAYLOAD, message, { status: 405, headers })
}
