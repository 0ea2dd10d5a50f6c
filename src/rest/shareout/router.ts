/** The routes of one feature: their schemas check the requests, make the document, and fail in the dialect's form. */
import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import type { Viewer } from '../../identity/viewer.ts'
import { ValidationError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { errorAnswer, type InvalidCode, ShareoutError, unauthorized } from './envelope.ts'

export type Env = { Variables: { viewer: Viewer } }

/** A feature's routes, to be put into the dialect. */
export type Routes = OpenAPIHono<Env>

/** `invalid`: the code of what its schemas and services refuse. */
export function createRoutes(log: Log, invalid: InvalidCode): Routes {
  const routes = new OpenAPIHono<Env>({
    defaultHook(result) {
      if (result.success) return
      const issues = result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
      throw new ValidationError(issues)
    },
  })
  routes.onError((error) => errorAnswer(error, log, invalid))
  return routes
}

/** Nobody gets further without a token. */
const signedIn: MiddlewareHandler<Env> = async (context, next) => {
  if (!context.var.viewer) throw unauthorized()
  await next()
}

/** A body is JSON, also one that does not say so; it is parsed once. */
const jsonBody: MiddlewareHandler<Env> = async (context, next) => {
  const type = context.req.header('content-type')
  if (type === undefined) context.req.raw.headers.set('content-type', 'application/json')
  else if (!/^application\/([a-z0-9.+-]+\+)?json *(;|$)/i.test(type)) {
    const message = `The body must be application/json, not ${type.slice(0, 100)}`
    throw new ShareoutError({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message })
  }
  await context.req.json().catch(() => {
    throw new ShareoutError({ status: 400, code: 'INVALID_JSON', message: 'The body is not JSON' })
  })
  await next()
}

/** The same where there may be none. */
const optionalBody: MiddlewareHandler<Env> = async (context, next) => {
  if ((await context.req.text()) !== '') return jsonBody(context, next)
  context.req.raw.headers.delete('content-type')
  await next()
}

const failureSchema = z
  .object({
    success: z.literal(false),
    error: z.string().describe('Human-readable message.'),
    code: z.string().describe('Machine-readable error code.'),
    request_id: z.string().optional().describe('To ask the operator by.'),
    param: z.string().optional().describe('What is wrong, dotted from the root of the input.'),
    hint: z.string().optional(),
  })
  .openapi('Error')

export const failure = (description: string) => ({
  description,
  content: { 'application/json': { schema: failureSchema } },
})

/** What goes wrong with a route that wants a token. */
const FAILURES = {
  400: failure('Invalid request'),
  401: failure('Authentication required'),
  403: failure('Not allowed'),
  404: failure('Not found'),
}

/** A part of a route: it wants a token. `more` stand behind it. */
export const secured = (...more: MiddlewareHandler<Env>[]) => ({
  security: [{ bearer: [] }] as NonNullable<RouteConfig['security']>,
  middleware: [signedIn, ...more],
})

/** The same with a body of JSON. */
export const securedBody = (...more: MiddlewareHandler<Env>[]) => secured(...more, jsonBody)

/** The same with a body of JSON, or none. */
export const securedOptionalBody = (...more: MiddlewareHandler<Env>[]) => secured(...more, optionalBody)

/** A part of a route that anybody may ask, with a body of JSON. */
export const openBody = (...more: MiddlewareHandler<Env>[]) => ({ middleware: [...more, jsonBody] })

/** The answers of a route: its own, and the errors. */
export const answers = <Own extends RouteConfig['responses']>(own: Own): Own & typeof FAILURES => ({
  ...FAILURES,
  ...own,
})

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

export const body = <Schema extends z.ZodType>(schema: Schema) => ({
  body: { required: true, content: { 'application/json': { schema } } },
})
