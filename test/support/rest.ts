/** A REST dialect as its clients see it. */
import { ADMIN_TOKEN, type TestApp } from './app.ts'

export type RestAnswer = {
  status: number
  headers: Headers
  /** Parsed; null when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what an answer looks like is what the tests ask
  body: any
}

export type RestOptions = { token?: string | null; body?: unknown; headers?: Record<string, string> }

/** Sends `POST /v1/jobs`, as the administrator unless another token, or null for nobody, is given. A text is sent as it is. */
export async function rest(app: Pick<TestApp, 'url'>, route: string, options: RestOptions = {}): Promise<RestAnswer> {
  const [method = '', path = ''] = route.split(' ')
  const { token = ADMIN_TOKEN, body, headers } = options
  const response = await fetch(app.url + path, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null }
}
