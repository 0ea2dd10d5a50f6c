/** Which pages of other origins a browser lets in. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { answerCors } from '../../src/http/cors.ts'

const A = 'https://a.example'
const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }

async function serve(origins: string[]) {
  const server = http.createServer((request, response) => {
    if (!answerCors(request, response, origins)) response.end('answered')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return (method: string, headers: Record<string, string> = {}) =>
    fetch(url, { method, headers: { connection: 'close', ...headers } })
}

const allowed = ({ headers }: Response) => headers.get('access-control-allow-origin')

describe('CORS', () => {
  it('lets every page in by default, without credentials', async () => {
    const ask = await serve(['*'])
    const response = await ask('POST', { origin: A })
    expect(await response.text()).toBe('answered')
    expect(allowed(response)).toBe('*')
    expect(response.headers.get('access-control-expose-headers')).toBe(
      'ETag, X-Request-Id, X-Idempotent-Replayed, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Query-Cost, X-Query-Cost-Limit',
    )
    expect(response.headers.get('access-control-allow-credentials')).toBeNull()
    expect(response.headers.get('vary')).toBeNull()
  })

  it('lets in only the pages that are named, and tells caches', async () => {
    const ask = await serve([A, 'https://b.example'])
    expect(allowed(await ask('POST', { origin: A }))).toBe(A)
    for (const origin of ['https://c.example', `${A}.evil`, 'http://a.example', 'null']) {
      expect(allowed(await ask('POST', { origin })), origin).toBeNull()
    }
    for (const headers of [{ origin: A }, { origin: 'https://c.example' }, {}]) {
      expect((await ask('GET', headers as Record<string, string>)).headers.get('vary')).toBe('Origin')
    }
  })

  it('answers a preflight, and says what may be sent', async () => {
    const ask = await serve([A])
    const response = await ask('OPTIONS', { origin: A, ...preflight })
    expect([response.status, await response.text(), allowed(response)]).toEqual([204, '', A])
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
    const headers = response.headers.get('access-control-allow-headers')?.toLowerCase()
    for (const name of [
      'authorization',
      'content-type',
      'idempotency-key',
      'if-match',
      'if-none-match',
      'last-event-id',
    ])
      expect(headers).toContain(name)
    const refused = await ask('OPTIONS', { origin: 'https://c.example', ...preflight })
    expect([refused.status, allowed(refused)]).toEqual([204, null])
  })

  it('takes an OPTIONS that is no preflight for a request like others', async () => {
    const ask = await serve([A])
    expect(await (await ask('OPTIONS', { origin: A })).text()).toBe('answered')
    expect(await (await ask('OPTIONS', preflight)).text()).toBe('answered')
  })
})
