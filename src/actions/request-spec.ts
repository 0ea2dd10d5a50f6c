/** What a request may look like: the fields that the kinds which call a URL have in common, and what is wrong with them. */
import { z } from 'zod'
import { type Egress, EgressError } from '../egress/egress.ts'
import type { Issue } from '../kernel/errors.ts'

const MAX_URL_CHARS = 4096
const MAX_CONTENT_TYPE_CHARS = 200
const MAX_HEADERS = 50
/** Names and values together. */
const MAX_HEADER_BYTES = 8 * 1024
export const MAX_REQUEST_BYTES = 1024 * 1024

/** RFC 9110, 5.6.2 and 5.5; line breaks and NUL would let a value write headers of its own. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/
const NO_FIELD_VALUE = 'must not contain line breaks, control characters or characters beyond Latin-1'
const mediaType = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*(;[\t\x20-\x7e]*)?$/

/** What concerns the connection, what the client itself computes, and (with `webhook-*`) what proves who is calling. */
const reserved = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export const urlField = z
  .string()
  .min(1)
  .max(MAX_URL_CHARS)
  .describe('Where the call goes: an absolute http or https URL. Templates may stand behind the host.')

export const contentTypeField = z
  .string()
  .max(MAX_CONTENT_TYPE_CHARS)
  .regex(mediaType, 'must be a media type such as text/plain')

/** The value of a header. */
export const fieldValueField = z.string().regex(fieldValue, NO_FIELD_VALUE)

export const headersField = z
  .record(z.string(), z.string())
  .default({})
  .describe(
    'Headers to send, name to value. Those of the connection and `webhook-*` are not for taking. Values may hold templates.',
  )

export function urlIssues(egress: Egress, url: string, path = 'url'): Issue[] {
  try {
    egress.check(url)
    return []
  } catch (error) {
    if (error instanceof EgressError) return [{ path, message: error.message }]
    throw error
  }
}

export function headerIssues(headers: Record<string, string>, contentType?: string): Issue[] {
  const entries = Object.entries(headers)
  const bytes = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0)
  if (entries.length > MAX_HEADERS) return [{ path: 'headers', message: `must be at most ${MAX_HEADERS} headers` }]
  if (bytes > MAX_HEADER_BYTES) return [{ path: 'headers', message: `must be at most ${MAX_HEADER_BYTES} bytes` }]
  const seen = new Set<string>()
  return entries.flatMap(([name, value]) => {
    const lower = name.toLowerCase()
    const message = headerFault(lower, value, seen.has(lower), contentType)
    seen.add(lower)
    return message ? [{ path: `headers.${name}`, message }] : []
  })
}

function headerFault(name: string, value: string, isRepeated: boolean, contentType: string | undefined): string | null {
  if (!token.test(name)) return 'is not a header name'
  if (reserved.has(name) || name.startsWith('webhook-')) return 'may not be set'
  if (!fieldValue.test(value)) return NO_FIELD_VALUE
  if (isRepeated) return 'is given twice'
  if (name === 'content-type' && contentType !== undefined) return 'is given by contentType already'
  return null
}

export function bodyIssues(body: unknown): Issue[] {
  if (body === undefined) return []
  try {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    if (Buffer.byteLength(text) <= MAX_REQUEST_BYTES) return []
    return [{ path: 'body', message: `must be at most ${MAX_REQUEST_BYTES} bytes` }]
  } catch {
    // a cycle, a BigInt, a function, or nesting deeper than the stack
    return [{ path: 'body', message: 'must be a JSON value' }]
  }
}
