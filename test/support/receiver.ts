/** A real HTTP server on this machine that keeps what it was sent. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export type Call = {
  method: string
  url: string
  headers: http.IncomingHttpHeaders
  body: string
  localAddress: string
}
export type Answer = (response: http.ServerResponse, call: Call) => void

/** A promise and what fulfils it (Node 20 has no `Promise.withResolvers`). */
export function deferred<T = void>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}

/** Ends with the test. `encoding`: how it reads bodies; `latin1` loses nothing of any. */
export async function startReceiver(
  answer: Answer = (response) => void response.end('ok'),
  { host = '127.0.0.1', encoding = 'utf8' }: { host?: string; encoding?: BufferEncoding } = {},
) {
  const calls: Call[] = []
  const receiver = { port: 0, url: '', calls, connections: 0, server: http.createServer() }
  receiver.server.on('connection', () => {
    receiver.connections += 1
  })
  receiver.server.on('request', async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    const localAddress = request.socket.localAddress ?? ''
    const call = { method, url, headers, body: Buffer.concat(chunks).toString(encoding), localAddress }
    calls.push(call)
    answer(response, call)
  })
  receiver.server.listen(0, host)
  await once(receiver.server, 'listening')
  receiver.port = (receiver.server.address() as AddressInfo).port
  receiver.url = `http://127.0.0.1:${receiver.port}`
  onTestFinished(async () => {
    receiver.server.closeAllConnections()
    if (receiver.server.listening) await new Promise((resolve) => receiver.server.close(resolve))
  })
  return receiver
}
