/**
 * What Runsheet's fan-out is compared with, each as a server of its own: `bare`, a `ws` server that sends one prepared
 * text to everybody, which is the limit; and `yoga`, GraphQL Yoga with its own pub/sub behind graphql-ws, as their
 * documentation shows it: one execution for each subscriber. `POST /publish?count=N` sends N events.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { useServer } from 'graphql-ws/use/ws'
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { WebSocketServer } from 'ws'

export const EVENT = {
  __typename: 'RunStarted',
  cursor: '1234567',
  seq: 2,
  at: '2026-01-01T00:00:00.000Z',
  run: { id: 'run_01900000000070008000000000000000', status: 'RUNNING' },
}

const [kind, port] = process.argv.slice(2)

function bare(sockets: WebSocketServer) {
  const text = JSON.stringify({
    ...{ id: '00000000-0000-4000-8000-000000000000', type: 'next' },
    payload: { data: { runEvents: EVENT } },
  })
  sockets.on('connection', (socket) => {
    socket.on('message', (message) => {
      if (String(message).includes('connection_init')) socket.send('{"type":"connection_ack"}')
    })
  })
  return () => {
    for (const socket of sockets.clients) socket.send(text)
  }
}

function yoga(sockets: WebSocketServer) {
  const pubSub = createPubSub<{ runEvents: [typeof EVENT] }>()
  const schema = createSchema({
    typeDefs: `
      type Query { ok: Boolean }
      type Run { id: ID! status: String! }
      type RunStarted { cursor: String! seq: Int! at: String! run: Run! }
      type Subscription { runEvents(jobId: ID): RunStarted! }`,
    resolvers: {
      Subscription: {
        runEvents: { subscribe: () => pubSub.subscribe('runEvents'), resolve: (event: typeof EVENT) => event },
      },
    },
  })
  const server = createYoga({ schema, logging: false })
  type Args = { rootValue: ReturnType<typeof server.getEnveloped> } & Parameters<
    ReturnType<typeof server.getEnveloped>['execute']
  >[0]
  useServer(
    {
      execute: (args) => (args as Args).rootValue.execute(args),
      subscribe: (args) => (args as Args).rootValue.subscribe(args),
      async onSubscribe(_context, _id, { query, operationName, variables }) {
        const enveloped = server.getEnveloped({})
        const document = enveloped.parse(query)
        const contextValue = await enveloped.contextFactory()
        const { schema } = enveloped
        return {
          ...{ schema, document, contextValue, operationName, variableValues: variables, rootValue: enveloped },
        } as never
      },
    },
    sockets,
  )
  return () => pubSub.publish('runEvents', EVENT)
}

if (kind) {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/publish') for (let n = Number(searchParams.get('count')); n > 0; n--) publish()
    const { user, system } = process.cpuUsage()
    const { rss } = process.memoryUsage()
    response.end(JSON.stringify({ cpuMs: (user + system) / 1000, rss }))
  })
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  const publish = kind === 'bare' ? bare(sockets) : yoga(sockets)
  server.listen(Number(port), '127.0.0.1', 4096, () => process.send?.('ready'))
  process.once('disconnect', () => process.exit(0))
}
