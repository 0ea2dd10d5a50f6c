/** What one client may ask of the server, by every transport: how much at once, how often, and by which documents. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createClient, type SubscribePayload } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { readConfig } from '../../src/config.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, signUp } from '../support/people.ts'
import { HOSTILE } from './hostile.ts'
import { type Outcome, TRANSPORTS } from './transports.ts'

const EVERYWHERE = TRANSPORTS.map((transport) => [transport.name, transport] as const)
const json = { 'content-type': 'application/json' }
const codes = ({ errors }: Outcome) => errors?.map(({ extensions }) => extensions.code)

type Sent = { status: number; headers: Headers; body: Outcome & Outcome[] }

async function post({ url }: TestApp, body: unknown, headers: Record<string, string> = {}): Promise<Sent> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Sent['body'] }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** The first result of an operation over WebSocket. */
async function overSocket({ url }: TestApp, payload: SubscribePayload, token = ADMIN_TOKEN): Promise<Outcome> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: bearer(token),
    retryAttempts: 0,
  })
  try {
    for await (const result of client.iterate(payload)) return result as Outcome
    return {}
  } catch (error) {
    return { errors: error } as Outcome
  } finally {
    await client.dispose()
  }
}

describe('where the settings are as they come', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await createTestApp({ MAX_SUBSCRIPTIONS_PER_SOCKET: '20' })
  })
  afterAll(() => app?.stop())

  describe.each(EVERYWHERE)('over %s', (name, transport) => {
    // An address cannot be so long.
    const documents = name === 'HTTP GET' ? HOSTILE.filter(([, query]) => query.length < 4_000) : HOSTILE

    it.each(documents)('%s are refused, while others are answered', async (_what, query, says) => {
      const others = Array.from({ length: 5 }, () =>
        transport.ask(app, { query: '{ __typename }', token: ADMIN_TOKEN }),
      )
      const { data, errors } = await transport.ask(app, { query, token: ADMIN_TOKEN })
      expect(data).toBeUndefined()
      expect(errors?.[0]?.message).toContain(says)
      for (const { data } of await Promise.all(others)) expect(data).toEqual({ __typename: 'Query' })
    })
  })

  it('a query of 10 MB is 413, and is not read of somebody without a token', async () => {
    const query = `{ viewer { handle } } #${'x'.repeat(10_000_000)}`
    for (const [headers, says] of [
      [{}, 'MAX_ANONYMOUS_BODY_BYTES'],
      [bearer(ADMIN_TOKEN), 'MAX_QUERY_CHARS'],
    ] as const) {
      const { status, body } = await post(app, { query }, headers)
      expect([status, codes(body)]).toEqual([413, ['LIMIT_EXCEEDED']])
      expect(body.errors?.[0]?.message).toContain(says)
    }
  })

  it('variables of any size and depth are taken or refused, and harm nobody', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const send = (variables: string) =>
      fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { ...json, ...bearer(ADMIN_TOKEN) },
        body: `{"query":"query($input: EmitEventInput!, $n: Int) { jobs(first: $n) { totalCount } }","variables":${variables}}`,
      })
    for (const variables of [
      `{"input":${deep}}`,
      `{"input":{"type":"x","payload":${deep}}}`,
      `{"n":[${'1,'.repeat(500_000)}1]}`,
    ]) {
      const response = await send(variables)
      const { data, errors } = (await response.json()) as Outcome
      expect(data ?? null).toBeNull()
      expect(errors?.map(({ extensions }) => extensions.code)).not.toContain('INTERNAL')
    }
    expect((await post(app, { query: '{ __typename }' })).body.data).toEqual({ __typename: 'Query' })
  })

  it('the cost of an operation stands on its answer, also where it is too high', async () => {
    const asked = async (query: string) => {
      const { headers, body } = await post(app, { query }, bearer(ADMIN_TOKEN))
      return [Number(headers.get('x-query-cost')), headers.get('x-query-cost-limit'), codes(body)]
    }
    expect(await asked('{ viewer { handle } }')).toEqual([2, '10000', undefined])
    const [cost, , refused] = await asked(
      '{ jobs(first: 100) { edges { node { runs(first: 100) { edges { cursor } } } } } }',
    )
    expect(cost).toBeGreaterThan(10_000)
    expect(refused).toEqual(['LIMIT_EXCEEDED'])
  })

  it('a list of operations is answered in its order, each with its own errors', async () => {
    const { status, body } = await post(app, [
      { query: '{ __typename }' },
      { query: '{ nothing }' },
      { query: 'query A { viewer { id } }' },
    ])
    expect(status).toBe(200)
    expect(body).toMatchObject([
      { data: { __typename: 'Query' } },
      { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
      { data: { viewer: null } },
    ])
  })

  it('a list is refused that is longer than the setting says, and changes nothing', async () => {
    const before = await countRows(app)
    const query = 'mutation { createUser(input: { handle: "many" }) { __typename } }'
    const { status, body } = await post(
      app,
      Array.from({ length: 11 }, () => ({ query })),
      bearer(ADMIN_TOKEN),
    )
    expect([status, codes(body)]).toEqual([413, ['LIMIT_EXCEEDED']])
    expect(body.errors?.[0]?.message).toContain('MAX_BATCH')
    expect(await countRows(app)).toEqual(before)
  })

  it('the operations of a list share what one may cost', async () => {
    const query = '{ jobs(first: 100) { edges { node { runs(first: 5) { edges { cursor } } } } } }'
    const alone = await post(app, { query }, bearer(ADMIN_TOKEN))
    expect(alone.body.errors).toBeUndefined()
    const most = Math.floor(10_000 / Number(alone.headers.get('x-query-cost')))
    expect(most).toBeLessThan(10)
    const { body } = await post(
      app,
      Array.from({ length: most + 1 }, () => ({ query })),
      bearer(ADMIN_TOKEN),
    )
    expect(body.map(codes).filter((each) => each !== undefined)).toEqual([['LIMIT_EXCEEDED']])
  })

  it('a form of answer that there is not is told as an error with a code', async () => {
    const { status, body } = await post(app, { query: '{ __typename }' }, { accept: 'image/png' })
    expect([status, codes(body)]).toEqual([406, ['NOT_ACCEPTABLE']])
    const stream = await post(
      app,
      { query: 'subscription { runEvents { cursor } }' },
      { ...bearer(ADMIN_TOKEN), accept: 'application/json' },
    )
    expect([stream.status, codes(stream.body)]).toEqual([406, ['NOT_ACCEPTABLE']])
  })

  it('of 10,000 subscriptions on one socket most are refused at once, and the others live', async () => {
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    const refused = new Promise<number>((resolve, reject) => {
      let errors = 0
      socket.on('message', (data) => {
        const { type, payload } = JSON.parse(String(data))
        if (type === 'connection_ack') {
          const query = 'subscription { runEvents { cursor } }'
          for (let id = 0; id < 10_000; id++) {
            socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }))
          }
        }
        if (type === 'error') {
          expect(payload).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED' } }])
          errors += 1
          if (errors === 10_000 - 20) resolve(errors)
        }
      })
      socket.on('close', (code) => reject(new Error(`closed with ${code}`)))
      socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(ADMIN_TOKEN) })))
    })
    expect(await refused).toBe(10_000 - 20)
    socket.removeAllListeners('message')
    expect((await post(app, { query: '{ __typename }' })).body.data).toEqual({ __typename: 'Query' })
    // One that ends makes room for another.
    socket.send(JSON.stringify({ id: '0', type: 'complete' }))
    let another = 0
    const answer = () =>
      new Promise((resolve) => {
        socket.once('message', (data) => resolve(JSON.parse(String(data)).payload))
        const payload = { query: 'subscription { nothing }' }
        socket.send(JSON.stringify({ id: `another ${another++}`, type: 'subscribe', payload }))
      })
    await expect.poll(answer).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }])
    socket.removeAllListeners('close').close()
  })
})

describe('where the operator limits how often a client may ask', () => {
  const PER_MINUTE = 6
  let app: TestApp
  beforeAll(async () => {
    app = await createTestApp({ RATE_LIMIT_PER_MINUTE: String(PER_MINUTE), TRUST_PROXY: '127.0.0.1, ::1' })
  })
  afterAll(() => app?.stop())

  it.each(EVERYWHERE)('over %s', async (name, transport) => {
    const { token } = await signUp(app, `eager-${name.toLowerCase().replace(' ', '-')}`)
    const ask = () => transport.ask(app, { query: '{ __typename }', token })
    for (let n = 0; n < PER_MINUTE; n++) expect((await ask()).data).toEqual({ __typename: 'Query' })
    const { data, errors, status } = await ask()
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
    expect(errors?.[0]?.extensions.http).toBeUndefined()
    if (name !== 'WebSocket') expect(status).toBe(429)
  })

  it('the answer says how much is left, and when to come back, in the media type that was asked for', async () => {
    const { token } = await signUp(app, 'counting')
    const accept = 'application/graphql-response+json'
    for (let left = PER_MINUTE - 1; left >= -1; left--) {
      const { status, headers } = await post(app, { query: '{ __typename }' }, { ...bearer(token), accept })
      expect(status).toBe(left < 0 ? 429 : 200)
      expect(headers.get('ratelimit-limit')).toBe(String(PER_MINUTE))
      expect(headers.get('ratelimit-remaining')).toBe(String(Math.max(left, 0)))
      expect(Number(headers.get('ratelimit-reset'))).toBeGreaterThan(0)
      expect(headers.get('content-type')).toContain(accept)
      const wait = Number(headers.get('retry-after'))
      expect(left < 0 ? wait > 0 && wait <= 60 : wait === 0).toBe(true)
    }
  })

  it('each operation of a list counts, and what is over does nothing', async () => {
    const { token } = await signUp(app, 'listing')
    const query = 'mutation { createTeam(input: { handle: "x" }) { __typename } }'
    const { body } = await post(
      app,
      Array.from({ length: PER_MINUTE + 2 }, () => ({ query })),
      bearer(token),
    )
    expect(body.map(codes).filter((each) => each?.[0] === 'RATE_LIMITED')).toHaveLength(2)
  })

  it('whoever has no token is counted by address, which only a trusted proxy may tell', async () => {
    const from = (address: string) => post(app, { query: '{ __typename }' }, { 'x-forwarded-for': address })
    for (let n = 0; n < PER_MINUTE; n++) expect((await from(`192.0.2.${n}, 198.51.100.7`)).status).toBe(200)
    expect((await from('192.0.2.99, 198.51.100.7')).status).toBe(429)
    expect((await from('198.51.100.8')).status).toBe(200)
  })
})

describe('where documents are trusted', () => {
  const JOBS = 'query Jobs { jobs { totalCount } }'
  const NAME = '{ __typename }'
  const LIVE = 'subscription Live { runEvents(after: "") { cursor } }'
  let folder: string
  let open: TestApp
  let closed: TestApp
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const apollo = (text: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: sha256(text) } } })

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'runsheet-trusted-'))
    const file = path.join(folder, 'persisted-documents.json')
    await writeFile(file, JSON.stringify({ 'one-of-sha1': JOBS, [sha256(NAME)]: NAME, live: LIVE }))
    open = await createTestApp({ TRUSTED_DOCUMENTS: file, INTROSPECTION: 'false' })
    closed = await createTestApp({ TRUSTED_DOCUMENTS: file, TRUSTED_DOCUMENTS_ONLY: 'true' })
  })
  afterAll(async () => {
    await Promise.all([open?.stop(), closed?.stop()])
    await rm(folder, { recursive: true })
  })

  it('a hash stands for its document, by its name in the file or as clients of Apollo send it', async () => {
    const data = { jobs: { totalCount: 0 } }
    for (const asked of [{ documentId: 'one-of-sha1' }, { documentId: `sha256:${sha256(JOBS)}` }, apollo(JOBS)]) {
      for (const app of [open, closed]) {
        expect((await post(app, asked, bearer(ADMIN_TOKEN))).body).toEqual({ data })
        expect(await overSocket(app, { query: '', ...asked } as SubscribePayload)).toEqual({ data })
        const search = new URLSearchParams(
          Object.entries(asked).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
        )
        const response = await fetch(`${app.url}/graphql?${search}`, { headers: bearer(ADMIN_TOKEN) })
        expect(await response.json()).toEqual({ data })
      }
    }
  })

  it('also over server-sent events', async () => {
    const controller = new AbortController()
    const response = await fetch(`${closed.url}/graphql?documentId=live`, {
      headers: { ...bearer(ADMIN_TOKEN), accept: 'text/event-stream' },
      signal: controller.signal,
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    controller.abort()
  })

  it('a hash of none is told in the words that clients of Apollo know', async () => {
    const errors = [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }]
    expect(await post(open, apollo('{ other }'))).toMatchObject({ status: 200, body: { errors } })
    expect(await overSocket(open, { query: '', ...apollo('{ other }') })).toMatchObject({ errors })
  })

  it('a text goes beside a hash, and is remembered for nobody', async () => {
    const other = '{ viewer { handle } }'
    expect((await post(open, { query: other, ...apollo(other) })).body.data).toEqual({ viewer: null })
    expect(codes((await post(open, apollo(other))).body)).toEqual(['PERSISTED_QUERY_NOT_FOUND'])
  })

  it('all others are refused where only they are allowed, over every transport, and GraphiQL with them', async () => {
    for (const transport of TRANSPORTS) {
      const outcome = await transport.ask(closed, { query: '{ viewer { handle } }', token: ADMIN_TOKEN })
      expect([transport.name, codes(outcome)]).toEqual([transport.name, ['DOCUMENT_NOT_TRUSTED']])
      expect((await transport.ask(closed, { query: NAME, token: null })).data).toEqual({ __typename: 'Query' })
    }
    const page = await fetch(`${closed.url}/graphql`, { headers: { accept: 'text/html' } })
    expect(await page.text()).not.toContain('GraphiQL')
  })

  it('the schema is told to administrators only, where it is not for all; no error gives names away', async () => {
    const query = '{ __schema { queryType { name } } }'
    for (const transport of TRANSPORTS) {
      expect(codes(await transport.ask(open, { query, token: null }))).toEqual(['INTROSPECTION_DISABLED'])
      const admin = await transport.ask(open, { query, token: ADMIN_TOKEN })
      expect(admin.data).toEqual({ __schema: { queryType: { name: 'Query' } } })
      const { errors } = await transport.ask(open, { query: '{ viewr { handle } }', token: null })
      expect(errors?.[0]?.message).not.toContain('viewer')
    }
    const page = await fetch(`${open.url}/graphql`, { headers: { accept: 'text/html' } })
    expect(await page.text()).not.toContain('GraphiQL')
  })

  it('a file that is none, or no file where only they are allowed, stops the start', async () => {
    const bad = path.join(folder, 'bad.json')
    for (const content of ['{"a":', '[]', '{"a": 5}', '{}']) {
      await writeFile(bad, content)
      expect(() => readConfig({ TRUSTED_DOCUMENTS: bad })).toThrow(/^TRUSTED_DOCUMENTS: \S*bad\.json [^\n]*$/)
    }
    expect(() => readConfig({ TRUSTED_DOCUMENTS: path.join(folder, 'none') })).toThrow(/^TRUSTED_DOCUMENTS: /)
    expect(() => readConfig({ TRUSTED_DOCUMENTS_ONLY: 'true' })).toThrow(/^TRUSTED_DOCUMENTS: is required/)
  })
})
