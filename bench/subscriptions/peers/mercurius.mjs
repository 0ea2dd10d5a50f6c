/** Mercurius with its own pub/sub, as its documentation shows it. Its JIT compiles no subscriptions. */
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { EVENT, PORT, publishAsAsked, TYPES } from './serve.mjs'

const app = Fastify()
app.register(mercurius, {
  schema: TYPES,
  resolvers: {
    Subscription: { runEvents: { subscribe: async (_root, _args, { pubsub }) => pubsub.subscribe('RUN_EVENTS') } },
  },
  subscription: true,
})
app.route({
  method: ['GET', 'POST'],
  url: '/publish',
  async handler(request) {
    const publish = () => app.graphql.pubsub.publish({ topic: 'RUN_EVENTS', payload: { runEvents: EVENT } })
    await publishAsAsked(request.url, publish)
    return ''
  },
})
await app.listen({ port: PORT, host: '127.0.0.1' })
