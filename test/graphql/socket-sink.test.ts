/** What the sink writes past `ws` is what `ws` reads, whatever its length, and what is not read is noticed. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { SharedResult } from '../../src/graphql/streams/result.ts'
import { SocketSink } from '../../src/graphql/streams/socket-sink.ts'
import type { Sink } from '../../src/graphql/streams/subscriber.ts'

const ID = 'a "quoted" id'
const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
let client: WebSocket
let served: WebSocket
let sink: Sink
const heard: string[] = []

beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'))
beforeEach(async () => {
  heard.length = 0
  const connected = once(sockets, 'connection')
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.on('message', (data) => heard.push(String(data)))
  await once(client, 'open')
  const [socket, request] = await connected
  served = socket
  sink = new SocketSink(socket, request.socket, ID)
})
afterAll(async () => {
  for (const socket of sockets.clients) socket.terminate()
  await new Promise((resolve) => server.close(resolve))
})

/** A result whose message is so many bytes long. */
const HEAD = `{"id":${JSON.stringify(ID)},"type":"next","payload":`
function ofLength(length: number): SharedResult {
  const text = JSON.stringify('x'.repeat(length - HEAD.length - 3))
  return { result: { stringify: () => text }, bytes: Buffer.from(text), position: null }
}

it('writes messages of every length, alone and together, between those of the protocol', async () => {
  const lengths = [60, 125, 126, 127, 65_535, 65_536, 200_000]
  for (const length of lengths) {
    sink.send([ofLength(length)])
    served.send('{"type":"pong"}')
  }
  sink.send(lengths.map(ofLength))
  served.ping()
  const pong = { type: 'pong' }
  const next = (length: number) => ({ type: 'next', id: ID, payload: 'x'.repeat(length - HEAD.length - 3) })
  await expect.poll(() => heard.length).toBe(lengths.length * 3)
  expect(heard.map((text) => JSON.parse(text))).toEqual([
    ...lengths.flatMap((length) => [next(length), pong]),
    ...lengths.map(next),
  ])
  expect(heard.filter((text) => text.includes('next')).map(({ length }) => length)).toEqual([...lengths, ...lengths])
})

it('is full while a client does not read, says when all was taken, and never waits for one that has gone', async () => {
  client.pause()
  let taken = 0
  for (let n = 0; n < 200 && !sink.isFull(); n++) sink.send([ofLength(200_000)], () => taken++)
  expect(sink.isFull()).toBe(true)
  client.resume()
  await expect.poll(() => sink.isFull()).toBe(false)
  await expect.poll(() => taken).toBe(heard.length)
  client.pause()
  for (let n = 0; n < 200 && !sink.isFull(); n++) sink.send([ofLength(200_000)], () => taken++)
  const sent = taken
  client.terminate()
  await once(served, 'close')
  await new Promise<void>((resolve) => sink.send([ofLength(100)], resolve))
  expect(taken).toBeGreaterThan(sent)
})
