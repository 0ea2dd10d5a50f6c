import { z } from 'zod'
import { systemClock } from '../../kernel/clock.ts'
import type { Issue } from '../../kernel/errors.ts'
import type { ActionKind, Driver, DriverDeps, JsonValue, StepContext } from '../driver.ts'
import { type Egress, EgressError } from '../egress.ts'
import { callHttp, failureOf } from '../http-call.ts'
import { messageId, signedHeaders } from '../signature.ts'

const MAX_URL_CHARS = 4096
const MAX_HEADERS = 50
/** Names and values together. */
const MAX_HEADER_BYTES = 8 * 1024
const MAX_BODY_BYTES = 1024 * 1024
const MAX_CONTENT_TYPE_CHARS = 200

/** RFC 9110, 5.6.2 and 5.5; line breaks and NUL would let a value write headers of its own. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/
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

/** Methods that carry no body unless one is given. */
const bodiless = new Set(['GET', 'DELETE'])

const config = z.object({
  url: z.string().min(1).max(MAX_URL_CHARS).describe('Where the call goes: an absolute http or https URL.'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST').describe('The HTTP method.'),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .describe('Headers to send, name to value. Those of the connection and `webhook-*` are not for taking.'),
  body: z
    .unknown()
    .optional()
    .describe(
      'What to send: a string as it is, any other JSON value as JSON. Absent or null: the facts of the run as JSON; GET and DELETE then send nothing.',
    ),
  contentType: z
    .string()
    .max(MAX_CONTENT_TYPE_CHARS)
    .regex(mediaType, 'must be a media type such as text/plain')
    .optional()
    .describe('Media type of the body. Absent: application/json for JSON, else text/plain.'),
  includeArtifact: z.boolean().default(true).describe('Whether the default body tells of the artifact.'),
})

export type WebhookConfig = z.output<typeof config>

export const webhook = {
  kind: 'webhook',
  description: 'Calls a URL and signs the call by Standard Webhooks; an answer of 2xx is success.',
  config,
  create: createWebhookDriver,
} satisfies ActionKind<WebhookConfig>

export function createWebhookDriver(deps: Pick<DriverDeps, 'egress' | 'version' | 'clock'>): Driver<WebhookConfig> {
  const { egress, version, clock = systemClock } = deps
  return {
    config,

    check({ url, headers, body, contentType }) {
      return [...urlIssues(egress, url), ...headerIssues(headers, contentType), ...bodyIssues(body)]
    },

    async execute(config, context) {
      const body = bodyOf(config, context)
      if (body && body.length > MAX_BODY_BYTES) {
        const message = `the body has ${body.length} bytes; ${MAX_BODY_BYTES} are allowed`
        return { ok: false, failure: { code: 'BODY_TOO_LARGE', message, transient: false }, deliveries: [] }
      }
      const id = messageId(context.runId, context.position)
      const delivery = await callHttp(egress, {
        url: config.url,
        method: config.method,
        headers: {
          accept: '*/*',
          'user-agent': `Runsheet/${version}`,
          ...(body && { 'content-type': config.contentType ?? contentTypeOf(config.body) }),
          ...lowerCased(config.headers),
          ...signedHeaders(context.signingSecrets, id, new Date(clock.now()), body ?? ''),
        },
        body,
        signal: context.signal,
      })
      const failure = failureOf(delivery, new Date(clock.now()))
      return failure
        ? { ok: false, failure, deliveries: [delivery] }
        : { ok: true, output: { status: delivery.status }, deliveries: [delivery] }
    },
  }
}

function bodyOf(config: WebhookConfig, context: StepContext): Buffer | null {
  if (typeof config.body === 'string') return Buffer.from(config.body)
  if (config.body !== undefined && config.body !== null) return Buffer.from(JSON.stringify(config.body))
  if (bodiless.has(config.method)) return null
  return Buffer.from(JSON.stringify(defaultBody(context, config.includeArtifact)))
}

/** Field by field: what a receiver sees is part of the API, and no more than this leaves the house. */
function defaultBody({ run, artifact, event, input }: StepContext, includeArtifact: boolean): JsonValue {
  return {
    type: 'run',
    run: {
      id: run.id,
      job: { id: run.job.id, name: run.job.name },
      trigger: run.trigger,
      scheduledFor: run.scheduledFor,
      attempt: run.attempt,
    },
    artifact: includeArtifact && artifact ? { id: artifact.id, slug: artifact.slug, url: artifact.url } : null,
    event: event && { id: event.id, type: event.type, payload: event.payload },
    input,
  }
}

/** A string that holds a JSON object or array is JSON, whoever wrote it out. */
function contentTypeOf(body: unknown): string {
  return typeof body === 'string' && !isJsonText(body) ? 'text/plain; charset=utf-8' : 'application/json'
}

function isJsonText(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const lowerCased = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

function urlIssues(egress: Egress, url: string): Issue[] {
  try {
    egress.check(url)
    return []
  } catch (error) {
    if (error instanceof EgressError) return [{ path: 'url', message: error.message }]
    throw error
  }
}

function headerIssues(headers: Record<string, string>, contentType: string | undefined): Issue[] {
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
  if (!fieldValue.test(value)) return 'must not contain line breaks, control characters or characters beyond Latin-1'
  if (isRepeated) return 'is given twice'
  if (name === 'content-type' && contentType !== undefined) return 'is given by contentType already'
  return null
}

function bodyIssues(body: unknown): Issue[] {
  if (body === undefined) return []
  try {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    if (Buffer.byteLength(text) <= MAX_BODY_BYTES) return []
    return [{ path: 'body', message: `must be at most ${MAX_BODY_BYTES} bytes` }]
  } catch {
    // a cycle, a BigInt, a function, or nesting deeper than the stack
    return [{ path: 'body', message: 'must be a JSON value' }]
  }
}
