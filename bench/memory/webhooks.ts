/** Receivers that keep every call waiting until they are told to answer, so that as many are under way as were made. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server keeps 128 connections to one origin. */
const ORIGINS = 10

export async function startReceivers() {
  const waiting: ServerResponse[] = []
  const servers = Array.from({ length: ORIGINS }, () =>
    createServer((request, response) => {
      request.resume()
      waiting.push(response)
    }),
  )
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  return {
    urls: servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    calls: () => waiting.length,
    close() {
      for (const response of waiting) response.end()
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}
