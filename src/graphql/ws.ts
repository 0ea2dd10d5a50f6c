/** GraphQL over WebSocket (graphql-transport-ws), by the same rules as over HTTP. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { CloseCode, handleProtocols } from 'graphql-ws'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { tooMuch } from './limits/refusal.ts'
import { createKeepAlive } from './sockets/keep-alive.ts'
import { Session, type SessionRules } from './sockets/session.ts'
import { GRAPHQL_PATH, type GraphqlServer } from './yoga.ts'

/** Proxies close what is silent for a minute or less. */
const PING_MS = 12_000
/** "Service restart": clients come back, and to another node. */
const RESTARTING = 1012
const INIT_TIMEOUT_MS = 10_000

export function attachWebSocket(
  server: Server,
  {
    yoga: { mask, overSocket: ask },
    identity,
    callerOf,
    limits,
    pingMs = PING_MS,
    initTimeoutMs = INIT_TIMEOUT_MS,
  }: {
    yoga: Pick<GraphqlServer, 'mask' | 'overSocket'>
    limits: { operations: number; messageBytes: number }
    pingMs?: number
    initTimeoutMs?: number
  } & Pick<SessionRules, 'identity' | 'callerOf'>,
) {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    // Thousands of messages may come in one packet: others get their turn between them.
    allowSynchronousEvents: false,
    // They are known by their sessions.
    clientTracking: false,
    handleProtocols,
  })
  const most = limits.operations
  const full = tooMuch(`${most} operations are under way on this socket (MAX_SUBSCRIPTIONS_PER_SOCKET).`)
  const rules: SessionRules = { ask, mask, identity, callerOf, most, full, initTimeoutMs }
  const sessions = new Map<WebSocket, Session>()
  const keepAlive = createKeepAlive(sessions, pingMs)
  let whenEmpty = () => {}

  /** Of all sockets, which are `this` to them: closures of each would be many. */
  function hear(this: WebSocket, data: RawData) {
    sessions.get(this)?.hear(data)
  }
  const listeners = {
    pong(this: WebSocket) {
      const session = sessions.get(this)
      if (session) session.isSilent = false
    },
    close(this: WebSocket) {
      const session = sessions.get(this)
      sessions.delete(this)
      session?.close()
      if (sessions.size === 0) whenEmpty()
    },
    // It closes by itself on what is not of the protocol, and says so to the client.
    error() {},
  }

  sockets.on('connection', (socket, request) => {
    const session = new Session(rules, socket, request)
    sessions.set(socket, session)
    keepAlive.add(session)
    for (const [name, listener] of Object.entries(listeners)) socket.on(name, listener)
    if (socket.protocol) socket.on('message', hear)
    else socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
  })

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node has let go of it, and without a listener an error of the connection is one of the process.
    socket.on('error', destroySelf)
    if (request.url?.split('?')[0] !== GRAPHQL_PATH) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (client: WebSocket) => sockets.emit('connection', client, request))
  })

  return {
    async close() {
      const empty = new Promise<void>((resolve) => {
        whenEmpty = resolve
      })
      for (const socket of sessions.keys()) socket.close(RESTARTING, 'the server is restarting')
      keepAlive.stop()
      sockets.close()
      if (sessions.size > 0) await empty
    },
  }
}

function destroySelf(this: Duplex) {
  this.destroy()
}
