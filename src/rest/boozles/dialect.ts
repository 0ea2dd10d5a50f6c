/** Boozles (`/1`): its routes, and its own answers to what fits none of them. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { IdentityService } from '../../identity/service.ts'
import { VERSION } from '../../kernel/version.ts'
import { viewerOf } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { noRoute, tooLarge, tooOften } from '../http-error.ts'
import { type Env, methodsAt } from '../routing.ts'
import { errorAnswer, faultAnswer } from './fault.ts'
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
  app.notFound(({ req }) => faultAnswer(noRoute(req, methodsAt(app, req.path)), req.header('accept')))
  const info = { title: 'Runsheet: the Boozles dialect', version: VERSION }
  return {
    name: 'boozles',
    prefixes: ['/1'],
    cors: false,
    fetch: async (request) => app.fetch(request),
    tooOften: (retryAfter, accept) => faultAnswer(tooOften(retryAfter), accept),
    tooLarge: (maxBytes, accept) => faultAnswer(tooLarge(maxBytes), accept),
    document: () => app.getOpenAPI31Document({ openapi: '3.1.0', info, servers: [{ url: publicUrl }] }),
  }
}
