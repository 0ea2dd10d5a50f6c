import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { StepContext } from '../../../src/actions/driver.ts'
import { createActionRegistry } from '../../../src/actions/registry.ts'
import { newSigningSecret, sign } from '../../../src/actions/signature.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import { ValidationError } from '../../../src/kernel/errors.ts'
import { type Answer, startReceiver } from '../../support/receiver.ts'
import { nobody, stepContext } from '../context.ts'

const LIMIT = 1024 * 1024
const TEMPLATE = '{{ run.id }} \\{{ {{'

let registry: ReturnType<typeof createActionRegistry>
beforeEach(() => {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  registry = createActionRegistry({ egress, version: '1.2.3' } as never)
})

const parse = (config: object) => registry.parse('callback', config, { subject: nobody })

/** What is wrong with a configuration, and where. */
async function issues(config: object) {
  const error = await parse({ url: 'https://example.com/', ...config }).catch((error) => error)
  return error instanceof ValidationError ? error.issues : []
}

/** Stored as a job would be, then done. */
async function execute(config: object, part?: Partial<StepContext>) {
  const stored = JSON.parse(JSON.stringify(await parse(config)))
  return registry.get('callback')?.execute(stored, stepContext(part))
}

const listen = (answer?: Answer) => startReceiver(answer, { encoding: 'latin1' })

async function sent(config: object, part?: Partial<StepContext>) {
  const receiver = await listen()
  const result = await execute({ url: receiver.url, ...config }, part)
  expect(result).toMatchObject({ ok: true, output: { status: 200, body: 'ok' }, deliveries: [{ status: 200 }] })
  const [call, ...more] = receiver.calls
  if (!call || more.length > 0) throw new Error('not one call')
  return { ...call, bytes: Buffer.from(call.body, 'latin1') }
}

const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes as string).toString('base64')

describe('what is sent', () => {
  test('is the data, byte for byte, and verifies as a Standard Webhook', async () => {
    const secret = newSigningSecret()
    const receiver = await listen()
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      receiver.calls.length = 0
      await execute({ url: receiver.url, data: base64(bytes) }, { signingSecrets: [secret] })
      const [call] = receiver.calls
      const got = Buffer.from(call?.body ?? '', 'latin1')
      expect(got.equals(bytes)).toBe(true)
      expect(call?.headers['content-type']).toBe('application/octet-stream')
      const { 'webhook-id': id, 'webhook-timestamp': time } = call?.headers ?? {}
      const signature = sign([secret], String(id), new Date(Number(time) * 1000), got)
      expect(call?.headers['webhook-signature']).toBe(signature)
    })
    await fc.assert(property, { numRuns: 60, examples: [[Uint8Array.of(0, 255, 13, 10, 0x80)]] })
    const call = await sent({ data: base64('{"a": "ü"}') }, { signingSecrets: [secret] })
    expect(new Webhook(secret).verify(call.bytes, call.headers as Record<string, string>)).toEqual({ a: 'ü' })
  })

  test('is nothing, of no media type, where there is no data', async () => {
    for (const config of [{}, { contentType: 'text/plain' }, { data: null }]) {
      const call = await sent(config)
      expect(call).toMatchObject({ method: 'POST', body: '', headers: { 'content-length': '0' } })
      expect(call.headers).not.toHaveProperty('content-type')
      expect(call.headers).not.toHaveProperty('x-content-signature')
    }
  })

  test('has its media type also where the data is of no length', async () => {
    const headers = { 'content-length': '0', 'content-type': 'application/octet-stream' }
    expect(await sent({ data: '' })).toMatchObject({ body: '', headers })
    const xml = { 'content-type': 'text/xml; charset="utf-8"' }
    expect(await sent({ data: '', contentType: xml['content-type'] })).toMatchObject({ body: '', headers: xml })
  })

  test('is as it was given where it looks like a template', async () => {
    const call = await sent({ data: base64(TEMPLATE), signature: TEMPLATE, contentType: `text/plain; a="${TEMPLATE}"` })
    expect(call).toMatchObject({
      body: TEMPLATE,
      headers: { 'x-content-signature': TEMPLATE, 'content-type': `text/plain; a="${TEMPLATE}"` },
    })
    const receiver = await listen()
    await execute({ url: `${receiver.url}/a?b={{ run.id }}` })
    expect(receiver.calls).toMatchObject([{ url: '/a?b={{%20run.id%20}}' }])
  })

  test.each(['507aaa0733464499847c930db95983f8994ae266', 'ü=\xff', 'a\tb, "c"; sha256=x==', ''])(
    'carries the signature %j to the letter',
    async (signature) => {
      expect((await sent({ signature })).headers['x-content-signature']).toBe(signature)
    },
  )

  test('may be as long as a request may be', async () => {
    expect((await sent({ data: base64(Buffer.alloc(LIMIT, 7)) })).bytes).toHaveLength(LIMIT)
  })
})

describe('an answer', () => {
  test.each([
    [204, null],
    [500, { code: 'HTTP_500', transient: true, retryAfter: 7 }],
    [429, { code: 'HTTP_429', transient: true, retryAfter: 7 }],
    [302, { code: 'HTTP_302', transient: false }],
    [404, { code: 'HTTP_404', transient: false }],
    [410, { code: 'HTTP_410', transient: false, gone: true }],
  ])('of %i means what it means to a webhook', async (status, failure) => {
    const receiver = await listen((response) => response.writeHead(status, { 'retry-after': '7' }).end())
    const result = await execute({ url: receiver.url, data: base64('x') })
    expect(result).toMatchObject(failure ? { ok: false, failure } : { ok: true, output: { status, body: null } })
    expect(receiver.calls).toHaveLength(1)
  })

  test('is kept without the signature that it says back', async () => {
    const signature = 'a-signature-of-ours'
    const receiver = await listen((response, call) => response.end(`got ${call.headers['x-content-signature']}`))
    const result = await execute({ url: receiver.url, signature })
    expect(result?.deliveries).toMatchObject([{ requestHeaders: { 'x-content-signature': '•••' } }])
    expect(`${result?.deliveries[0]?.responseBody}`).toBe('got ***')
  })
})

describe('the configuration', () => {
  test.each([
    ['data that is no base64', { data: 'not base64!' }, 'data'],
    ['data that is no text', { data: [1, 2] }, 'data'],
    ['one byte too many', { data: base64(Buffer.alloc(LIMIT + 1)) }, 'data'],
    ['a media type that is none', { contentType: 'text' }, 'contentType'],
    ['a media type with a line break', { contentType: 'text/plain\r\nx: y' }, 'contentType'],
    ['a signature with a line break', { signature: 'a\r\nx-evil: 1' }, 'signature'],
    ['a signature beyond Latin-1', { signature: '…' }, 'signature'],
    ['a signature without end', { signature: 'x'.repeat(4001) }, 'signature'],
    ['a target that may not be called', { url: 'http://169.254.169.254/' }, 'url'],
    ['no address', { url: 'example' }, 'url'],
  ])('cannot have %s', async (_, config, path) => {
    expect(await issues(config)).toMatchObject([{ path }])
  })

  test('takes the longest signature there may be, and then it goes out', async () => {
    const signature = '\xff'.repeat(4000)
    expect((await sent({ signature })).headers['x-content-signature']).toBe(signature)
  })

  test('is shown without its secrets', () => {
    const config = { url: 'https://a.example/?token=hush&b=1', data: base64('hush'), contentType: 'text/plain' }
    expect(registry.redact('callback', { ...config, signature: 'hush' })).toEqual({
      url: 'https://a.example/?token=•••&b=1',
      contentType: 'text/plain',
      data: '•••',
      signature: '•••',
    })
    expect(registry.redact('callback', { url: 'https://a.example/' })).toEqual({ url: 'https://a.example/' })
  })
})
