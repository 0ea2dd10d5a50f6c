import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createEgress, EgressError, type EgressOptions, UnresolvedError } from '../../src/egress/egress.ts'
import { startReceiver } from '../support/receiver.ts'

function open(options: Partial<EgressOptions> = {}) {
  const egress = createEgress({ allowCidrs: [], httpsOnly: false, lookup: neverAsked, ...options })
  onTestFinished(() => egress.close())
  return {
    check: egress.check,
    close: egress.close,
    async get(url: string) {
      const signal = new AbortController().signal
      const response = await egress.request(url, { method: 'GET', headers: {}, body: null, signal })
      return { status: response.statusCode, text: await response.body.text() }
    },
  }
}

const neverAsked = async (hostname: string): Promise<string[]> => {
  throw new Error(`the resolver was asked for ${hostname}`)
}

/** A resolver that gives these answers in turn. */
function answers(...each: string[][]) {
  return vi.fn(async (_hostname: string) => each.shift() ?? [])
}

const codeOf = (run: () => unknown) => {
  try {
    run()
    return null
  } catch (error) {
    if (error instanceof EgressError) return error.code
    throw error
  }
}

const refused = expect.objectContaining({ name: 'EgressError', code: 'ADDRESS_REFUSED' })

afterEach(() => vi.unstubAllEnvs())

describe('what is known without DNS', () => {
  test.each([
    ['not a URL', 'INVALID_URL'],
    ['/hook', 'INVALID_URL'],
    ['http://', 'INVALID_URL'],
    ['http://[::1', 'INVALID_URL'],
    ['ftp://example.com/', 'UNSUPPORTED_SCHEME'],
    ['file:///etc/passwd', 'UNSUPPORTED_SCHEME'],
    ['javascript:alert(1)', 'UNSUPPORTED_SCHEME'],
    ['http://user@example.com/', 'CREDENTIALS_IN_URL'],
    ['http://:secret@example.com/', 'CREDENTIALS_IN_URL'],
  ])('%s is refused as %s', (url, code) => expect(codeOf(() => open().check(url))).toBe(code))

  test.each([
    'http://127.0.0.1/',
    'http://127.0.0.1./',
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://0177.0.0.01/',
    'http://①②⑦.⓪.⓪.①/',
    'http://１２７.０.０.１/',
    'http://%31%32%37.0.0.1/',
    'http://127。0。0。1/',
    'http:\\\\127.0.0.1\\',
    'http://[::1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[2002:7f00:1::]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://168.63.129.16/metadata',
    'http://0/',
    'http://0.0.0.0/',
    'http://255.255.255.255/',
    'http://localhost/',
    'http://LOCALHOST/',
    'http://localhost./',
    'http://demo.localhost/',
    'http://demo.localhost./',
  ])('%s is not public', async (url) => {
    const egress = open()
    expect(codeOf(() => egress.check(url))).toBe('ADDRESS_REFUSED')
    await expect(egress.get(url)).rejects.toEqual(refused)
  })

  test('names and public addresses pass', () => {
    const { check } = open()
    expect(check('https://example.com/a?b=c').href).toBe('https://example.com/a?b=c')
    expect(check('http://8.8.8.8:8080/').port).toBe('8080')
    expect(check('http://[2606:4700:4700::1111]/').hostname).toBe('[2606:4700:4700::1111]')
    expect(check('https://localhost.example.com/').hostname).toBe('localhost.example.com')
  })

  test('with https only, http is refused, also for allowed addresses', async () => {
    const egress = open({ httpsOnly: true, allowCidrs: ['127.0.0.0/8'] })
    expect(codeOf(() => egress.check('http://127.0.0.1/'))).toBe('HTTPS_ONLY')
    expect(codeOf(() => egress.check('https://127.0.0.1/'))).toBe(null)
    await expect(egress.get('http://example.com/')).rejects.toMatchObject({ code: 'HTTPS_ONLY' })
  })

  test('an allowed range opens itself and nothing else, however its addresses are written', () => {
    const { check } = open({ allowCidrs: ['10.1.0.0/16', 'fd00::/8'] })
    const pass = ['http://10.1.2.3/', 'http://0x0a010203/', 'http://[::ffff:10.1.2.3]/', 'http://[fd12::1]/']
    const fail = ['http://10.2.0.1/', 'http://[64:ff9b::a01:203]/', 'http://[fc00::1]/', 'http://127.0.0.1/']
    for (const url of pass)
      expect(
        codeOf(() => check(url)),
        url,
      ).toBe(null)
    for (const url of fail)
      expect(
        codeOf(() => check(url)),
        url,
      ).toBe('ADDRESS_REFUSED')
  })

  test('what is not a range is an error at once', () => {
    expect(() => createEgress({ allowCidrs: ['localhost'], httpsOnly: false })).toThrow()
  })
})

describe('ports', () => {
  test.each([22, 25, 465, 587, 5432, 6379, 11211])('%i is refused of public hosts, addresses and names', (port) => {
    const { check } = open()
    for (const host of ['8.8.8.8', '[2606:4700:4700::1111]', 'example.com', '0x08080808']) {
      expect(codeOf(() => check(`http://${host}:${port}/`))).toBe('PORT_REFUSED')
      expect(codeOf(() => check(`https://${host}:0${port}/`))).toBe('PORT_REFUSED')
    }
  })

  test.each([80, 443, 8080, 8443, 3000, 65535])('%i is not', (port) =>
    expect(codeOf(() => open().check(`https://example.com:${port}/`))).toBe(null),
  )

  test('a name at such a port is reached in an allowed range only', async () => {
    const allowCidrs = ['127.0.0.0/8']
    for (const found of [['93.184.215.14'], ['127.0.0.1', '93.184.215.14'], ['10.0.0.1']]) {
      const { check, get } = open({ allowCidrs, lookup: answers(found) })
      expect(codeOf(() => check('http://hook.example:9/'))).toBe(null)
      await expect(get('http://hook.example:9/')).rejects.toMatchObject({ code: 'PORT_REFUSED' })
    }
    for (const host of ['hook.example', '127.0.0.1', 'localhost']) {
      const { get } = open({ allowCidrs, lookup: answers(['127.0.0.1']) })
      await expect(get(`http://${host}:9/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  test('one address in an allowed range does not open the port of another', () => {
    const { check } = open({ allowCidrs: ['127.0.0.0/8'] })
    expect(codeOf(() => check('http://8.8.8.8:25/'))).toBe('PORT_REFUSED')
    expect(codeOf(() => check('http://10.0.0.1:25/'))).toBe('ADDRESS_REFUSED')
  })
})

describe('names', () => {
  test('a name with one address that is not public is refused, whatever the others are', async () => {
    const receiver = await startReceiver()
    for (const found of [
      ['10.0.0.1'],
      ['127.0.0.1', '10.0.0.1'],
      ['10.0.0.1', '127.0.0.1'],
      ['::ffff:10.0.0.1'],
      ['x'],
    ]) {
      const egress = open({ allowCidrs: ['127.0.0.1/32'], lookup: answers(found) })
      await expect(egress.get(`http://hook.example:${receiver.port}/`)).rejects.toEqual(refused)
    }
    expect(receiver.connections).toBe(0)
  })

  test('a refusal does not tell which address the name has', async () => {
    const egress = open({ lookup: answers(['10.11.12.13']) })
    await expect(egress.get('http://hook.example/')).rejects.toThrow(/^hook\.example is not at a public address$/)
  })

  test('the connection goes to the address that was checked, and the next connection is checked anew', async () => {
    const receiver = await startReceiver((response) => response.setHeader('connection', 'close').end('ok'), {
      host: '0.0.0.0',
    })
    const lookup = answers(['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1'])
    const egress = open({ allowCidrs: ['127.0.0.1/32'], lookup })
    const url = `http://rebind.example:${receiver.port}/`

    await egress.get(url)
    expect(lookup).toHaveBeenCalledTimes(1)
    await expect(egress.get(url)).rejects.toEqual(refused)
    await egress.get(url)
    expect(lookup).toHaveBeenCalledTimes(3)
    expect(receiver.calls.map((call) => call.localAddress)).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  test('the receiver sees the name that was asked for', async () => {
    const receiver = await startReceiver()
    const egress = open({ allowCidrs: ['127.0.0.0/8'], lookup: answers(['127.0.0.1']) })
    await egress.get(`http://hook.example:${receiver.port}/path?q=1#fragment`)
    expect(receiver.calls[0]).toMatchObject({ url: '/path?q=1', headers: { host: `hook.example:${receiver.port}` } })
  })

  test('of several addresses the next is tried when one does not answer', async () => {
    const receiver = await startReceiver()
    const egress = open({ allowCidrs: ['127.0.0.0/8'], lookup: answers(['127.0.0.9', '127.0.0.1']) })
    expect(await egress.get(`http://hook.example:${receiver.port}/`)).toEqual({ status: 200, text: 'ok' })
  })

  test.each(['localhost', 'localhost.', 'demo.localhost', 'a.b.LOCALHOST'])(
    '%s is this machine without asking a resolver',
    async (name) => {
      const receiver = await startReceiver()
      const egress = open({ allowCidrs: ['127.0.0.0/8'] })
      expect(await egress.get(`http://${name}:${receiver.port}/`)).toEqual({ status: 200, text: 'ok' })
    },
  )

  test('the operating system’s resolver answers when no other is given', async () => {
    const egress = createEgress({ allowCidrs: [], httpsOnly: false })
    onTestFinished(() => egress.close())
    const options = { method: 'GET', headers: {}, body: null, signal: new AbortController().signal }
    await expect(egress.request('http://no-such-name.invalid/', options)).rejects.toThrow(UnresolvedError)
  })

  test.each([
    ['has no address', async () => []],
    ['could not be resolved (EAI_AGAIN)', () => Promise.reject(Object.assign(new Error(), { code: 'EAI_AGAIN' }))],
  ])('a name that %s is told apart from a refusal', async (message, lookup) => {
    const failure = open({ lookup }).get('http://hook.example/')
    await expect(failure).rejects.toEqual(expect.objectContaining({ name: 'UnresolvedError' }))
    await expect(failure).rejects.toThrow(message)
  })
})

describe('connections', () => {
  test('a redirect is an answer, not a command', async () => {
    const inside = await startReceiver()
    const outside = await startReceiver((response) => response.writeHead(302, { location: inside.url }).end())
    expect((await open({ allowCidrs: ['127.0.0.0/8'] }).get(outside.url)).status).toBe(302)
    expect(inside.connections).toBe(0)
  })

  test('a proxy of the environment is not used', async () => {
    const [receiver, proxy] = [await startReceiver(), await startReceiver()]
    for (const name of ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY']) vi.stubEnv(name, proxy.url)
    await open({ allowCidrs: ['127.0.0.0/8'] }).get(receiver.url)
    expect([receiver.connections, proxy.connections]).toEqual([1, 0])
  })

  test('calls one after the other share a connection and its one look at the name', async () => {
    const receiver = await startReceiver()
    const lookup = answers(['127.0.0.1'])
    const egress = open({ allowCidrs: ['127.0.0.0/8'], lookup })
    for (let n = 0; n < 3; n += 1) {
      await egress.get(`http://hook.example:${receiver.port}/`)
      // undici frees a connection one turn of the event loop after the answer's end
      await setImmediate()
    }
    expect([receiver.calls.length, receiver.connections, lookup.mock.calls.length]).toEqual([3, 1, 1])
  })

  test('beyond the origins that may keep connections, a call has a connection of its own', async () => {
    const [first, second] = [await startReceiver(), await startReceiver()]
    const egress = open({ allowCidrs: ['127.0.0.0/8'], maxOrigins: 1 })
    await egress.get(first.url)
    expect(await egress.get(second.url)).toEqual({ status: 200, text: 'ok' })
    expect(first.calls[0]?.headers.connection).toBe('keep-alive')
    expect(second.calls[0]?.headers.connection).toBe('close')
  })

  test('a connection that does not come about in time is given up', async () => {
    const egress = open({ connectTimeoutMs: 20, lookup: () => new Promise<never>(() => {}) })
    await expect(egress.get('http://hook.example/')).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' })
  })

  test('closing ends the connections that are kept', async () => {
    const receiver = await startReceiver()
    const connected = once(receiver.server, 'connection')
    const egress = open({ allowCidrs: ['127.0.0.0/8'] })
    await egress.get(receiver.url)
    const [socket] = await connected
    const ended = once(socket, 'close')
    await egress.close()
    await ended
  })
})
