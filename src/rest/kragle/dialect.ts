/** Kragle (`/jobs`, `/schedules`, `/blockstacks`, all also below `/api/v1`): its features, and its own answers to what fits none. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { getPath } from 'hono/utils/url'
import { VERSION } from '../../kernel/version.ts'
import type { Dialect } from '../dialect.ts'
import { type HttpError, noRoute, tooLarge, tooOften } from '../http-error.ts'
import { type Env, methodsAt } from '../routing.ts'
import { viewerOf } from './credentials.ts'
import { withEnclosed } from './document.ts'
import { CODE, errorAnswer, KragleError, kragleAnswer } from './fault.ts'
import { type FeatureDeps, featuresOf } from './features.ts'
import { isHook } from './hook.ts'
import { COOKIE } from './session.ts'

export type KragleDeps = FeatureDeps

/** Below it everything is there again. */
const BASE = '/api/v1'

export function createKragle(deps: KragleDeps): Dialect {
  const { log, publicUrl } = deps
  const app = new OpenAPIHono<Env>({ getPath: (request) => withoutBase(getPath(request)) })
  const { openAPIRegistry: registry } = app
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  registry.registerComponent('securitySchemes', 'cookie', { type: 'apiKey', in: 'cookie', name: COOKIE })
  app.use(async (context, next) => {
    if (!isHook(context.req.path)) context.set('viewer', await viewerOf(deps, context))
    await next()
  })
  for (const routes of featuresOf(deps)) app.route('/', routes)
  app.onError((error) => errorAnswer(error, log))
  app.notFound(({ req }) => {
    const asked = { method: req.method, path: new URL(req.url).pathname }
    return refusal(noRoute(asked, methodsAt(app, req.path)))
  })
  const info = { title: 'Runsheet: the Kragle dialect', version: VERSION }
  return {
    name: 'kragle',
    prefixes: ['/jobs', '/schedules', '/blockstacks', '/authenticate', '/login', BASE],
    cors: false,
    fetch: async (request) => app.fetch(request),
    tooOften: (retryAfter) => refusal(tooOften(retryAfter)),
    tooLarge: (maxBytes) => refusal(tooLarge(maxBytes)),
    document: () =>
      withEnclosed(
        app.getOpenAPI31Document({ openapi: '3.1.0', info, servers: [{ url: publicUrl }, { url: publicUrl + BASE }] }),
      ),
  }
}

const refusal = ({ status, message, headers }: HttpError): Response => {
  const code = status === 404 ? CODE.NO_SUCH_OBJECT : CODE.BAD_PAYLOAD
  return kragleAnswer(new KragleError(code, message, { status, headers }))
}

const withoutBase = (path: string): string => (path.startsWith(`${BASE}/`) ? path.slice(BASE.length) : path)
