/** The four ways to ask GraphQL, behind one face: what comes back is the same on all of them. */
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { TestApp } from '../support/app.ts'

type Result = {
  data?: Record<string, unknown> | null
  errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[]
}

export type Outcome = Result & {
  /** Of HTTP. */
  status?: number
  requestId?: string | null
  /** Of WebSocket: the code with which the server closed. */
  closed?: number
}

export type Question = { query: string; variables?: Record<string, unknown>; token?: string | null }

export type Transport = {
  name: string
  /** The first result. */
  ask(app: TestApp, question: Question): Promise<Outcome>
}

export type Streaming = Transport & {
  /** All results, until the server ends the stream or the caller leaves; closing is the last of them. `signal`: leaves while it waits. */
  stream(app: TestApp, question: Question, signal?: AbortSignal): AsyncGenerator<Outcome>
}

const headersOf = (token: string | null | undefined) => ({ ...(token && { authorization: `Bearer ${token}` }) })

const outcomeOf = async (response: Response): Promise<Outcome> => ({
  ...(JSON.parse(await response.text()) as Result),
  status: response.status,
  requestId: response.headers.get('x-request-id'),
})

const post: Transport = {
  name: 'HTTP POST',
  async ask({ url }, { token, ...params }) {
    const headers = { 'content-type': 'application/json', ...headersOf(token) }
    return outcomeOf(await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(params) }))
  },
}

const get: Transport = {
  name: 'HTTP GET',
  async ask({ url }, { token, query, variables = {} }) {
    const search = new URLSearchParams({ query, variables: JSON.stringify(variables) })
    return outcomeOf(await fetch(`${url}/graphql?${search}`, { headers: headersOf(token) }))
  },
}

const sse: Streaming = {
  name: 'SSE',
  ask: first,
  async *stream({ url }, { token, ...params }, left) {
    const controller = new AbortController()
    left?.addEventListener('abort', () => controller.abort())
    const headers = { accept: 'text/event-stream', 'content-type': 'application/json', ...headersOf(token) }
    const { signal } = controller
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(params), signal })
    const { status } = response
    const requestId = response.headers.get('x-request-id')
    try {
      for await (const { event, data } of eventsOf(response)) {
        if (event === 'complete') return
        if (event === 'next') yield { ...(JSON.parse(data) as Result), status, requestId }
      }
    } catch (error) {
      if (!left?.aborted) throw error
    } finally {
      controller.abort()
    }
  },
}

async function* eventsOf(response: Response) {
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? ''
      yield { event: field('event'), data: field('data') }
    }
  }
}

const webSocket: Streaming = {
  name: 'WebSocket',
  ask: first,
  async *stream({ url }, { token, query, variables = {} }, left) {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: token ? { authorization: `Bearer ${token}` } : {},
      retryAttempts: 0,
    })
    try {
      const results = client.iterate({ query, variables })
      left?.addEventListener('abort', () => void results.return?.())
      for await (const result of results) yield result as Outcome
    } catch (error) {
      if (Array.isArray(error)) yield { errors: error } as Outcome
      else if (isClose(error)) yield { closed: error.code }
      else throw error
    } finally {
      await client.dispose()
    }
  },
}

const isClose = (error: unknown): error is { code: number } =>
  typeof error === 'object' && error !== null && 'code' in error

async function first(this: Streaming, app: TestApp, question: Question): Promise<Outcome> {
  for await (const outcome of this.stream(app, question)) return outcome
  return {}
}

export const TRANSPORTS: Transport[] = [post, get, sse, webSocket]
export const STREAMING: Streaming[] = [sse, webSocket]
