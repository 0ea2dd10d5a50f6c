import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Delivery } from '../../src/actions/driver.ts'
import {
  callHttp,
  failureOf,
  type HttpCall,
  MAX_RESPONSE_BYTES,
  retryAfterSeconds,
} from '../../src/actions/http-call.ts'
import { createEgress, type EgressOptions } from '../../src/egress/egress.ts'
import { deferred, startReceiver } from '../support/receiver.ts'

function caller(options: Partial<EgressOptions> = {}) {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false, ...options })
  onTestFinished(() => egress.close())
  return (url: string, call: Partial<HttpCall> = {}) =>
    callHttp(egress, { url, method: 'GET', headers: {}, body: null, signal: new AbortController().signal, ...call })
}

const timeout = () => new DOMException('The operation timed out', 'TimeoutError')

/** A server that says these bytes to whoever connects, then ends. */
async function startRaw(bytes: string) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as net.AddressInfo).port
}

describe('a call', () => {
  test('tells what was sent and what came back', async () => {
    const receiver = await startReceiver((response) =>
      response
        .writeHead(
          201,
          [
            ['Content-Type', 'text/plain'],
            ['Set-Cookie', 'session=secret'],
            ['X-Many', 'a'],
            ['X-Many', 'b'],
          ].flat(),
        )
        .end('made'),
    )
    const before = Date.now()
    const body = Buffer.from('{"ä":1}')
    const delivery = await caller()(`${receiver.url}/a?token=1`, { method: 'PUT', headers: { 'x-one': '1' }, body })

    expect(receiver.calls).toMatchObject([
      { method: 'PUT', url: '/a?token=1', headers: { 'x-one': '1' }, body: '{"ä":1}' },
    ])
    expect(delivery).toMatchObject({
      method: 'PUT',
      url: `${receiver.url}/a?token=•••`,
      requestBytes: 8,
      requestHeaders: expect.any(Object),
      status: 201,
      responseHeaders: { 'content-type': 'text/plain', 'x-many': 'a, b' },
      truncated: false,
      error: null,
    })
    expect(delivery.responseHeaders).not.toHaveProperty('set-cookie')
    expect(delivery.responseBody.toString()).toBe('made')
    expect(delivery.startedAt.getTime()).toBeGreaterThanOrEqual(before)
    expect(delivery.durationMs).toBeGreaterThanOrEqual(0)
    expect(Number.isInteger(delivery.durationMs)).toBe(true)
  })

  test.each([
    [0, 0, false],
    [MAX_RESPONSE_BYTES - 1, MAX_RESPONSE_BYTES - 1, false],
    [MAX_RESPONSE_BYTES, MAX_RESPONSE_BYTES, false],
    [MAX_RESPONSE_BYTES + 1, MAX_RESPONSE_BYTES, true],
    [1_000_000, MAX_RESPONSE_BYTES, true],
  ])('of an answer of %i bytes %i are kept', async (sent, kept, truncated) => {
    const whole = Buffer.alloc(sent, 'runsheet')
    const receiver = await startReceiver((response) => response.end(whole))
    const delivery = await caller()(receiver.url)
    expect(delivery).toMatchObject({ status: 200, truncated, error: null })
    expect(delivery.responseBody.equals(whole.subarray(0, kept))).toBe(true)
  })

  test('the rest of an endless answer is not read, and its connection ends', async () => {
    const closed = deferred()
    const receiver = await startReceiver((response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(10_000)));
      }
      response.on('drain', more).on('close', () => closed.resolve())
      more()
    })
    const delivery = await caller()(receiver.url)
    expect(delivery).toMatchObject({ status: 200, truncated: true, error: null })
    await closed.promise
  })

  test('a refused target is recorded without its password', async () => {
    const call = caller()
    expect(await call('http://user:secret@example.com/a')).toMatchObject({
      url: 'http://example.com/a',
      status: null,
      error: { code: 'EGRESS_REFUSED' },
    })
    expect((await call('http://user:secret@:99999/')).url).not.toContain('secret')
    expect((await call('http://10.0.0.1/')).error).toEqual({
      code: 'EGRESS_REFUSED',
      message: '10.0.0.1 is not at a public address',
    })
  })
})

describe('what the network does is an answer', () => {
  const code = async (delivery: Promise<Delivery>) => (await delivery).error?.code

  test('a name without an address is DNS', async () => {
    expect(await code(caller({ lookup: async () => [] })('http://hook.example/'))).toBe('DNS')
  })

  test('a port where nobody listens is CONNECTION, on one address and on several', async () => {
    const receiver = await startReceiver()
    receiver.server.close()
    await once(receiver.server, 'close')
    const call = caller({ lookup: async () => ['127.0.0.1', '127.0.0.2'] })
    for (const host of ['127.0.0.1', 'hook.example']) {
      const { error } = await call(`http://${host}:${receiver.port}/`)
      expect(error).toMatchObject({ code: 'CONNECTION', message: expect.stringContaining('ECONNREFUSED') })
    }
  })

  test('a connection that breaks before the answer or within it is CONNECTION', async () => {
    const before = await startReceiver((response) => response.destroy())
    expect(await code(caller()(before.url))).toBe('CONNECTION')

    const within = await startReceiver((response) => {
      response.writeHead(200, { 'content-length': 10 })
      response.write('half', () => response.destroy())
    })
    const delivery = await caller()(within.url)
    expect(delivery).toMatchObject({ status: 200, error: { code: 'CONNECTION' } })
    expect(delivery.responseBody.toString()).toBe('half')
  })

  test('a connection that is not made in time is CONNECTION', async () => {
    const call = caller({ connectTimeoutMs: 20, lookup: () => new Promise<never>(() => {}) })
    expect(await code(call('http://hook.example/'))).toBe('CONNECTION')
  })

  test('a server that does not speak TLS is TLS, with a reason that a person can read', async () => {
    const receiver = await startReceiver()
    expect((await caller()(`https://127.0.0.1:${receiver.port}/`)).error).toEqual({
      code: 'TLS',
      message: 'wrong version number',
    })
  })

  test.each([
    ['an answer that is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['an answer with endless headers', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`],
  ])('%s is RESPONSE', async (_, bytes) => {
    expect(await code(caller()(`http://127.0.0.1:${await startRaw(bytes)}/`))).toBe('RESPONSE')
  })

  test('a call that undici would not make is a fault of ours and throws', async () => {
    const receiver = await startReceiver()
    await expect(caller()(receiver.url, { headers: { 'x-bad': 'a\r\nb: c' } })).rejects.toThrow('invalid x-bad header')
  })
})

describe('the signal ends a call', () => {
  test('before it begins', async () => {
    const receiver = await startReceiver()
    const delivery = await caller()(receiver.url, { signal: AbortSignal.abort() })
    expect(delivery).toMatchObject({ status: null, error: { code: 'ABORTED' } })
    expect(receiver.connections).toBe(0)
  })

  test('while it connects; what was to be sent is not sent when the connection comes about', async () => {
    const receiver = await startReceiver()
    const asked = deferred()
    const answer = deferred<string[]>()
    const call = caller({
      lookup: () => {
        asked.resolve()
        return answer.promise
      },
    })
    const url = `http://hook.example:${receiver.port}/`
    const end = new AbortController()
    const delivery = call(`${url}late`, { signal: end.signal })
    await asked.promise
    end.abort(timeout())
    expect(await delivery).toMatchObject({ status: null, error: { code: 'TIMEOUT' } })

    const connected = once(receiver.server, 'connection')
    answer.resolve(['127.0.0.1'])
    await connected
    await call(`${url}next`)
    expect(receiver.calls.map((each) => each.url)).toEqual(['/next'])
  })

  test.each([
    ['TIMEOUT', timeout()],
    ['ABORTED', new Error('cancelled')],
  ])('while it waits for an answer: %s', async (code, reason) => {
    const end = new AbortController()
    const closed = deferred()
    const receiver = await startReceiver((response) => {
      response.on('close', () => closed.resolve())
      end.abort(reason)
    })
    expect(await caller()(receiver.url, { signal: end.signal })).toMatchObject({ status: null, error: { code } })
    await closed.promise
  })

  test('while it reads the answer; what came is kept', async () => {
    const closed = deferred()
    const receiver = await startReceiver((response) => {
      response.on('close', () => closed.resolve())
      response.writeHead(200, { 'x-kept': 'yes' }).write('begin')
    })
    const delivery = await caller()(receiver.url, { signal: AbortSignal.timeout(500) })
    expect(delivery).toMatchObject({ status: 200, responseHeaders: { 'x-kept': 'yes' }, error: { code: 'TIMEOUT' } })
    expect(delivery.responseBody.toString()).toBe('begin')
    expect(delivery.durationMs).toBeGreaterThanOrEqual(400)
    await closed.promise
  })
})

describe('what a call means for the run', () => {
  const now = new Date('2026-03-01T12:00:00Z')
  const delivery = (part: Partial<Delivery>): Delivery => ({
    method: 'POST',
    url: 'https://example.com/',
    requestBytes: 0,
    requestHeaders: {},
    status: null,
    responseHeaders: {},
    responseBody: Buffer.alloc(0),
    truncated: false,
    error: null,
    startedAt: now,
    durationMs: 1,
    ...part,
  })

  test('2xx is success, 408, 425, 429 and 5xx may pass, all else stays', () => {
    for (let status = 200; status < 600; status += 1) {
      const failure = failureOf(delivery({ status }), now)
      if (status < 300) expect(failure).toBe(null)
      else
        expect(failure).toMatchObject({
          code: `HTTP_${status}`,
          transient: [408, 425, 429].includes(status) || status >= 500,
        })
      expect(failure?.gone).toBe(status === 410 ? true : undefined)
    }
  })

  test('what the network did may pass; a refused target and an abort stay', () => {
    const isTransient = (code: string) => failureOf(delivery({ error: { code, message: '' } }), now)?.transient
    for (const code of ['TIMEOUT', 'DNS', 'CONNECTION', 'TLS', 'RESPONSE']) expect(isTransient(code), code).toBe(true)
    for (const code of ['EGRESS_REFUSED', 'ABORTED']) expect(isTransient(code), code).toBe(false)
  })

  test('an answer that broke off is no success, whatever its status', () => {
    const error = { code: 'CONNECTION', message: 'other side closed' }
    expect(failureOf(delivery({ status: 200, error }), now)).toEqual({ ...error, transient: true })
  })

  test('Retry-After counts only where a retry makes sense', () => {
    const responseHeaders = { 'retry-after': '120' }
    expect(failureOf(delivery({ status: 503, responseHeaders }), now)?.retryAfter).toBe(120)
    expect(failureOf(delivery({ status: 404, responseHeaders }), now)).not.toHaveProperty('retryAfter')
    expect(failureOf(delivery({ status: 503 }), now)).not.toHaveProperty('retryAfter')
  })

  test.each([
    ['0', 0],
    [' 30 ', 30],
    ['86401', 86_400],
    ['9'.repeat(400), 86_400],
    ['Sun, 01 Mar 2026 12:01:30 GMT', 90],
    ['Sunday, 01-Mar-26 12:01:30 GMT', 90],
    ['Sun Mar  1 12:01:30 2026', 90],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['Mon, 01 Mar 2027 12:00:00 GMT', 86_400],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['1e3', null],
    ['soon', null],
    ['Sunday', null],
    ['2026-03-01T12:01:30Z', null],
    [undefined, null],
  ])('Retry-After “%s” is %j seconds', (value, seconds) => expect(retryAfterSeconds(value, now)).toBe(seconds))
})
