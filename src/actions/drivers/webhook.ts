import { z } from 'zod'
import type { Issue } from '../../kernel/errors.ts'
import type { ActionKind, Driver, JsonValue, StepContext } from '../driver.ts'
import { callAsStep, type HttpDeps } from '../http-step.ts'
import { redactHeaders, redactUrl } from '../redaction.ts'
import { bodyIssues, contentTypeField, headerIssues, headersField, urlField, urlIssues } from '../request-spec.ts'
import { hasTemplate, isJsonTemplate, type Place } from '../template.ts'

/** Methods that carry no body unless one is given. */
const bodiless = new Set(['GET', 'DELETE'])

const config = z.object({
  url: urlField,
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST').describe('The HTTP method.'),
  headers: headersField,
  body: z
    .unknown()
    .optional()
    .describe(
      'What to send: a string as it is, any other JSON value as JSON; its texts may hold templates. Absent or null: the facts of the run as JSON; GET and DELETE then send nothing.',
    ),
  contentType: contentTypeField
    .optional()
    .describe('Media type of the body. Absent: application/json for JSON, else text/plain.'),
  includeArtifact: z.boolean().default(true).describe('Whether the default body tells of the artifact.'),
})

export type WebhookConfig = z.output<typeof config>

export const webhook = {
  kind: 'webhook',
  description: 'Calls a URL and signs the call by Standard Webhooks; an answer of 2xx is success.',
  config,
  redact: ({ url, headers, ...rest }) => ({ ...rest, url: redactUrl(url), headers: redactHeaders(headers) }),
  create: createWebhookDriver,
} satisfies ActionKind<WebhookConfig>

export function createWebhookDriver(deps: HttpDeps): Driver<WebhookConfig> {
  return {
    config,

    check(config) {
      const { url, headers, body, contentType } = config
      const flaws = [...urlIssues(deps.egress, url), ...headerIssues(headers, contentType), ...bodyIssues(body)]
      return flaws.length > 0 ? flaws : jsonTextIssues(config)
    },

    places: (config) => ({ url: 'url', headers: 'header', body: bodyPlace(config) }),

    execute(config, context) {
      const { url, method, headers } = config
      const contentType = config.contentType ?? contentTypeOf(config.body)
      return callAsStep(deps, { url, method, headers, contentType, body: bodyOf(config, context) }, context)
    },
  }
}

/** What the text of a body is, by what it is sent as or, without that, by how it begins. */
function bodyPlace({ body, headers, contentType }: WebhookConfig): Place {
  if (typeof body !== 'string') return 'json'
  const given = contentType ?? Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  // no JSON begins with the `{{` of a template
  if (given === undefined) return /^\s*(\[|\{(?!\{))/.test(body) ? 'jsonText' : 'text'
  const type = (given.split(';')[0] ?? '').trim().toLowerCase()
  if (/[/+]json$/.test(type)) return 'jsonText'
  if (/[/+](html|xml)$/.test(type)) return 'html'
  return type === 'application/x-www-form-urlencoded' ? 'form' : 'text'
}

/** What is sent as JSON must be JSON whatever its templates stand for, or a value could write some of its own. */
function jsonTextIssues(config: WebhookConfig): Issue[] {
  const { body } = config
  if (typeof body !== 'string' || !hasTemplate(body) || bodyPlace(config) !== 'jsonText') return []
  const message = 'is no JSON, whatever its templates stand for; if it is something else, say so by contentType'
  return isJsonTemplate(body) ? [] : [{ path: 'body', message }]
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
