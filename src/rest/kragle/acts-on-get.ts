import type { MiddlewareHandler } from 'hono'
import type { Env } from '../routing.ts'
import { CODE, KragleError } from './fault.ts'

/** Before a route whose GET changes something, which HEAD must not: elsewhere the one is a GET without its body. */
export const actsOnGet =
  (allow: string): MiddlewareHandler<Env> =>
  async ({ req }, next) => {
    if (req.method !== 'HEAD') return next()
    throw new KragleError(CODE.BAD_PAYLOAD, `HEAD is not allowed here; ${allow} are`, {
      status: 405,
      headers: { allow },
    })
  }
