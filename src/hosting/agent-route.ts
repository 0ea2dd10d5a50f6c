/**
 * `POST …/agent` of a site: the answer of its agent as server-sent events. Pages of the site may ask from their sandbox,
 * where they have no cookie, so any origin may; a cookie counts only for the site's own pages. A visitor who leaves ends
 * the call of the model.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AgentUnavailableError, ModelError, TooOftenError } from '../agent/errors.ts'
import type { AgentService } from '../agent/service.ts'
import { BodyTooLargeError, discardBody, readBody } from '../http/body.ts'
import { DomainError, ForbiddenError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import type { SiteFile } from './asked.ts'
import type { ClientOf } from './client.ts'
import type { Credentials } from './credentials.ts'
import { type Headers, NOSNIFF } from './responses.ts'
import { isSameOrigin } from './same-origin.ts'

export type AgentRoute = ReturnType<typeof createAgentRoute>

/** Bytes. */
const BODY_LIMIT = 512 * 1024

const OPEN: Headers = { 'access-control-allow-origin': '*', 'cache-control': 'no-store', ...NOSNIFF }
const PREFLIGHT: Headers = {
  ...OPEN,
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'Authorization, Content-Type',
  'access-control-max-age': '7200',
}

export function createAgentRoute({
  agent,
  credentials,
  clientOf,
  publicUrl,
}: {
  agent: AgentService
  credentials: Pick<Credentials, 'visitor'>
  clientOf: ClientOf
  publicUrl: string
}) {
  const { host } = new URL(publicUrl)

  async function converse(request: IncomingMessage, response: ServerResponse, asked: SiteFile) {
    const leaving = new AbortController()
    response.once('close', () => leaving.abort(new Error('the visitor left')))
    const input = await inputOf(request)
    const cookies = isSameOrigin(request.headers, host)
    const pieces = await agent.answer(
      { slug: asked.slug, input, client: clientOf(request) },
      (artifactId) => credentials.visitor(request, asked, artifactId, { cookies }),
      leaving.signal,
    )
    response.writeHead(200, { ...OPEN, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
    response.flushHeaders()
    try {
      for await (const delta of pieces) await write(response, { delta }, leaving.signal)
      response.end(eventOf({ done: true }, 'done'))
    } catch (error) {
      if (leaving.signal.aborted) return
      if (!(error instanceof ModelError)) throw error
      response.end(eventOf({ error: error.message, code: error.code }, 'error'))
    }
  }

  return {
    async answer(request: IncomingMessage, response: ServerResponse, asked: SiteFile): Promise<void> {
      if (request.method === 'OPTIONS') {
        response.writeHead(204, PREFLIGHT).end()
        return
      }
      try {
        await converse(request, response, asked)
      } catch (error) {
        const refusal = refusalOf(error)
        if (!refusal || response.headersSent) throw error
        await discardBody(request)
        const { status, code, message, headers } = refusal
        const body = JSON.stringify({ success: false, error: message, code })
        response.writeHead(status, {
          ...OPEN,
          ...headers,
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(body),
        })
        response.end(body)
      }
    },
  }
}

const eventOf = (data: unknown, event?: string) =>
  `${event ? `event: ${event}\n` : ''}data: ${JSON.stringify(data)}\n\n`

async function write(response: ServerResponse, data: unknown, signal: AbortSignal): Promise<void> {
  if (!response.write(eventOf(data))) await once(response, 'drain', { signal })
}

async function inputOf(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request, BODY_LIMIT)
  try {
    return JSON.parse(body?.toString() ?? '')
  } catch {
    throw ValidationError.at('', 'the body must be JSON')
  }
}

type Refusal = { status: number; code: string; message: string; headers?: Headers }

/** Null: it is a fault of ours. */
function refusalOf(error: unknown): Refusal | null {
  if (error instanceof BodyTooLargeError) {
    return { status: 413, code: 'LIMIT_EXCEEDED', message: `the body is larger than ${BODY_LIMIT} bytes` }
  }
  if (!(error instanceof DomainError)) return null
  const { code, message } = error
  if (error instanceof ForbiddenError) {
    if (code !== 'UNAUTHENTICATED') return { status: 403, code, message }
    return { status: 401, code, message, headers: { 'www-authenticate': 'Bearer' } }
  }
  if (error instanceof NotFoundError) return { status: 404, code, message }
  if (error instanceof AgentUnavailableError) return { status: 503, code, message }
  if (error instanceof TooOftenError) {
    return { status: 429, code, message, headers: { 'retry-after': String(error.retryAfterSeconds) } }
  }
  return error instanceof ValidationError ? { status: 400, code, message } : null
}
