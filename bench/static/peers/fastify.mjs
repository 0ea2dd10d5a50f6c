/** Serves the folder that is given on the port that is given, as the documentation of @fastify/static shows it. */
import fastifyStatic from '@fastify/static'
import Fastify from 'fastify'

const [folder, port] = process.argv.slice(2)
const app = Fastify()
app.register(fastifyStatic, { root: folder })
await app.listen({ port: Number(port), host: '127.0.0.1' })
