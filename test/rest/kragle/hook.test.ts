/** Running stacks by themselves: by their owners, and by whom these let, at the address of each. */
import http from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { issueToken, type Person, query, signUp } from '../../support/people.ts'
import { type Answer, deferred, startReceiver } from '../../support/receiver.ts'
import { type RestAnswer, type RestOptions, rest } from '../../support/rest.ts'

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp({ MAX_BODY_BYTES: '2000000' })
  ann = await signUp(app, 'ann', 'Ann@example.com')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const call = (route: string, options: RestOptions = {}) => rest(app, route, { token: ann.token, ...options })
/** By nobody who signs in. */
const hook = (id: number, { method = 'POST', ...options }: RestOptions & { method?: string; query?: string } = {}) =>
  rest(app, `${method} /blockstacks/hook/${id}${options.query ?? ''}`, { token: null, ...options })

let made = 0
const make = async (blocks: unknown[], more: object = {}): Promise<number> => {
  made += 1
  const { status, body } = await call('POST /blockstacks', { body: { name: `stack ${made}`, blocks, ...more } })
  expect([status, body]).toEqual([200, { id: expect.any(Number) }])
  return body.id
}
const read = async (id: number) => (await call(`GET /blockstacks/${id}`)).body
const put = async (id: number, body: object) => (await call(`PUT /blockstacks/${id}`, { body })).body

type RunRow = { status: string; input: unknown; trigger: string }
/** Runs of a stack by itself, the oldest first. */
const runsOf = (id: number) =>
  query<RunRow>(
    app,
    `select r.status, r.input, r.trigger from run r join job j on j.id = r.job_id join stack s on s.id = j.stack_id
    where s.number = $1 and j.hidden order by r.id`,
    [id],
  )

const json =
  (value: unknown): Answer =>
  (response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))

/** Answers when it is told to. `called(n)`: when so many calls have come. */
async function startHolding() {
  const open = deferred()
  const receiver = await startReceiver(async (response) => {
    await open.promise
    response.end('ok')
  })
  return {
    ...receiver,
    answer: () => open.resolve(),
    called: (count: number) => expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBe(count),
  }
}

const to = (url: string, more: object = {}) => ['webhook', { url, ...more }]
/** Says back all of the input of the run. */
const echoing = (url: string) => to(url, { body: { all: '{{ input }}' } })
const said = (receiver: { calls: { body: string }[] }, index = 0) => JSON.parse(receiver.calls[index]?.body ?? 'null')
const refused = ({ status, body }: RestAnswer) => [status, body.code]

describe('GET /blockstacks/exec/<id>', () => {
  it('does all blocks in order, and answers their ids', async () => {
    const receiver = await startReceiver(json({ n: 7 }))
    const id = await make([
      ['webhook', { url: `${receiver.url}/a` }, { name: 'first' }],
      to(`${receiver.url}/{{ steps.first.body.n }}`),
    ])
    for (const base of ['', '/api/v1']) {
      const { status, body, headers } = await call(`GET ${base}/blockstacks/exec/${id}`)
      expect([status, body]).toEqual([200, { success: (await read(id)).instances }])
      expect(headers.get('content-type')).toMatch(/^application\/json/)
    }
    expect(receiver.calls.map(({ url }) => url)).toEqual(['/a', '/7', '/a', '/7'])
    expect(await runsOf(id)).toEqual([0, 1].map(() => ({ status: 'SUCCEEDED', input: null, trigger: 'MANUAL' })))
  })

  it('says why it failed', async () => {
    const receiver = await startReceiver((response) => void response.writeHead(400).end())
    const id = await make([['webhook', { url: receiver.url }, { name: 'tell' }]])
    const { status, body } = await call(`GET /blockstacks/exec/${id}`)
    expect([status, body]).toEqual([200, { error: 'tell: the receiver answered 400' }])
  })

  it('runs beside other runs of the stack', async () => {
    const receiver = await startHolding()
    const id = await make([to(receiver.url)])
    const waiting = [1, 2, 3].map(() => call(`GET /blockstacks/exec/${id}`))
    await receiver.called(3)
    receiver.answer()
    const { instances: success } = await read(id)
    expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual([1, 2, 3].map(() => ({ success })))
  })

  it('runs nothing for those who may not, nor where something else is asked', async () => {
    const receiver = await startReceiver()
    const id = await make([to(receiver.url)])
    const { token } = await issueToken(app, ann.token, { scopes: ['jobs:read', 'jobs:write'] })
    const route = `GET /blockstacks/exec/${id}`
    expect(refused(await call(route, { token }))).toEqual([403, 3])
    expect(refused(await call(route, { token: null }))).toEqual([403, 3])
    expect(refused(await call(route, { token: bob.token }))).toEqual([500, 6])
    for (const path of ['2147483648', 'x', '0'])
      expect(refused(await call(`GET /blockstacks/exec/${path}`))).toEqual([500, 6])
    for (const method of ['OPTIONS', 'POST', 'PUT', 'DELETE']) {
      const answer = await call(`${method} /blockstacks/exec/${id}`)
      expect([...refused(answer), answer.headers.get('allow')]).toEqual([405, 4, 'GET'])
    }
    const head = await call(`HEAD /blockstacks/exec/${id}`)
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'GET'])
    expect(await runsOf(id)).toEqual([])
    expect(receiver.calls).toEqual([])
  })

  it('is not done for a page of another origin that a signed-in user looks at', async () => {
    const receiver = await startReceiver()
    const id = await make([to(receiver.url)])
    const cookie = await cookieOf(ann)
    const route = `GET /blockstacks/exec/${id}`
    const strange = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://elsewhere.test' },
    ]
    for (const headers of strange) {
      expect(refused(await call(route, { token: null, headers: { cookie, ...headers } as never }))).toEqual([403, 3])
    }
    expect(await runsOf(id)).toEqual([])
    const own = await call(route, { token: null, headers: { cookie, 'sec-fetch-site': 'same-origin' } })
    expect(own.body).toEqual({ success: (await read(id)).instances })
  })
})

async function cookieOf({ handle, token: password }: Person): Promise<string> {
  const { headers } = await call('POST /authenticate', { token: null, body: { username: handle, password } })
  return headers.get('set-cookie')?.split(';')[0] ?? ''
}

describe('an address', () => {
  it('of a stack that has none, of no stack and of no number are one and the same', async () => {
    const id = await make([to('http://127.0.0.1:9')])
    const answers = await Promise.all(
      [`${id}`, '2000000000', '2147483648', 'x', '-1'].flatMap((path) =>
        [null, ann.token, bob.token].map((token) => call(`POST /blockstacks/hook/${path}`, { token, body: {} })),
      ),
    )
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body])))).toEqual(
      new Set([JSON.stringify([500, { code: 6, msg: 'there is no such stack' }])]),
    )
    expect(await runsOf(id)).toEqual([])
  })

  it('that is public runs the stack for anybody, with all that they say, in its owner’s name', async () => {
    const receiver = await startReceiver(json({ done: true }))
    const id = await make([echoing(receiver.url)], { webhook: 'public' })
    const result = { status: 200, body: { done: true } }
    const headers = { 'x-event': 'push', authorization: 'Basic Zm9v', cookie: 'a=b', 'proxy-authorization': 'x' }
    const answer = await hook(id, { query: '?a=1&b=2&b=3&token=t', body: { x: [1, { y: 'ü' }] }, headers })
    expect([answer.status, answer.body]).toEqual([200, { status: 0, result }])
    const { all } = said(receiver)
    expect(all).toEqual({
      ...{ GET: { a: '1', b: ['2', '3'], token: 't' }, POST: null, JSON: { x: [1, { y: 'ü' }] } },
      HEADERS: expect.objectContaining({ 'x-event': 'push', 'content-type': 'application/json' }),
    })
    for (const name of ['authorization', 'cookie', 'proxy-authorization']) expect(all.HEADERS).not.toHaveProperty(name)
    expect((await runsOf(id)).map(({ input }) => input)).toEqual([all])

    const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
    expect((await hook(id, { body: 'q=a+b&q=%C3%BC&__proto__=x&e=', headers: form })).body.status).toBe(0)
    const { POST, JSON: none } = said(receiver, 1).all
    expect([Object.entries(POST).sort(), none]).toEqual([
      [
        ['__proto__', 'x'],
        ['e', ''],
        ['q', ['a b', 'ü']],
      ],
      null,
    ])

    expect((await hook(id, { method: 'GET', query: '?z' })).body).toEqual({ status: 0, result })
    expect(said(receiver, 2).all).toMatchObject({ GET: { z: '' }, POST: null, JSON: null })
    expect((await rest(app, `POST /api/v1/blockstacks/hook/${id}`, { token: null })).body.status).toBe(0)
    // What would sign somebody in elsewhere is part of what is said here.
    const auth = { username: 'nobody', password: 'wrong' }
    expect((await hook(id, { body: { auth, payload: 1 } })).body.status).toBe(0)
    expect(said(receiver, 4).all.JSON).toEqual({ auth, payload: 1 })
  })

  it('gives templates a part of what was said', async () => {
    const receiver = await startReceiver()
    const id = await make([to(`${receiver.url}/{{ input.GET.a }}`, { body: { b: '{{ input.JSON.b }}' } })], {
      webhook: 'public',
    })
    expect((await hook(id, { query: '?a=one', body: { b: { c: 2 } } })).body.status).toBe(0)
    expect([receiver.calls[0]?.url, said(receiver)]).toEqual(['/one', { b: { c: 2 } }])
    const missing = await hook(id, { query: '?a=one', body: {} })
    expect([missing.status, missing.body]).toEqual([200, { status: 1, err: 'the run failed (TEMPLATE)' }])
  })

  it('tells strangers that a run failed, and not where it went; its owner is told all', async () => {
    const id = await make([to('http://127.0.0.1:9/')], { webhook: 'public' })
    const strange = await hook(id)
    expect([strange.status, strange.body]).toEqual([200, { status: 1, err: 'the run failed (CONNECTION)' }])
    await put(id, { webhook: 'user' })
    const own = await call(`POST /blockstacks/hook/${id}`)
    expect(own.body).toEqual({ status: 1, err: expect.stringContaining('127.0.0.1') })
  })

  it('that wants a token runs the stack for whoever has the newest, and keeps it to itself', async () => {
    const receiver = await startReceiver()
    const id = await make([echoing(receiver.url)], { webhook: 'token' })
    const { webhook_token: token } = await read(id)
    const wrong: RestOptions[] = [
      {},
      { headers: { 'x-webhook-token': 'wrong' } },
      { headers: { 'x-webhook-token': `${token}x` } },
      { headers: { authorization: `Bearer ${token}` } },
      { token: ann.token },
    ]
    for (const options of wrong) expect(refused(await hook(id, options))).toEqual([403, 3])
    for (const bad of ['', '?token=', `?token=${token}x`])
      expect(refused(await hook(id, { query: bad }))).toEqual([403, 3])
    expect(refused(await hook(id, { body: '{nonsense' }))).toEqual([403, 3])
    expect(await runsOf(id)).toEqual([])

    expect((await hook(id, { headers: { 'x-webhook-token': token } })).body.status).toBe(0)
    expect((await hook(id, { method: 'GET', query: `?token=${token}&a=1` })).body.status).toBe(0)
    expect(said(receiver, 1).all.GET).toEqual({ a: '1' })
    expect(JSON.stringify(await runsOf(id))).not.toContain(token)
    expect(receiver.calls.map(({ body }) => body).join()).not.toContain(token)

    await put(id, { webhook: 'none' })
    expect(refused(await hook(id, { query: `?token=${token}` }))).toEqual([500, 6])
    const { webhook_token: next } = await put(id, { webhook: 'token' })
    expect(refused(await hook(id, { query: `?token=${token}` }))).toEqual([403, 3])
    expect((await hook(id, { query: `?token=${next}` })).body.status).toBe(0)
    expect(await runsOf(id)).toHaveLength(3)
  })

  it('of a user runs the stack for its owner, in each way to sign in, and for nobody else', async () => {
    const receiver = await startReceiver()
    const id = await make([echoing(receiver.url)], { webhook: 'user' })
    const { token: noRun } = await issueToken(app, ann.token, { scopes: ['jobs:read', 'jobs:write'] })
    const cookie = await cookieOf(ann)
    const auth = { email: 'ann@EXAMPLE.com', password: ann.token }
    const answers: [RestAnswer, unknown[]][] = [
      [await hook(id), [403, 3]],
      [await hook(id, { token: 'wrong' }), [403, 3]],
      [await hook(id, { token: noRun }), [403, 3]],
      [await hook(id, { token: bob.token }), [500, 6]],
      [await hook(id, { headers: { cookie, 'sec-fetch-site': 'cross-site' } }), [403, 3]],
      [await hook(id, { body: { auth: { ...auth, password: bob.token }, payload: 1 } }), [500, 3]],
    ]
    for (const [answer, refusal] of answers) expect(refused(answer)).toEqual(refusal)
    expect(await runsOf(id)).toEqual([])
    expect((await hook(id, { token: ann.token, body: { n: 1 } })).body.status).toBe(0)
    expect((await hook(id, { headers: { cookie }, body: { n: 2 } })).body.status).toBe(0)
    expect((await hook(id, { body: { auth, payload: { n: 3 } } })).body.status).toBe(0)
    expect([0, 1, 2].map((index) => said(receiver, index).all.JSON)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(JSON.stringify(await runsOf(id))).not.toContain(ann.token)
  })

  it('takes the method that the stack wants, and HEAD and OPTIONS run nothing', async () => {
    const receiver = await startReceiver()
    const id = await make([to(receiver.url)], { webhook: 'public', webhook_method: 'POST' })
    const get = await hook(id, { method: 'GET' })
    expect([...refused(get), get.headers.get('allow')]).toEqual([405, 4, 'POST'])
    await put(id, { webhook_method: 'GET' })
    const post = await hook(id, { body: {} })
    expect([...refused(post), post.headers.get('allow')]).toEqual([405, 4, 'GET'])
    for (const method of ['OPTIONS', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await hook(id, { method })
      expect([...refused(answer), answer.headers.get('allow')]).toEqual([405, 4, 'GET, POST'])
    }
    expect((await hook(id, { method: 'HEAD' })).status).toBe(405)
    expect(await runsOf(id)).toEqual([])
    expect((await hook(id, { method: 'GET' })).body.status).toBe(0)
  })

  const deep = '['.repeat(200) + ']'.repeat(200)
  it.each([
    ['no JSON', { body: '{' }, [500, 2]],
    ['JSON that says it is none', { body: '{}', headers: { 'content-type': 'text/plain' } }, [415, 4]],
    ['a form of parts', { body: '--x--', headers: { 'content-type': 'multipart/form-data; boundary=x' } }, [415, 4]],
    ['JSON of any depth', { body: deep }, [500, 4]],
    ['a NUL', { body: { x: 'a\0' } }, [500, 4]],
    ['a NUL in the address', { body: {}, query: '?a=%00' }, [500, 4]],
    ['half a surrogate pair', { body: '"\\ud800"' }, [500, 4]],
    ['a number without an end', { body: '1e999' }, [500, 4]],
    ['more than 256 KiB', { body: { x: 'y'.repeat(262_144) } }, [500, 4]],
    ['more than anybody takes', { body: { x: 'y'.repeat(2_000_000) } }, [413, 4]],
  ])('takes no %s: nothing runs', async (_flaw, options, refusal) => {
    const id = await make([to('http://127.0.0.1:9')], { webhook: 'public' })
    expect(refused(await hook(id, options))).toEqual(refusal)
    expect(await runsOf(id)).toEqual([])
  })

  it('runs the stack once for each of many calls at once, and tells each its own end', async () => {
    const receiver = await startReceiver((response, { body }) => void response.end(JSON.parse(body).n))
    const id = await make([to(receiver.url, { body: { n: '{{ input.GET.n }}' } })], { webhook: 'public' })
    const numbers = Array.from({ length: 20 }, (_, n) => `${n}`)
    const answers = await Promise.all(numbers.map((n) => hook(id, { query: `?n=${n}` })))
    expect(answers.map(({ body }) => body.result?.body)).toEqual(numbers)
    expect(await runsOf(id)).toHaveLength(20)
  })

  it('whose caller leaves goes on without them', async () => {
    const receiver = await startHolding()
    const id = await make([to(receiver.url)], { webhook: 'public' })
    const request = http.get(`${app.url}/blockstacks/hook/${id}`)
    request.on('error', () => {})
    await receiver.called(1)
    request.destroy()
    receiver.answer()
    await expect.poll(async () => (await runsOf(id))[0]?.status, { timeout: 10_000 }).toBe('SUCCEEDED')
  })

  it('of a stack with as many runs under way as it may have takes no more, until one has ended', async () => {
    const receiver = await startHolding()
    const id = await make([to(receiver.url)], { webhook: 'public' })
    const waiting = hook(id)
    await receiver.called(1)
    await query(
      app,
      `with more as (
        insert into run (id, job_id, trigger, status, available_at, queued_at, plan)
        select gen_random_uuid(), r.job_id, r.trigger, 'QUEUED', now() + interval '1 day', now(), r.plan
        from run r join job j on j.id = r.job_id join stack s on s.id = j.stack_id, generate_series(1, 999)
        where s.number = $1 returning id, job_id, available_at
      )
      insert into run_queue (run_id, job_id, available_at) select id, job_id, available_at from more`,
      [id],
    )
    const full = await hook(id)
    expect([full.status, full.body]).toEqual([200, { status: 1, err: expect.stringContaining('1000 runs') }])
    expect((await call(`GET /blockstacks/exec/${id}`)).body).toEqual({ error: expect.stringContaining('1000 runs') })
    receiver.answer()
    expect((await waiting).body.status).toBe(0)
    expect((await hook(id)).body.status).toBe(0)
  })
})
