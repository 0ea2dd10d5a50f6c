/** Receivers that answer too much, too slowly or for ever: the step's signal and the bounds of an answer end the call. */
import { once } from 'node:events'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { callHttp, MAX_RESPONSE_BYTES } from '../../src/actions/http-call.ts'
import { createEgress } from '../../src/egress/egress.ts'
import { deferred } from '../support/receiver.ts'

/** Answers a call by these pieces, one whenever the socket takes more, for ever; tells when the caller has gone. */
async function startDripping(first: string, piece: string, everyMs = 0) {
  const gone = deferred()
  const server = net.createServer((socket) => {
    const more = () => {
      if (socket.destroyed) return
      if (socket.write(piece) || everyMs > 0) setTimeout(more, everyMs)
      else socket.once('drain', more)
    }
    socket.on('error', () => {})
    socket.once('close', () => gone.resolve())
    socket.once('data', () => socket.write(first, more))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`, gone: gone.promise }
}

function call(url: string, signal: AbortSignal) {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  return callHttp(egress, { url, method: 'GET', headers: {}, body: null, signal })
}

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`

test.each([
  ['headers without an end', OK, 'x-more: 0123456789\r\n'],
  ['a header without an end', `${OK}x-more: `, '0123456789'],
  ['trailers without an end', `${CHUNKED}1\r\nx\r\n0\r\n`, 'x-more: 0123456789\r\n'],
  ['what is no HTTP', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 'x'],
])('%s end the call by themselves', async (_, first, piece) => {
  const { url, gone } = await startDripping(first, piece.repeat(100))
  const delivery = await call(url, AbortSignal.timeout(4_000))
  expect(delivery.error).toMatchObject({ code: 'RESPONSE' })
  await gone
})

test.each([
  ['headers', OK, 'x-more: 1\r\n'],
  ['the words of a status', 'HTTP/1.1 200 ', 'O'],
  ['interim answers', '', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'],
  ['a body', `${OK}content-length: 10000\r\n\r\n`, 'x'],
  ['chunks', CHUNKED, '1\r\nx\r\n'],
  ['an extension of a chunk', `${CHUNKED}1;`, 'x'],
])('%s that come drop by drop end with the signal', async (_, first, piece) => {
  const { url, gone } = await startDripping(first, piece, 5)
  const started = performance.now()
  const delivery = await call(url, AbortSignal.timeout(300))
  expect(delivery.error).toMatchObject({ code: 'TIMEOUT' })
  expect(performance.now() - started).toBeLessThan(2_000)
  await gone
})

test.each([
  ['a body of no length', `${OK}\r\n`, 'x'.repeat(1000)],
  ['a body that says it is huge', `${OK}content-length: 99999999999\r\n\r\n`, 'x'.repeat(1000)],
  ['chunks', CHUNKED, `3e8\r\n${'x'.repeat(1000)}\r\n`],
])('of %s so much is read as is kept', async (_, first, piece) => {
  const { url, gone } = await startDripping(first, piece)
  const delivery = await call(url, AbortSignal.timeout(4_000))
  expect(delivery).toMatchObject({ status: 200, truncated: true, error: null })
  expect(delivery.responseBody).toHaveLength(MAX_RESPONSE_BYTES)
  await gone
})

test('a body that is packed is not unpacked', async () => {
  const { url } = await startDripping(`${OK}content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc`, '')
  expect((await call(url, AbortSignal.timeout(4_000))).responseBody.toString()).toBe('abc')
})
