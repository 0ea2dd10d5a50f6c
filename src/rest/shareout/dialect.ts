/** ShareOut (`/v1`): the routes of all its features, and its own answers to what fits none of them. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Credentials } from '../../hosting/credentials.ts'
import { isDataToken } from '../../hosting/passes.ts'
import { bearerToken } from '../../identity/bearer.ts'
import type { IdentityService } from '../../identity/service.ts'
import type { Viewer } from '../../identity/viewer.ts'
import { uuidOf } from '../../kernel/ids.ts'
import { VERSION } from '../../kernel/version.ts'
import type { Dialect } from '../dialect.ts'
import { type Env, methodsAt } from '../routing.ts'
import { errorAnswer, failureAnswer } from './envelope.ts'
import { type FeatureDeps, featuresOf } from './features.ts'

export type ShareoutDeps = FeatureDeps & {
  identity: IdentityService
  credentials: Pick<Credentials, 'openDataToken'>
}

const DATA = /^\/v1\/data\/([^/]+)\//

export function createShareout(deps: ShareoutDeps): Dialect {
  const { log, publicUrl } = deps
  const app = new OpenAPIHono<Env>()
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  app.use(async (context, next) => {
    context.set('viewer', await viewerOf(deps, bearerToken(context.req.header('authorization')), context.req.path))
    await next()
  })
  for (const routes of featuresOf(deps)) app.route('/', routes)
  app.onError((error) => errorAnswer(error, log))
  app.notFound(({ req }) => {
    const allowed = methodsAt(app, req.path)
    if (allowed.length === 0) {
      return failureAnswer({ status: 404, code: 'NOT_FOUND', message: `There is nothing at ${req.path.slice(0, 200)}` })
    }
    const message = `${req.method} is not allowed here; ${allowed.join(', ')} are`
    return failureAnswer({ status: 405, code: 'METHOD_NOT_ALLOWED', message, headers: { allow: allowed.join(', ') } })
  })
  const info = { title: 'Runsheet: the ShareOut dialect', version: VERSION }
  return {
    name: 'shareout',
    prefixes: ['/v1'],
    cors: true,
    fetch: async (request) => app.fetch(request),
    tooOften: (retryAfter) =>
      failureAnswer({
        status: 429,
        code: 'RATE_LIMIT_EXCEEDED',
        message: `Too many requests; try again in ${retryAfter} s`,
        headers: { 'retry-after': String(retryAfter) },
      }),
    tooLarge: (maxBytes) =>
      failureAnswer({
        status: 413,
        code: 'STORAGE_LIMIT_EXCEEDED',
        message: `The body is larger than ${maxBytes} bytes (MAX_BODY_BYTES)`,
      }),
    document: () => app.getOpenAPI31Document({ openapi: '3.1.0', info, servers: [{ url: publicUrl }] }),
  }
}

/** Below the data of an artifact also by a token that is good for nothing else. */
function viewerOf({ identity, credentials }: ShareoutDeps, token: string | undefined, path: string): Promise<Viewer> {
  const artifactId = uuidOf('Artifact', DATA.exec(path)?.[1] ?? '')
  if (token === undefined || artifactId === null || !isDataToken(token)) return identity.authenticate(token)
  return credentials.openDataToken(token, artifactId)
}
