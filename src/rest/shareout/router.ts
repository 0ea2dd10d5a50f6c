/** The routes of one feature: their schemas check the requests, make the document, and fail in the dialect's form. */
import { z } from '@hono/zod-openapi'
import type { Log } from '../../kernel/log.ts'
import { createAnswers, createRouteParts, createRoutes as createSharedRoutes, type Routes } from '../routing.ts'
import { errorAnswer, type InvalidCode, ShareoutError, unauthorized } from './envelope.ts'

/** `invalid`: the code of what its schemas and services refuse. */
export const createRoutes = (log: Log, invalid: InvalidCode): Routes =>
  createSharedRoutes((error) => errorAnswer(error, log, invalid))

export const { secured, securedBody, securedOptionalBody, openBody } = createRouteParts({
  unauthorized,
  notJson: () => new ShareoutError({ status: 400, code: 'INVALID_JSON', message: 'The body is not JSON' }),
  unsupportedType(type) {
    const message = `The body must be application/json, not ${type}`
    return new ShareoutError({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message })
  },
})

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

export const { failure, answers } = createAnswers(failureSchema)

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})
