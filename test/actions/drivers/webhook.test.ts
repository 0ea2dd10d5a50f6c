import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { StepContext } from '../../../src/actions/driver.ts'
import { createWebhookDriver } from '../../../src/actions/drivers/webhook.ts'
import { newSigningSecret } from '../../../src/actions/signature.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import { type Call, startReceiver } from '../../support/receiver.ts'
import { listener, nobody, stepContext } from '../context.ts'

function open() {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  const driver = createWebhookDriver({ egress, version: '1.2.3' })
  return {
    driver,
    issues: (config: object) => driver.check(driver.config.parse({ url: 'https://example.com/', ...config }), nobody),
    execute: (config: object, part?: Partial<StepContext>) =>
      driver.execute(driver.config.parse(config), stepContext(part)),
  }
}

/** What the receiver got for this configuration. */
async function sent(config: object, part?: Partial<StepContext>): Promise<Call> {
  const receiver = await startReceiver()
  const result = await open().execute({ url: receiver.url, ...config }, part)
  expect(result).toMatchObject({ ok: true, output: { status: 200 }, deliveries: [{ status: 200 }] })
  const [call] = receiver.calls
  if (!call) throw new Error('nothing was sent')
  return call
}

describe('what a call says of itself', () => {
  test.each<[number, Record<string, string>, string[]]>([
    [503, { 'retry-after': '30' }, ['WARN the receiver answered 503 and asks for 30 s of rest']],
    [302, { location: 'https://elsewhere.example/' }, ['WARN a redirection is not followed']],
    [500, {}, []],
    [200, { 'retry-after': '30' }, []],
  ])('that was answered %i with %j', async (status, headers, expected) => {
    const { said, report } = listener()
    const receiver = await startReceiver((response) => void response.writeHead(status, headers).end())
    await open().execute({ url: receiver.url }, { report })
    expect(said).toEqual(expected)
  })
})

describe('the body', () => {
  test('is the facts of the run when none is given', async () => {
    const call = await sent({})
    expect(call).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } })
    expect(JSON.parse(call.body)).toEqual({
      type: 'run',
      run: {
        id: 'run_0190a3b4000070008000000000000001',
        job: { id: 'job_1', name: 'Report' },
        trigger: 'SCHEDULE',
        scheduledFor: '2026-03-01T12:00:00.000Z',
        attempt: 1,
      },
      artifact: { id: 'art_1', slug: 'demo', url: 'http://demo.localhost:4000/' },
      event: null,
      input: null,
    })
  })

  test('tells of the event and the input, and not of the artifact if that is unwanted', async () => {
    const event = { id: 'evt_1', type: 'order.paid', payload: { total: 3 } }
    const call = await sent({ includeArtifact: false, body: null }, { event, input: [1, 'two'] })
    expect(JSON.parse(call.body)).toMatchObject({ artifact: null, event, input: [1, 'two'] })
  })

  test('tells no more of the run than is promised', async () => {
    const run = { ...stepContext().run, secret: 'x' }
    expect((await sent({}, { run })).body).not.toContain('secret')
  })

  test.each([
    ['plain text', 'plain text', 'text/plain; charset=utf-8'],
    ['', '', 'text/plain; charset=utf-8'],
    ['{"a": 1}', '{"a": 1}', 'application/json'],
    ['{not json}', '{not json}', 'text/plain; charset=utf-8'],
    [{ a: [1, null] }, '{"a":[1,null]}', 'application/json'],
    [0, '0', 'application/json'],
    [false, 'false', 'application/json'],
  ])('%j goes out as %s, %s', async (body, text, type) => {
    expect(await sent({ body })).toMatchObject({ body: text, headers: { 'content-type': type } })
  })

  test('has the media type that is asked for, by the field or by a header', async () => {
    expect((await sent({ body: '<a/>', contentType: 'text/xml' })).headers['content-type']).toBe('text/xml')
    const headers = { 'Content-Type': 'application/cloudevents+json' }
    expect((await sent({ headers })).headers['content-type']).toBe('application/cloudevents+json')
  })

  test.each(['GET', 'DELETE'])('of %s is empty unless one is given', async (method) => {
    const empty = await sent({ method })
    expect(empty).toMatchObject({ method, body: '' })
    expect(empty.headers).not.toHaveProperty('content-type')
    expect(await sent({ method, body: { a: 1 } })).toMatchObject({ method, body: '{"a":1}' })
  })

  test('that grows too large by the run’s input fails without a call and without a retry', async () => {
    const receiver = await startReceiver()
    const result = await open().execute({ url: receiver.url }, { input: 'x'.repeat(1024 * 1024) })
    expect(result).toMatchObject({ ok: false, failure: { code: 'BODY_TOO_LARGE', transient: false }, deliveries: [] })
    expect(receiver.connections).toBe(0)
  })
})

describe('the call', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s is signed so that a receiver verifies it',
    async (method) => {
      const secrets = [newSigningSecret(), newSigningSecret()]
      const call = await sent({ method }, { signingSecrets: secrets })
      for (const secret of secrets) {
        const verify = () => new Webhook(secret).verify(call.body, call.headers as Record<string, string>)
        expect(verify).not.toThrow()
      }
    },
  )

  test('has the same id on every attempt, and another for another step', async () => {
    const id = async (part: Partial<StepContext>) => (await sent({}, part)).headers['webhook-id']
    expect(await id({ attempt: 1 })).toBe('msg_0190a3b4000070008000000000000001_0')
    expect(await id({ attempt: 2 })).toBe('msg_0190a3b4000070008000000000000001_0')
    expect(await id({ position: 1 })).toBe('msg_0190a3b4000070008000000000000001_1')
  })

  test('names Runsheet as its user agent, unless told otherwise', async () => {
    expect((await sent({})).headers['user-agent']).toBe('Runsheet/1.2.3')
    expect((await sent({ headers: { 'User-Agent': 'Mine' } })).headers['user-agent']).toBe('Mine')
  })

  test.each([
    [500, true],
    [429, true],
    [404, false],
    [301, false],
  ])('that is answered %i fails, with retry: %s', async (status, transient) => {
    const receiver = await startReceiver((response) => response.writeHead(status, { 'retry-after': '7' }).end('why'))
    const result = await open().execute({ url: receiver.url })
    expect(result).toMatchObject({
      ok: false,
      failure: { code: `HTTP_${status}`, transient },
      deliveries: [{ status }],
    })
    expect(!result.ok && result.failure.retryAfter).toBe(transient ? 7 : undefined)
    expect(receiver.calls.length).toBe(1)
  })

  test('that is answered 410 is the last that the receiver wants', async () => {
    const receiver = await startReceiver((response) => response.writeHead(410).end())
    expect(await open().execute({ url: receiver.url })).toMatchObject({
      ok: false,
      failure: { code: 'HTTP_410', transient: false, gone: true },
    })
  })

  test('fails when the step’s signal ends it', async () => {
    const receiver = await startReceiver(() => {})
    const result = await open().execute({ url: receiver.url }, { signal: AbortSignal.timeout(20) })
    expect(result).toMatchObject({
      ok: false,
      failure: { code: 'TIMEOUT', transient: true },
      deliveries: [{ error: { code: 'TIMEOUT' } }],
    })
  })
})

describe('the configuration', () => {
  test('needs a URL only', () => {
    expect(open().driver.config.parse({ url: 'https://example.com/' })).toEqual({
      url: 'https://example.com/',
      method: 'POST',
      headers: {},
      includeArtifact: true,
    })
  })

  test('describes each of its fields', () => {
    for (const [name, field] of Object.entries(open().driver.config.shape)) expect(field.description, name).toBeTruthy()
  })

  test('refuses a target that may not be called', () => {
    const { issues } = open()
    expect(issues({ url: 'http://169.254.169.254/' })).toEqual([
      { path: 'url', message: '169.254.169.254 is not at a public address' },
    ])
    expect(issues({ url: 'https://example.com/' })).toEqual([])
  })

  test('refuses header values that would write headers of their own', () => {
    const { issues } = open()
    const control = fc.constantFrom('\r', '\n', '\r\n', '\0', '\x7f', '\x1b', '…', '\u010a')
    fc.assert(
      fc.property(fc.string(), control, fc.string(), (before, bad, after) => {
        expect(issues({ headers: { 'x-note': before + bad + after } })).toMatchObject([{ path: 'headers.x-note' }])
        expect(issues({ headers: { [`x${before}${bad}${after}`]: 'value' } })).toHaveLength(1)
      }),
    )
  })

  test('lets through what a server takes', async () => {
    const headers = { 'X-Note': 'tab\tand ümlaut', authorization: 'Bearer a.b-c_d~e/f+g==', '!#$%&': '' }
    expect(open().issues({ headers })).toEqual([])
    expect((await sent({ headers })).headers).toMatchObject({ 'x-note': 'tab\tand ümlaut', '!#$%&': '' })
  })

  test.each([
    'Host',
    'content-length',
    'Connection',
    'Transfer-Encoding',
    'TE',
    'Trailer',
    'Upgrade',
    'Expect',
    'Keep-Alive',
    'Proxy-Authorization',
    'Webhook-Id',
    'webhook-signature',
    'WEBHOOK-ANYTHING',
  ])('refuses the header %s', (name) => {
    expect(open().issues({ headers: { [name]: 'x' } })).toEqual([
      { path: `headers.${name}`, message: 'may not be set' },
    ])
  })

  test('refuses a header that is given twice', () => {
    const { issues } = open()
    expect(issues({ headers: { 'x-a': '1', 'X-A': '2' } })).toEqual([
      { path: 'headers.X-A', message: 'is given twice' },
    ])
    expect(issues({ headers: { 'Content-Type': 'text/plain' }, contentType: 'text/xml' })).toHaveLength(1)
  })

  test('bounds the number and the size of headers', () => {
    const { issues } = open()
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, '']))
    expect(issues({ headers: many(50) })).toEqual([])
    expect(issues({ headers: many(51) })).toEqual([{ path: 'headers', message: 'must be at most 50 headers' }])
    expect(issues({ headers: { 'x-a': 'x'.repeat(8189) } })).toEqual([])
    expect(issues({ headers: { 'x-a': 'x'.repeat(8190) } })).toEqual([
      { path: 'headers', message: 'must be at most 8192 bytes' },
    ])
  })

  test('bounds the body, and wants it to be JSON', () => {
    const { issues } = open()
    const cycle: unknown[] = []
    cycle.push(cycle)
    let deep: unknown = 1
    for (let n = 0; n < 100_000; n += 1) deep = [deep]
    expect(issues({ body: 'x'.repeat(1024 * 1024) })).toEqual([])
    expect(issues({ body: 'ä'.repeat(512 * 1024 + 1) })).toMatchObject([{ path: 'body' }])
    expect(issues({ body: ['x'.repeat(1024 * 1024)] })).toMatchObject([{ path: 'body' }])
    for (const body of [cycle, deep, 1n, () => 1]) {
      expect(issues({ body })).toEqual([{ path: 'body', message: 'must be a JSON value' }])
    }
  })

  test('refuses a media type that is none', () => {
    const { config } = open().driver
    for (const contentType of ['text', 'text/plain\r\nx: y', '/', 'text/plain; ä']) {
      expect(config.safeParse({ url: 'https://example.com/', contentType }).success, contentType).toBe(false)
    }
    expect(config.safeParse({ url: 'https://example.com/', contentType: 'text/plain;charset=utf-8' }).success).toBe(
      true,
    )
  })
})
