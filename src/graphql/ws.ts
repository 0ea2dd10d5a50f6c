/** GraphQL over WebSocket (graphql-transport-ws), through the same envelop as HTTP: one parse, validation, context and masking. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ExecutionArgs, GraphQLError } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { type WebSocket, WebSocketServer } from 'ws'
import type { IdentityService } from '../identity/service.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { currentRequest } from '../kernel/request.ts'
import { bearerToken } from './context.ts'
import { GRAPHQL_PATH, type GraphqlServer } from './yoga.ts'

/** Proxies close what is silent for a minute or less. */
const PING_MS = 12_000
/** "Service restart": clients come back, and to another node. */
const RESTARTING = 1012
const INIT_TIMEOUT_MS = 10_000
const MAX_MESSAGE_BYTES = 1024 * 1024

type Params = { authorization?: unknown; Authorization?: unknown } | undefined
type Envelop = ReturnType<GraphqlServer['getEnveloped']>
type Operation = ExecutionArgs & { rootValue: Pick<Envelop, 'execute' | 'subscribe'> }

export function attachWebSocket(
  server: Server,
  { yoga, identity }: { yoga: GraphqlServer; identity: Pick<IdentityService, 'authenticate'> },
) {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES })

  const protocol = useServer(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      /** False closes with 4403, which clients do not retry. */
      async onConnect({ connectionParams, extra }) {
        const token = bearerToken(authorizationOf(connectionParams, extra.request))
        return identity.authenticate(token).then(
          () => true,
          (error) => {
            if (error instanceof ForbiddenError) return false
            throw error
          },
        )
      },
      execute: (args) => (args as Operation).rootValue.execute(args),
      subscribe: (args) => (args as Operation).rootValue.subscribe(args),
      onSubscribe({ connectionParams, extra }, _id, payload) {
        return currentRequest.run({ id: newId() }, async () => {
          const authorization = authorizationOf(connectionParams, extra.request)
          const { schema, parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({ authorization })
          try {
            const document = parse(payload.query)
            const errors = validate(schema, document)
            if (errors.length > 0) return errors
            return {
              schema,
              document,
              operationName: payload.operationName,
              variableValues: payload.variables,
              contextValue: await contextFactory(),
              rootValue: { execute, subscribe },
            } as Operation
          } catch (error) {
            // Thrown further it would close the socket with 4500, and clients would give up for good.
            return [error instanceof GraphQLError ? error : new GraphQLError('Internal error')]
          }
        })
      },
    },
    sockets,
    PING_MS,
  )

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname !== GRAPHQL_PATH) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (client: WebSocket) => sockets.emit('connection', client, request))
  })

  return {
    async close() {
      for (const client of sockets.clients) client.close(RESTARTING, 'the server is restarting')
      await protocol.dispose()
    },
  }
}

function authorizationOf(params: Params, request: IncomingMessage): string | undefined {
  const given = params?.authorization ?? params?.Authorization
  return typeof given === 'string' ? given : request.headers.authorization
}
