/** What routes of every dialect are made of: schemas check their requests and make the document. */
import { OpenAPIHono, type RouteConfig, type z } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import type { Viewer } from '../identity/viewer.ts'
import { type Issue, ValidationError } from '../kernel/errors.ts'

export type Env = { Variables: { viewer: Viewer } }

/** A feature's routes, to be put into the dialect. */
export type Routes = OpenAPIHono<Env>

/** The part of a request that a schema refused: `json`, `query`, `param`. */
export type Refused = (issues: Issue[], part: string) => Error

/** `answer`: the dialect's form of an error. `refused`: the error of what its schemas do not take. */
export function createRoutes(
  answer: (error: unknown, context: Context) => Response,
  refused: Refused = (issues) => new ValidationError(issues),
): Routes {
  const routes = new OpenAPIHono<Env>({
    defaultHook(result) {
      if (result.success) return
      const issues = result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
      throw refused(issues, result.target)
    },
  })
  routes.onError(answer)
  return routes
}

/** What a dialect says of requests that get nowhere. */
export type Refusals = {
  unauthorized(): Error
  notJson(): Error
  unsupportedType(type: string): Error
}

/** Parts of routes, with the refusals of a dialect. */
export function createRouteParts({ unauthorized, notJson, unsupportedType }: Refusals) {
  /** Nobody gets further without a token. */
  const signedIn: MiddlewareHandler<Env> = async (context, next) => {
    if (!context.var.viewer) throw unauthorized()
    await next()
  }

  /** A body is JSON, also one that does not say so; it is parsed once. */
  const jsonBody: MiddlewareHandler<Env> = async (context, next) => {
    const type = context.req.header('content-type')
    if (type === undefined) context.req.raw.headers.set('content-type', 'application/json')
    else if (!/^application\/([a-z0-9.+-]+\+)?json *(;|$)/i.test(type)) throw unsupportedType(type.slice(0, 100))
    await context.req.json().catch(() => {
      throw notJson()
    })
    await next()
  }

  /** The same where there may be none. */
  const optionalBody: MiddlewareHandler<Env> = async (context, next) => {
    if ((await context.req.text()) !== '') return jsonBody(context, next)
    context.req.raw.headers.delete('content-type')
    await next()
  }

  const secured = (...more: MiddlewareHandler<Env>[]) => ({
    security: [{ bearer: [] }] as NonNullable<RouteConfig['security']>,
    middleware: [signedIn, ...more],
  })

  return {
    /** A part of a route: it wants a token. `more` stand behind it. */
    secured,
    /** The same with a body of JSON. */
    securedBody: (...more: MiddlewareHandler<Env>[]) => secured(...more, jsonBody),
    /** The same with a body of JSON, or none. */
    securedOptionalBody: (...more: MiddlewareHandler<Env>[]) => secured(...more, optionalBody),
    /** A part of a route that anybody may ask, with a body of JSON. */
    openBody: (...more: MiddlewareHandler<Env>[]) => ({ middleware: [...more, jsonBody] }),
  }
}

/** Parts of routes that say what they answer; `schema`: of the dialect's errors. */
export function createAnswers<Failure extends z.ZodType>(schema: Failure) {
  const failure = (description: string) => ({ description, content: { 'application/json': { schema } } })
  /** What goes wrong with a route that wants a token. */
  const failures = {
    400: failure('Invalid request'),
    401: failure('Authentication required'),
    403: failure('Not allowed'),
    404: failure('Not found'),
  }
  return {
    failure,
    /** The answers of a route: its own, and the errors. */
    answers: <Own extends RouteConfig['responses']>(own: Own): Own & typeof failures => ({ ...failures, ...own }),
  }
}

export const body = <Schema extends z.ZodType>(schema: Schema) => ({
  body: { required: true, content: { 'application/json': { schema } } },
})

/** What may be asked of a path, by the routes that are there. */
export function methodsAt(app: OpenAPIHono<Env>, path: string): string[] {
  const segments = path.split('/')
  const fits = app.routes.filter(({ method, path: pattern }) => {
    const parts = pattern.split('/')
    return (
      method !== 'ALL' &&
      parts.length === segments.length &&
      parts.every((part, index) => (part.startsWith(':') ? segments[index] !== '' : part === segments[index]))
    )
  })
  return [...new Set(fits.map(({ method }) => method))].sort()
}
