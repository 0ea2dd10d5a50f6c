import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type HttpServer = {
  server: Server
  /** The one that was asked for, or the free one that was taken for 0. */
  port: number
  /** Takes no more connections; those that are there go on. */
  refuse(): void
  /** Takes no more connections, lets requests that are under way finish for a moment, and cuts the rest. */
  close(): Promise<void>
}

const GRACE_MS = 1_000

/** Listens; requests are for whoever adds a listener in the same turn. */
export function listen({ port, host }: { port: number; host: string }): Promise<HttpServer> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve({
        server,
        port: (server.address() as AddressInfo).port,
        refuse: () => void server.close(),
        close: () => closeServer(server),
      })
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
