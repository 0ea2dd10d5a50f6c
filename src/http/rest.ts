/** Requests of the REST dialects: bounded, let in from other origins where that is safe, and answered by their dialect. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Rate } from '../kernel/rate.ts'
import type { Dialect } from '../rest/dialect.ts'
import { BodyTooLargeError, readBody } from './body.ts'
import type { Callers } from './callers.ts'
import { answerCors } from './cors.ts'
import { noteCount } from './counted.ts'
import { tellRate } from './rate-headers.ts'
import { sendWhole } from './send-whole.ts'

export function createRestHandler({
  corsOrigins,
  maxBodyBytes,
  rate,
  callerOf,
}: {
  corsOrigins: readonly string[]
  maxBodyBytes: number
  /** How often one token may ask or, without one, one address; null: as often as it likes. */
  rate: Rate | null
  callerOf: Callers
}) {
  const listeners = new Map<Dialect, ReturnType<typeof getRequestListener>>()

  function listenerOf(dialect: Dialect) {
    const known = listeners.get(dialect)
    if (known) return known
    // The adapter puts a Response of its own in the place of the global one, which it can send without reading a stream.
    const listener = getRequestListener(async (request, { outgoing }) =>
      noteCount(await dialect.fetch(request), outgoing as ServerResponse),
    )
    listeners.set(dialect, listener)
    return listener
  }

  return async (dialect: Dialect, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (dialect.cors && answerCors(request, response, corsOrigins)) return
    const caller = callerOf(request)
    const wait = rate?.take(caller) ?? 0
    if (rate) tellRate(response, rate.look(caller))
    const { accept } = request.headers
    if (wait > 0) return refuse(dialect.tooOften(Math.ceil(wait / 1000), accept), request, response)
    try {
      const rawBody = await readBody(request, maxBodyBytes)
      // The adapter's name for a body that was read already.
      if (rawBody) Object.assign(request, { rawBody })
    } catch (error) {
      if (!(error instanceof BodyTooLargeError)) throw error
      return refuse(dialect.tooLarge(maxBodyBytes, accept), request, response)
    }
    await listenerOf(dialect)(request, response)
  }
}

async function refuse(refusal: Response, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, headers } = refusal
  const body = Buffer.from(await refusal.arrayBuffer())
  await sendWhole(request, response, { status, headers: Object.fromEntries(headers), body })
}
