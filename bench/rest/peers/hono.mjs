/** Hono on Node.js: one look at the token, one statement. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { AUTHORIZATION, inserters } from './insert.mjs'

const app = new Hono()
app.get('/ready', (context) => context.text('ready'))
app.use(async (context, next) => {
  if (context.req.header('authorization') !== AUTHORIZATION) return context.json({ error: 'unauthorized' }, 401)
  await next()
})
for (const [path, insert] of Object.entries(inserters)) {
  app.post(path, async (context) => context.json({ id: await insert(await context.req.json()) }, 201))
}
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' })
