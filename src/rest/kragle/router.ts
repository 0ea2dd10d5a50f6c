/** The routes of one feature: their schemas check the requests, make the document, and fail in the dialect's form. */
import { type RouteConfig, z } from '@hono/zod-openapi'
import { type Issue, ValidationError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { createAnswers, createRouteParts, createRoutes as createSharedRoutes, type Routes } from '../routing.ts'
import { CODE, errorAnswer, KragleError, noSuch, notSignedIn } from './fault.ts'

export const createRoutes = (log: Log): Routes => createSharedRoutes((error) => errorAnswer(error, log), refused)

function refused(issues: Issue[], part: string): Error {
  const error = new ValidationError(issues)
  if (part === 'param') return noSuch('object')
  return part === 'query' ? new KragleError(CODE.BAD_QUERY, error.message) : error
}

const parts = createRouteParts({
  unauthorized: notSignedIn,
  notJson: () => new KragleError(CODE.BAD_JSON, 'The body is not JSON'),
  unsupportedType(type) {
    return new KragleError(CODE.BAD_PAYLOAD, `The body must be application/json, not ${type}`, { status: 415 })
  },
})

/** By either of the two; the third is in the body. */
const security = [{ bearer: [] }, { cookie: [] }] as NonNullable<RouteConfig['security']>

type More = Parameters<typeof parts.secured>

export const secured = (...more: More) => ({ ...parts.secured(...more), security })
export const securedBody = (...more: More) => ({ ...parts.securedBody(...more), security })
export const { openBody } = parts

const failureSchema = z
  .object({
    code: z.int().describe('What is wrong, for programs.'),
    msg: z.string().describe('What is wrong, for people; it begins with the name of the field.'),
  })
  .openapi('Error')

export const { failure } = createAnswers(failureSchema)

const failures = {
  403: failure('Not signed in, or the token lacks the scope; code 3'),
  500: failure('The request is refused, and has changed nothing; `code` says why'),
}

/** The answers of a route: its own, and the errors. */
export const answers = <Own extends RouteConfig['responses']>(own: Own): Own & typeof failures => ({
  ...failures,
  ...own,
})

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})
