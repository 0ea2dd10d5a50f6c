/** Kragle (`/jobs`, `/schedules`, `/blockstacks`, all also below `/api/v1`): its features, and its own answers to what fits none. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { getPath } from 'hono/utils/url'
import { VERSION } from '../../kernel/version.ts'
import type { Dialect } from '../dialect.ts'
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
    const allowed = methodsAt(app, req.path)
    if (allowed.length === 0) {
      const message = `There is nothing at ${new URL(req.url).pathname.slice(0, 200)}`
      return kragleAnswer(new KragleError(CODE.NO_SUCH_OBJECT, message, { status: 404 }))
    }
    return refusal(405, `${req.method} is not allowed here; ${allowed.join(', ')} are`, { allow: allowed.join(', ') })
  })
  const info = { title: 'Runsheet: the Kragle dialect', version: VERSION }
  return {
    name: 'kragle',
    prefixes: ['/jobs', '/schedules', '/blockstacks', '/authenticate', '/login', BASE],
    cors: false,
    fetch: async (request) => app.fetch(request),
    tooOften: (retryAfter) =>
      refusal(429, `Too many requests; try again in ${retryAfter} s`, { 'retry-after': String(retryAfter) }),
    tooLarge: (maxBytes) => refusal(413, `The body is larger than ${maxBytes} bytes (MAX_BODY_BYTES)`),
    document: () =>
      withEnclosed(
        app.getOpenAPI31Document({ openapi: '3.1.0', info, servers: [{ url: publicUrl }, { url: publicUrl + BASE }] }),
      ),
  }
}

const refusal = (status: number, message: string, headers: Record<string, string> = {}): Response =>
  kragleAnswer(new KragleError(CODE.BAD_PAYLOAD, message, { status, headers }))

const withoutBase = (path: string): string => (path.startsWith(`${BASE}/`) ? path.slice(BASE.length) : path)
