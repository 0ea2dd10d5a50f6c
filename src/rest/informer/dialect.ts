/** Informer 5 (`/api`): the routes of all its features, and its own answers to what fits none of them. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { IdentityService } from '../../identity/service.ts'
import { VERSION } from '../../kernel/version.ts'
import { viewerOf } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { noRoute, tooLarge, tooOften } from '../http-error.ts'
import { type Env, methodsAt } from '../routing.ts'
import { boom, errorAnswer } from './boom.ts'
import { type FeatureDeps, featuresOf } from './features.ts'

export type InformerDeps = FeatureDeps & { identity: IdentityService; publicUrl: string }

const HAL = 'application/hal+json'

export function createInformer(deps: InformerDeps): Dialect {
  const { log, publicUrl } = deps
  const app = new OpenAPIHono<Env>()
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  app.openAPIRegistry.registerComponent('securitySchemes', 'basic', { type: 'http', scheme: 'basic' })
  app.use(async (context, next) => {
    context.set('viewer', await viewerOf(deps.identity, context.req.header('authorization')))
    await next()
    const { res } = context
    const isJson = res.headers.get('content-type')?.startsWith('application/json')
    if (res.ok && isJson && !asksForJson(context.req.header('accept'))) {
      res.headers.set('content-type', `${HAL}; charset=utf-8`)
    }
  })
  for (const routes of featuresOf(deps)) app.route('/', routes)
  app.onError((error) => errorAnswer(error, log))
  app.notFound(({ req }) => boom(noRoute(req, methodsAt(app, req.path))))
  const info = { title: 'Runsheet: the Informer dialect', version: VERSION }
  return {
    name: 'informer',
    prefixes: ['/api'],
    cors: false,
    fetch: async (request) => app.fetch(request),
    tooOften: (retryAfter) => boom(tooOften(retryAfter)),
    tooLarge: (maxBytes) => boom(tooLarge(maxBytes)),
    document: () => app.getOpenAPI31Document({ openapi: '3.1.0', info, servers: [{ url: publicUrl }] }),
  }
}

/** Whether plain JSON is asked for by its name, and HAL is not. */
const asksForJson = (accept: string | undefined): boolean =>
  accept !== undefined && /application\/json/i.test(accept) && !accept.toLowerCase().includes(HAL)
