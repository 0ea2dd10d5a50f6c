/** The routes of one feature: their schemas check the requests, make the document, and fail in the dialect's form. */
import { type RouteConfig, z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import { HttpError, unauthorized } from '../http-error.ts'
import { createAnswers, createRouteParts, createRoutes as createSharedRoutes, type Routes } from '../routing.ts'
import { errorAnswer } from './boom.ts'

export const createRoutes = (log: Log): Routes => createSharedRoutes((error) => errorAnswer(error, log))

const parts = createRouteParts({
  unauthorized,
  notJson: () => new HttpError(400, 'The body is not JSON'),
  unsupportedType: (type) => new HttpError(415, `The body must be application/json, not ${type}`),
})

/** By either of the two. */
const security = [{ bearer: [] }, { basic: [] }] as NonNullable<RouteConfig['security']>

type More = Parameters<typeof parts.secured>

export const secured = (...more: More) => ({ ...parts.secured(...more), security })
export const securedBody = (...more: More) => ({ ...parts.securedBody(...more), security })

const failureSchema = z
  .object({
    statusCode: z.int(),
    error: z.string().describe('What the status means.'),
    message: z.string().describe('What is wrong, for people; it begins with the name of the field.'),
  })
  .openapi('Error')

export const { failure, answers } = createAnswers(failureSchema)

export const hal = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/hal+json': { schema } },
})

export const nothing = (description: string) => ({ description })
