/** The routes of Boozles: who asks, and the format of the answer, are settled before any of them does anything. */
import { type RouteConfig, z } from '@hono/zod-openapi'
import type { SignedIn } from '../../identity/viewer.ts'
import type { Log } from '../../kernel/log.ts'
import { HttpError, unauthorized } from '../http-error.ts'
import { negotiate, type Offer } from '../negotiate.ts'
import { createRoutes as createSharedRoutes, type Routes } from '../routing.ts'
import { errorAnswer } from './fault.ts'
import { answer, type Document, type Format, JSON_TYPE, PLAIN_TYPE, XML_TYPES } from './formats.ts'

export const createRoutes = (log: Log): Routes =>
  createSharedRoutes((error, { req }) => errorAnswer(error, req.header('accept'), log))

export type Asked = { viewer: SignedIn; request: Request; id: string }

/** `document` null: there is nothing to say. */
export type Said = { status: number; document: Document | null; headers?: Record<string, string> }

export type Call = Pick<RouteConfig, 'path' | 'summary' | 'description' | 'request' | 'responses'> & {
  method: 'get' | 'post' | 'put' | 'delete'
  /** What it can say; null: it says nothing, whatever is asked for. */
  offers: Offer<Format>[] | null
}

const BY_EITHER: NonNullable<RouteConfig['security']> = [{ bearer: [] }, { basic: [] }]

/** `{id}` is the only part of a path that is handed over; whoever has others looks at the address. */
export function addCall(routes: Routes, { offers, ...config }: Call, handle: (asked: Asked) => Promise<Said>): void {
  routes.openAPIRegistry.registerPath({ ...config, security: BY_EITHER })
  routes.on(config.method.toUpperCase(), config.path.replace(/\{(\w+)\}/g, ':$1'), async ({ req, var: { viewer } }) => {
    if (!viewer) throw unauthorized()
    const format = offers && negotiate(req.header('accept'), offers)
    if (offers && !format) throw new HttpError(406, `This is answered as ${offers.map(({ type }) => type).join(', ')}`)
    const said = await handle({ viewer, request: req.raw, id: req.param('id') ?? '' })
    const { document, ...rest } = said
    return document && format ? answer(document, format, rest) : new Response(null, rest)
  })
}

const failureSchema = z
  .object({ error: z.string().describe('What is wrong, for people; it begins with the name of the field.') })
  .openapi('Error')

const failureXml = z.string().openapi({ xml: { name: 'error' } })

/** The content of an answer in all formats, or of a body. `plain`: what it is as plain text. */
export const contents = (schema: z.ZodType, plain?: string, xml = schema) => ({
  [JSON_TYPE]: { schema },
  ...Object.fromEntries(XML_TYPES.map((type) => [type, { schema: xml }])),
  ...(plain !== undefined && { [PLAIN_TYPE]: { schema: z.string().describe(plain) } }),
})

const failure = (description: string) => ({ description, content: contents(failureSchema, 'One line.', failureXml) })

const FAILURES = {
  401: failure('Authentication required'),
  403: failure('Not allowed'),
  406: failure('None of the formats is acceptable'),
}
const OF_ONE = { 404: failure('There is no such job') }
const OF_BODY = {
  400: failure('It is no job that can be'),
  413: failure('It has too much data'),
  415: failure('The body is of no type that is read here'),
}

/** The answers of a call: its own, and the errors. */
export const answers = (
  own: RouteConfig['responses'],
  { one = false, body = false } = {},
): RouteConfig['responses'] => ({
  ...own,
  ...FAILURES,
  ...(one && OF_ONE),
  ...(body && OF_BODY),
})
