/** GraphQL over WebSocket (graphql-transport-ws), through the same envelop as HTTP: one parse, validation, context and masking. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ExecutionArgs, type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { SubscribePayload } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { isAsyncIterable } from 'graphql-yoga'
import { type WebSocket, WebSocketServer } from 'ws'
import { bearerToken } from '../identity/bearer.ts'
import type { IdentityService } from '../identity/service.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { currentRequest } from '../kernel/request.ts'
import { formatted } from './errors.ts'
import { createSocketOperations } from './limits/socket-operations.ts'
import type { WithSink } from './streams/plugin.ts'
import { socketSink } from './streams/socket-sink.ts'
import { GRAPHQL_PATH, type GraphqlServer } from './yoga.ts'

/** Proxies close what is silent for a minute or less. */
const PING_MS = 12_000
/** "Service restart": clients come back, and to another node. */
const RESTARTING = 1012
/** "Try again later": a fault of ours, and clients come back. */
const LATER = 1013
/** The token is not valid, or no longer: clients give up. */
const FORBIDDEN = 4403
const INIT_TIMEOUT_MS = 10_000

type Params = { authorization?: unknown; Authorization?: unknown } | undefined
type Envelop = ReturnType<GraphqlServer['getEnveloped']>
type Operation = ExecutionArgs & {
  rootValue: Pick<Envelop, 'execute' | 'subscribe'> & WithSink & { request: { id: string } }
}

export function attachWebSocket(
  server: Server,
  {
    yoga,
    identity,
    callerOf,
    limits,
    pingMs = PING_MS,
    initTimeoutMs = INIT_TIMEOUT_MS,
  }: {
    yoga: GraphqlServer
    identity: Pick<IdentityService, 'authenticate'>
    /** Who asks, as far as rates are concerned. */
    callerOf: (request: IncomingMessage, authorization: string | undefined) => string
    limits: { operations: number; messageBytes: number }
    pingMs?: number
    initTimeoutMs?: number
  },
) {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    // Thousands of messages may come in one packet: others get their turn between them.
    allowSynchronousEvents: false,
  })

  const operations = createSocketOperations(limits.operations)

  const protocol = useServer(
    {
      connectionInitWaitTimeout: initTimeoutMs,
      /** False closes with 4403. */
      async onConnect({ connectionParams, extra }) {
        const token = bearerToken(authorizationOf(connectionParams, extra.request))
        return identity.authenticate(token).then(
          () => true,
          (error) => {
            if (!(error instanceof ForbiddenError)) extra.socket.close(LATER, yoga.mask(error).message)
            return false
          },
        )
      },
      execute: (args) => {
        const { request, execute } = (args as Operation).rootValue
        return currentRequest.run(request, () => execute(args))
      },
      subscribe: (args) => {
        const { request, subscribe } = (args as Operation).rootValue
        return currentRequest.run(request, () => subscribe(args))
      },
      onSubscribe({ connectionParams, extra }, id, payload) {
        const request = { id: newId() }
        return currentRequest.run(request, async () => {
          const authorization = authorizationOf(connectionParams, extra.request)
          const refused = (errors: readonly GraphQLError[]) => {
            operations.end(extra.socket, payload)
            return errors
          }
          try {
            operations.begin(extra.socket, payload)
            yoga.gate.count(callerOf(extra.request, authorization))
            const { schema, parse, validate, contextFactory, execute, subscribe } = yoga.getEnveloped({ authorization })
            const document = parse(yoga.gate.textOf(payload))
            const errors = validate(schema, document)
            if (errors.length > 0) return refused(errors)
            return {
              schema,
              document,
              operationName: payload.operationName,
              variableValues: payload.variables,
              contextValue: await contextFactory(),
              rootValue: { request, execute, subscribe, sink: socketSink(extra.socket, extra.request.socket, id) },
            } as Operation
          } catch (error) {
            // Thrown further it would close the socket with 4500, and clients would give up for good.
            if (!(error instanceof GraphQLError)) return refused([yoga.mask(error)])
            error.extensions.code ??= 'GRAPHQL_PARSE_FAILED'
            return refused([error])
          }
        })
      },
      onOperation(_context, _id, payload, args, result) {
        if (isAsyncIterable(result)) letGo(payload, args)
      },
      onError({ extra }, _id, payload, errors) {
        operations.end(extra.socket, payload)
        return shown(errors, extra.socket)
      },
      onComplete: ({ extra }, _id, payload) => operations.end(extra.socket, payload),
      onNext: ({ extra }, _id, _payload, _args, result) =>
        result.errors && ({ ...result, errors: shown(result.errors, extra.socket) } as FormattedExecutionResult),
    },
    sockets,
    pingMs,
  )

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node has let go of it, and without a listener an error of the connection is one of the process.
    socket.on('error', destroySelf)
    if (request.url?.split('?')[0] !== GRAPHQL_PATH) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (client: WebSocket) =>
      sockets.emit('connection', client, kept(request)),
    )
  })

  return {
    async close() {
      for (const client of sockets.clients) client.close(RESTARTING, 'the server is restarting')
      await protocol.dispose()
    },
  }
}

function destroySelf(this: Duplex) {
  this.destroy()
}

/** What is asked of the request for as long as its socket is open: the rest of it is a stream of its own, and large. */
const kept = ({ headers, socket }: IncomingMessage) => ({ headers, socket }) as IncomingMessage

/** The protocol holds both until the stream ends, and nobody looks at them any more. */
function letGo(payload: SubscribePayload, args: ExecutionArgs): void {
  Object.assign(payload, { query: '', variables: null, extensions: null })
  Object.assign(args, { contextValue: null, rootValue: null, variableValues: null })
}

function authorizationOf(params: Params, request: IncomingMessage): string | undefined {
  const given = params?.authorization ?? params?.Authorization
  return typeof given === 'string' ? given : request.headers.authorization
}

/** The end of the token ends the connection. */
function shown(errors: readonly GraphQLError[], socket: WebSocket): GraphQLFormattedError[] {
  return errors.map((error) => {
    const told = formatted(error)
    if (told.extensions?.code === 'UNAUTHENTICATED' && !error.path) socket.close(FORBIDDEN, 'Forbidden')
    return told
  })
}
