/** GraphQL Yoga with its own pub/sub behind graphql-ws, as their documentation shows it. */
import { createServer } from 'node:http'
import { useServer } from 'graphql-ws/use/ws'
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { WebSocketServer } from 'ws'
import { EVENT, PORT, publishAsAsked, TYPES } from './serve.mjs'

const pubSub = createPubSub()
const schema = createSchema({
  typeDefs: TYPES,
  resolvers: {
    Subscription: { runEvents: { subscribe: () => pubSub.subscribe('runEvents'), resolve: (event) => event } },
  },
})
const yoga = createYoga({ schema, logging: false })
const server = createServer(async (request, response) => {
  await publishAsAsked(request.url, () => pubSub.publish('runEvents', EVENT))
  response.end()
})
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    async onSubscribe(_context, _id, { query, operationName, variables }) {
      const { schema, execute, subscribe, contextFactory, parse } = yoga.getEnveloped({})
      return {
        ...{ schema, operationName, document: parse(query), variableValues: variables },
        ...{ contextValue: await contextFactory(), rootValue: { execute, subscribe } },
      }
    },
  },
  new WebSocketServer({ server, perMessageDeflate: false }),
)
server.listen(PORT, '127.0.0.1')
