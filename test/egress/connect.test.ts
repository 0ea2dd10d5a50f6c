import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createEgress, type EgressOptions } from '../../src/egress/egress.ts'

const refused = expect.objectContaining({ name: 'EgressError', code: 'ADDRESS_REFUSED' })

function open(options: Partial<EgressOptions> = {}) {
  const lookup = vi.fn(async (_hostname: string): Promise<string[]> => [])
  const egress = createEgress({ allowCidrs: [], httpsOnly: false, lookup, ...options })
  onTestFinished(() => egress.close())
  return {
    close: egress.close,
    lookup,
    connect(host: string, port = 25, { signal = new AbortController().signal, timeoutMs = 10_000 } = {}) {
      return egress.connect(host, port, { signal, timeoutMs })
    },
  }
}

/** A server that says `hello`, and to which of its addresses it was asked. */
async function startServer(host = '127.0.0.1') {
  const connections: string[] = []
  const server = net.createServer((socket) => {
    connections.push(socket.localAddress ?? '')
    socket.on('error', () => {})
    socket.end('hello')
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, connections }
}

async function heard(socket: net.Socket): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('a connection for what is not HTTP', () => {
  const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
  const hex = (value: number) => `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`
  /** First address and number of bits that are free. */
  const inside = (first: number, bits: number) => fc.nat(2 ** bits - 1).map((rest) => first + rest)
  const privateV4 = fc.oneof(
    inside(0x0a000000, 24),
    inside(0x7f000000, 24),
    inside(0xa9fe0000, 16),
    inside(0xac100000, 20),
    inside(0xc0a80000, 16),
    inside(0x64400000, 22),
    fc.constant(0xa9fea9fe),
    fc.constant(0xa83f8110),
  )
  const group = fc.nat(0xffff).map((value) => value.toString(16))
  const privateAddress = fc.oneof(
    privateV4.map(dotted),
    privateV4.map((value) => `::ffff:${dotted(value)}`),
    privateV4.map((value) => `::ffff:${hex(value)}`),
    privateV4.map((value) => `64:ff9b::${hex(value)}`),
    privateV4.map((value) => `2002:${hex(value)}::1`),
    fc.constantFrom('::1', '::', 'fd00:ec2::254'),
    group.map((last) => `fe80::${last}`),
    group.map((last) => `fc00::${last}`),
    group.map((last) => `ff02::${last}`),
  )

  test('reaches no address that is not public, whether it is written out or what a name resolves to', async () => {
    await fc.assert(
      fc.asyncProperty(privateAddress, fc.array(fc.constantFrom('8.8.8.8', '2606:4700::1')), async (address, more) => {
        const egress = open({ lookup: async () => [...more, address] })
        await expect(egress.connect(address)).rejects.toEqual(refused)
        await expect(egress.connect('mail.example')).rejects.toEqual(refused)
      }),
      { numRuns: 300 },
    )
  })

  test.each(['0x7f000001', '127.1', '2130706433', '0177.0.0.1', '127.0.0.1.', 'LOCALHOST', 'a.localhost.'])(
    '%s is this machine, without asking a resolver',
    async (host) => {
      const egress = open()
      await expect(egress.connect(host)).rejects.toEqual(refused)
      expect(egress.lookup).not.toHaveBeenCalled()
    },
  )

  test.each(['', 'a b', 'a/b', 'user@mail.example', 'mail.example:25', '[::1]', 'fe80::1%eth0'])(
    '“%s” is no host',
    async (host) => {
      await expect(open().connect(host)).rejects.toMatchObject({ name: 'EgressError', code: 'INVALID_HOST' })
    },
  )

  test('an allowed range opens itself and nothing else, also where HTTP must be HTTPS', async () => {
    const server = await startServer()
    const egress = open({ allowCidrs: ['127.0.0.1/32'], httpsOnly: true })
    for (const host of ['127.0.0.1', '::ffff:127.0.0.1', 'localhost', '0x7f000001']) {
      expect(await heard(await egress.connect(host, server.port)), host).toBe('hello')
    }
    await expect(egress.connect('127.0.0.2', server.port)).rejects.toEqual(refused)
  })

  test('goes to the address that was checked, and asks anew for the next', async () => {
    const server = await startServer('0.0.0.0')
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1']]
    const lookup = vi.fn(async () => answers.shift() ?? [])
    const egress = open({ allowCidrs: ['127.0.0.1/32'], lookup })
    await heard(await egress.connect('rebind.example', server.port))
    expect(lookup).toHaveBeenCalledTimes(1)
    await expect(egress.connect('rebind.example', server.port)).rejects.toEqual(refused)
    await heard(await egress.connect('rebind.example', server.port))
    expect(server.connections).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  test('tries the next of several addresses when one does not answer', async () => {
    const server = await startServer()
    const egress = open({ allowCidrs: ['127.0.0.0/8'], lookup: async () => ['127.0.0.9', '127.0.0.1'] })
    expect(await heard(await egress.connect('mail.example', server.port))).toBe('hello')
  })

  test('a name without an address is told apart from a refusal', async () => {
    await expect(open().connect('mail.example')).rejects.toMatchObject({ name: 'UnresolvedError' })
  })

  test('a refused connection says so', async () => {
    const egress = open({ allowCidrs: ['127.0.0.0/8'] })
    await expect(egress.connect('127.0.0.1', 9)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('is given up when the time is up, or when the signal says so, even while a resolver is asked', async () => {
    const egress = open({ lookup: () => new Promise<never>(() => {}) })
    await expect(egress.connect('mail.example', 25, { timeoutMs: 20 })).rejects.toMatchObject({
      name: 'ConnectTimeoutError',
    })
    const reason = new Error('enough')
    await expect(egress.connect('mail.example', 25, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const pending = egress.connect('mail.example', 25, { signal: controller.signal })
    controller.abort(reason)
    await expect(pending).rejects.toBe(reason)
  })

  test('ends when the guard is closed', async () => {
    const server = net.createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const egress = open({ allowCidrs: ['127.0.0.0/8'] })
    const socket = await egress.connect('127.0.0.1', (server.address() as AddressInfo).port)
    const ended = once(socket, 'close')
    await egress.close()
    await ended
  })
})
