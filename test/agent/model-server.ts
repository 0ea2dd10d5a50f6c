/** A server on this machine that speaks the protocol of OpenAI-compatible models, as a test tells it to. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export type ModelCall = {
  authorization: string | undefined
  path: string
  body: { model: string; messages: { role: string; content: string }[] } & Record<string, unknown>
}
type Reply = (response: http.ServerResponse, call: ModelCall) => unknown

/** The events of an answer in these pieces. */
export const eventsOf = (pieces: string[]): string =>
  [
    { choices: [{ delta: { role: 'assistant' } }] },
    ...pieces.map((content) => ({ choices: [{ delta: { content } }] })),
    { choices: [{ delta: {}, finish_reason: 'stop' }] },
  ]
    .map((event) => `data: ${JSON.stringify(event)}\n\n`)
    .concat('data: [DONE]\n\n')
    .join('')

export const streaming = { 'content-type': 'text/event-stream' }

/** Says these pieces. */
export const saying =
  (...pieces: string[]): Reply =>
  (response) =>
    response.writeHead(200, streaming).end(eventsOf(pieces))

export async function startModelServer() {
  const calls: ModelCall[] = []
  const model = { url: '', calls, reply: saying('hello') as Reply, close: async () => {} }
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString())
    const call = { authorization: request.headers.authorization, path: request.url ?? '', body }
    calls.push(call)
    model.reply(response, call)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  model.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  model.close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return model
}

export type ModelServer = Awaited<ReturnType<typeof startModelServer>>
