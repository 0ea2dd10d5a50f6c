/**
 * Which requests of GraphQL are plain: JSON in, JSON out, and well formed. Whatever is not is left to Yoga, which knows how
 * to answer it. And how the result of an operation is told.
 */
import type { IncomingMessage } from 'node:http'
import type { ExecutionResult } from 'graphql'
import { formatted } from '../graphql/errors.ts'
import type { PlainParams } from '../graphql/lane.ts'

const JSON_TYPES = ['application/json', 'application/graphql+json']
const NAMES = new Set(['query', 'variables', 'operationName', 'extensions', 'documentId'])

type MediaType = 'application/json' | 'application/graphql-response+json'

/** Null: the answer is wanted otherwise, or not as JSON alone. */
export function plainTypeOf({ method, headers }: IncomingMessage): MediaType | null {
  if (method !== 'POST') return null
  const [sent = ''] = (headers['content-type'] ?? '').split(',')
  if (!JSON_TYPES.some((type) => sent === type || sent.startsWith(`${type};`))) return null
  return wantedOf(headers.accept ?? '*/*')
}

/** The first of what is wanted that is one of the two. */
function wantedOf(accept: string): MediaType | null {
  if (accept === '*/*') return 'application/json'
  for (const each of accept.replace(/\s/g, '').toLowerCase().split(',')) {
    const [type = '', ...params] = each.split(';')
    const charset = params.find((param) => param.includes('charset='))
    if (charset !== undefined && charset !== 'charset=utf-8') continue
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'application/json'
    if (type === 'application/graphql-response+json') return type
  }
  return null
}

/** Null: it is none, or a list of some, or has what no operation has. */
export function plainParams(body: Buffer): PlainParams | null {
  let params: Record<string, unknown>
  try {
    params = JSON.parse(body.toString())
  } catch {
    return null
  }
  if (!isObject(params)) return null
  for (const name in params) if (params[name] != null && !NAMES.has(name)) return null
  const { variables, extensions } = params
  return (variables == null || isObject(variables)) && (extensions == null || isObject(extensions)) ? params : null
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

type Http = { status?: number; headers?: Record<string, string>; spec?: boolean }

/** In `application/json` errors that the specification of GraphQL over HTTP knows are answered with 200. */
export function plainAnswer({ errors, ...rest }: ExecutionResult, type: MediaType) {
  const headers = { 'content-type': `${type}; charset=utf-8` }
  if (!errors) return { status: 200, headers, body: JSON.stringify(rest) }
  let status = 0
  for (const { extensions } of errors) {
    const http = extensions.http as Http | undefined
    Object.assign(headers, http?.headers)
    if (type !== 'application/json' || !http?.spec) status = Math.max(status, http?.status ?? 0)
  }
  return { status: status || 200, headers, body: JSON.stringify({ errors: errors.map(formatted), ...rest }) }
}
