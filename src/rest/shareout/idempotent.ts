/** `Idempotency-Key` of a request that makes something: a success is answered again for a day, whatever the body. */
import type { MiddlewareHandler } from 'hono'
import type { IdempotencyService } from '../../idempotency/service.ts'
import type { Env } from '../routing.ts'

/** Stands behind what asks for a token. */
export const idempotent =
  (idempotency: IdempotencyService): MiddlewareHandler<Env> =>
  async (context, next) => {
    const { req, var: variables } = context
    const key = req.header('idempotency-key') ?? req.header('x-idempotency-key')
    if (key === undefined || !variables.viewer) return next()
    const { principalId } = variables.viewer
    const request = { principalId, route: `${req.method} ${req.path}`, key, request: await req.text() }
    const { answer, replayed } = await idempotency.once(
      request,
      async () => {
        await next()
        return { status: context.res.status, body: await context.res.clone().text() }
      },
      ({ status }) => status >= 200 && status < 300,
    )
    if (!replayed) return
    const headers = { 'content-type': 'application/json', 'x-idempotent-replayed': 'true' }
    return new Response(answer.body, { status: answer.status, headers })
  }
