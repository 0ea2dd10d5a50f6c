/** The HTTP side of the server, over real sockets. */
import http from 'node:http'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { post } from '../support/people.ts'

const MAX_BODY_BYTES = 30_000_000
/** The origin of a page that may call. */
const PAGE = 'https://a.example'

let app: TestApp
let port: number

beforeAll(async () => {
  app = await createTestApp({ MAX_BODY_BYTES: String(MAX_BODY_BYTES), CORS_ORIGINS: `${PAGE},https://b.example` })
  port = Number(new URL(app.url).port)
})
afterAll(() => app?.stop())

const json = { 'content-type': 'application/json' }
const VIEWER = JSON.stringify({ query: '{ viewer { handle } }' })
const isUp = async () => expect((await fetch(`${app.url}/health/live`)).status).toBe(200)

/** Bytes as they are, and what comes back until the server closes. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('latin1').on('data', (chunk) => (answer += chunk))
    socket.on('error', reject).on('close', () => resolve(answer))
  })
}

const get = (target: string, headers = `Host: localhost:${port}\r\n`) =>
  raw(`GET ${target} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`)

describe('health', () => {
  it('is live and ready, and says so as JSON', async () => {
    for (const path of ['/health/live', '/health/ready']) {
      const response = await fetch(`${app.url}${path}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(await response.json()).toEqual({ status: 'ok' })
    }
  })

  it('answers HEAD without a body', async () => {
    const response = await fetch(`${app.url}/health/ready`, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })
})

describe('the request id', () => {
  const idOf = async (given?: string, path = '/health/live') => {
    const headers = given === undefined ? {} : { 'x-request-id': given }
    return (await fetch(`${app.url}${path}`, { headers })).headers.get('x-request-id')
  }

  it('is the caller’s own, if it is one', async () => {
    for (const id of ['abc', 'A.b-c_9', 'x'.repeat(100)]) expect(await idOf(id)).toBe(id)
    for (const path of ['/graphql', '/nowhere', '/a/x/']) expect(await idOf('mine', path)).toBe('mine')
  })

  it('is made where there is none, or one that could do harm in a log', async () => {
    const made = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}$/
    for (const id of [undefined, '', 'a b', 'x'.repeat(101), '{"a":1}']) expect(await idOf(id)).toMatch(made)
    expect(await idOf()).not.toBe(await idOf())
  })
})

describe('a path that leads nowhere', () => {
  it('is 404 in JSON', async () => {
    for (const path of ['/nowhere', '/graphql/', '/health', '/favicon.ico', '/GRAPHQL']) {
      const response = await fetch(`${app.url}${path}`)
      expect(response.status, path).toBe(404)
      expect(await response.json()).toEqual({ error: `There is nothing at ${path}` })
    }
  })

  it('is GraphQL when it is the root', async () => {
    const response = await fetch(app.url, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([302, '/graphql'])
  })

  it.each([
    '//evil',
    '//evil/graphql',
    '///',
    '/%00',
    '/%',
    '/%zz',
    '/[',
    '/..//..',
    '/\\',
    '/a/%E0%A4%A/',
    '/a//',
    '/a/../graphql',
    `/${'x'.repeat(12_000)}`,
    'http://evil/',
    'http://evil/graphql',
    '/graphql?query=%E0%A4%A',
    '/graphql?query={viewer{handle}}&variables={',
    '/graphql?query={viewer{handle}}&extensions=[[',
    '/graphql?query={viewer{handle}}&variables=[]',
    '/health/ready?%',
  ])('is never a fault: %s', async (target) => {
    expect(await get(target)).toMatch(/^HTTP\/1.1 (200|30[28]|400|404) /)
    await isUp()
  })

  it.each(['Host: [', 'Host: a b', 'Host: x:99999', 'Host: a%b.localhost', 'Host: \u00e4\u00f6'])(
    'nor is a host: %s',
    async (host) => {
      for (const path of ['/graphql?query={viewer{handle}}', '/health/live', '/a/x/', '/nowhere']) {
        const answer = await get(path, `${host}\r\n`)
        expect(answer).toMatch(/^HTTP\/1.1 (200|302|400|404) /)
        expect(answer, 'no stack of ours').not.toContain('node_modules')
      }
      await isUp()
    },
  )

  it.each([
    'GET / HTTP/9.9\r\n\r\n',
    'nonsense\r\n\r\n',
    '\x16\x03\x01\x02\x00\r\n\r\n',
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ])('nor is what is no HTTP: %j', async (text) => {
    expect(await raw(text)).toMatch(/^HTTP\/1.1 4\d\d /)
    await isUp()
  })

  it('does not end the process when an upgrade goes wrong', async () => {
    const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    for (const target of ['//', '//[', '/%', '/nowhere', '/graphql?%']) {
      expect(await raw(`GET ${target} HTTP/1.1\r\n${upgrade}\r\n`)).toMatch(/^HTTP\/1.1 4\d\d /)
    }
    for (let times = 0; times < 20; times++) {
      await new Promise<void>((resolve) => {
        const socket = net.connect(port, '127.0.0.1', () => {
          socket.write(`GET /nowhere HTTP/1.1\r\n${upgrade}\r\n`, () => socket.resetAndDestroy())
        })
        socket.on('error', () => {}).on('close', () => resolve())
      })
    }
    await isUp()
  })
})

describe('a request to GraphQL that is none', () => {
  it.each([
    ['{"query":', 400],
    ['', 400],
    ['[]', 400],
    ['{"query": 5}', 400],
    ['{"query": "{ viewer { handle } }", "variables": "x"}', 400],
    ['null', 400],
    ['"text"', 400],
    ['{}', 200],
    ['{"query": "{ viewer { handle } }", "operationName": "Other"}', 400],
  ])('is told so: %s', async (body, status) => {
    const answer = await post(app, body, ADMIN_TOKEN)
    expect(answer.status).toBe(status)
    expect(answer.body.errors).toMatchObject([
      { message: expect.any(String), extensions: { code: expect.any(String) } },
    ])
    expect(answer.body.errors[0].extensions.code).not.toBe('INTERNAL')
    expect(answer.body.data).toBeUndefined()
  })

  it('is refused in a form that GraphQL does not know', async () => {
    const headers = { 'content-type': 'text/xml' }
    const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: '<query/>' })
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' } }] })
  })

  it('is refused by a method that GraphQL does not know', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']) {
      const response = await fetch(`${app.url}/graphql`, { method })
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'GET, POST'])
    }
  })
})

describe('a body', () => {
  const padded = (bytes: number) => Buffer.from(VIEWER.padEnd(bytes, ' '))
  const tooLarge = { errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] }

  it('may be as large as the setting says; no other limit is in the way, and it takes no time to speak of', async () => {
    const started = performance.now()
    const headers = { ...json, authorization: `Bearer ${ADMIN_TOKEN}` }
    const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: padded(MAX_BODY_BYTES) })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ data: { viewer: { handle: 'admin' } } })
    expect(performance.now() - started, 'milliseconds for 30 MB').toBeLessThan(5_000)
  })

  it('of nobody, or of a token that is not valid, is no larger than is needed for questions', async () => {
    for (const token of [null, 'nope']) {
      const headers = { ...json, ...(token && { authorization: `Bearer ${token}` }) }
      const body = padded(1024 * 1024 + 1)
      const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body })
      expect(response.status).toBe(413)
      const { errors } = (await response.json()) as { errors: object[] }
      expect(errors).toMatchObject([{ message: expect.stringContaining('MAX_ANONYMOUS_BODY_BYTES') }])
    }
    const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers: json, body: padded(1024 * 1024) })
    expect(response.status).toBe(200)
  })

  it('that is larger is 413, told before it is sent', async () => {
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const headers = { ...json, 'content-length': MAX_BODY_BYTES + 1 }
      const request = http.request(`${app.url}/graphql`, { method: 'POST', headers }, resolve)
      request.on('error', reject)
      request.flushHeaders()
    })
    expect(answer.statusCode).toBe(413)
    answer.destroy()
  })

  it('that turns out to be larger is 413, and the client gets to read it', async () => {
    for (const announced of [true, false]) {
      const body = announced ? padded(MAX_BODY_BYTES + 1) : new Blob([padded(MAX_BODY_BYTES + 1)]).stream()
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { ...json, authorization: `Bearer ${ADMIN_TOKEN}` },
        body,
        ...(!announced && { duplex: 'half' }),
      } as RequestInit)
      expect(response.status).toBe(413)
      expect(await response.json()).toMatchObject(tooLarge)
    }
    await isUp()
  })

  it('that breaks off harms nobody', async () => {
    for (let times = 0; times < 5; times++) {
      await new Promise<void>((resolve) => {
        const headers = { ...json, 'content-length': 1000 }
        const request = http.request(`${app.url}/graphql`, { method: 'POST', headers })
        request.on('error', () => resolve())
        request.write('{"query":', () => request.destroy(new Error('enough')))
      })
    }
    await isUp()
  })

  it('may be a form, a file upload or bare GraphQL too', async () => {
    const authorization = `Bearer ${ADMIN_TOKEN}`
    const query = '{ viewer { handle } }'
    const form = new FormData()
    form.set('operations', JSON.stringify({ query }))
    form.set('map', '{}')
    for (const [body, headers] of [
      [new URLSearchParams({ query }), {}],
      [form, {}],
      [query, { 'content-type': 'application/graphql' }],
    ] as const) {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { authorization, ...headers },
        body,
      })
      expect(await response.json()).toEqual({ data: { viewer: { handle: 'admin' } } })
    }
  })
})

describe('GraphiQL', () => {
  it('is shown to browsers, and takes nothing from other hosts', async () => {
    const response = await fetch(`${app.url}/graphql`, { headers: { accept: 'text/html' } })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('text/html')
    const page = await response.text()
    expect(page).toContain('<title>Runsheet</title>')
    const markup = page.replace(/<script[^>]*>[\s\S]*?<\/script>/g, (script) =>
      script.slice(0, script.indexOf('>') + 1),
    )
    const links = [...markup.matchAll(/\b(?:src|href|action|data|poster|srcset)\s*=\s*["']?([^"'\s>]*)/gi)].map(
      ([, to]) => to,
    )
    expect(links.filter((to) => /^(https?:)?\/\//i.test(to ?? ''))).toEqual([])
    expect(markup).not.toMatch(/@import|url\(\s*["']?(https?:)?\/\//i)
  })
})

describe('a page of another origin', () => {
  const allowed = ({ headers }: Response) => headers.get('access-control-allow-origin')

  it('is let in by answers, errors and refusals alike, if it is one of those that are named', async () => {
    const send = (body: string, headers: Record<string, string> = {}) =>
      fetch(`${app.url}/graphql`, { method: 'POST', headers: { origin: PAGE, ...json, ...headers }, body })
    expect(allowed(await send(VIEWER))).toBe(PAGE)
    expect(allowed(await send('{'))).toBe(PAGE)
    expect(allowed(await send(VIEWER, { authorization: 'Bearer nope' }))).toBe(PAGE)
    expect(allowed(await send(VIEWER, { accept: 'text/event-stream' }))).toBe(PAGE)
    expect(allowed(await send(VIEWER, { 'content-type': 'text/xml' }))).toBe(PAGE)
    expect(allowed(await send(VIEWER, { origin: 'https://c.example' }))).toBeNull()
    const headers = { origin: PAGE, 'access-control-request-method': 'POST' }
    const preflight = await fetch(`${app.url}/graphql`, { method: 'OPTIONS', headers })
    expect([preflight.status, allowed(preflight)]).toEqual([204, PAGE])
  })
})
