/** Boozles (`/1`): its routes, and its own answers to what fits none of them. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { IdentityService } from '../../identity/service.ts'
import { VERSION } from '../../kernel/version.ts'
import { viewerOf } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { type Env, methodsAt } from '../routing.ts'
import { errorAnswer, Fault, faultAnswer } from './fault.ts'
import { type JobsDeps, jobRoutes } from './jobs.ts'

export type BoozlesDeps = JobsDeps & { identity: IdentityService; publicUrl: string }

export function createBoozles(deps: BoozlesDeps): Dialect {
  const { identity, log, publicUrl } = deps
  const app = new OpenAPIHono<Env>()
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  app.openAPIRegistry.registerComponent('securitySchemes', 'basic', { type: 'http', scheme: 'basic' })
  app.use(async (context, next) => {
    context.set('viewer', await viewerOf(identity, context.req.header('authorization')))
    await next()
  })
  app.route('/', jobRoutes(deps))
  app.onError((error, { req }) => errorAnswer(error, req.header('accept'), log))
  app.notFound(({ req }) => {
    const allowed = methodsAt(app, req.path)
    const accept = req.header('accept')
    if (allowed.length === 0)
      return faultAnswer(new Fault(404, `There is nothing at ${req.path.slice(0, 200)}`), accept)
    const message = `${req.method} is not allowed here; ${allowed.join(', ')} are`
    return faultAnswer(new Fault(405, message, { allow: allowed.join(', ') }), accept)
  })
  const info = { title: 'Runsheet: the Boozles dialect', version: VERSION }
  return {
    name: 'boozles',
    prefixes: ['/1'],
    cors: false,
    fetch: async (request) => app.fetch(request),
    tooOften: (retryAfter, accept) => {
      const message = `Too many requests; try again in ${retryAfter} s`
      return faultAnswer(new Fault(429, message, { 'retry-after': String(retryAfter) }), accept)
    },
    tooLarge: (maxBytes, accept) =>
      faultAnswer(new Fault(413, `The body is larger than ${maxBytes} bytes (MAX_BODY_BYTES)`), accept),
    document: () => app.getOpenAPI31Document({ openapi: '3.1.0', info, servers: [{ url: publicUrl }] }),
  }
}
