/** Fastify: one look at the token, one statement. */
import Fastify from 'fastify'
import { AUTHORIZATION, inserters } from './insert.mjs'

const app = Fastify()
app.addHook('onRequest', async (request, reply) => {
  if (request.url !== '/ready' && request.headers.authorization !== AUTHORIZATION)
    return reply.code(401).send({ error: 'unauthorized' })
})
for (const [path, insert] of Object.entries(inserters)) {
  app.post(path, async (request, reply) => reply.code(201).send({ id: await insert(request.body) }))
}
app.get('/ready', async () => 'ready')
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
