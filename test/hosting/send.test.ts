/** Large contents over real sockets: no faster than the client takes them, and no longer than it is there. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type ReadSlice, sendSlices } from '../../src/hosting/send.ts'
import { deferred } from '../support/receiver.ts'

const SIZE = 100_000_000

/** A server that sends zeros, or what `read` answers, and a client that has got the head of the answer. */
async function open({ read, patienceMs }: { read?: ReadSlice; patienceMs?: number } = {}) {
  const state = { reads: 0, largest: 0 }
  const sent = deferred<unknown>()
  const server = http.createServer((_request, response) => {
    const counted: ReadSlice = async (start, length) => {
      state.reads++
      state.largest = Math.max(state.largest, length)
      return read ? read(start, length) : Buffer.alloc(length)
    }
    const begin = () => response.writeHead(200, { 'content-length': SIZE })
    sendSlices(response, { start: 0, end: SIZE, read: counted, begin }, patienceMs).then(
      () => sent.resolve('done'),
      (error) => {
        response.destroy()
        sent.resolve(error)
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const request = http.get({ port: (server.address() as AddressInfo).port, agent: false })
  onTestFinished(async () => {
    request.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.on('error', () => {})
  return { state, sent: sent.promise, response }
}

test('all of it arrives, in slices', async () => {
  const { state, sent, response } = await open()
  let bytes = 0
  for await (const chunk of response) bytes += chunk.length
  expect([bytes, await sent]).toEqual([SIZE, 'done'])
  expect(state.largest).toBeLessThanOrEqual(256 * 1024)
})

test('a client that takes nothing is waited for with little in memory, and costs nothing when it is gone', async () => {
  const { state, sent, response } = await open()
  let before = -1
  await expect
    .poll(() => {
      const still = state.reads === before
      before = state.reads
      return still
    })
    .toBe(true)
  expect(state.reads * state.largest).toBeLessThan(SIZE / 4)
  response.destroy()
  expect(await sent).toBe('done')
  expect(state.reads).toBe(before)
})

test('a client that takes nothing for too long is cut off', async () => {
  const { sent, response } = await open({ patienceMs: 50 })
  expect(await sent).toBe('done')
  await expect(async () => {
    for await (const _ of response);
  }).rejects.toThrow('aborted')
})

test('content that goes meanwhile ends the connection, so that nobody takes a part for the whole', async () => {
  const read: ReadSlice = async (start, length) => (start < 1_000_000 ? Buffer.alloc(length) : null)
  const { sent, response } = await open({ read })
  await expect(async () => {
    for await (const _ of response);
  }).rejects.toThrow('aborted')
  expect(await sent).toBeInstanceOf(Error)
})
