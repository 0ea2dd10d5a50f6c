/** What a call of a stack’s address says, as the input of its run. */
import type { HonoRequest } from 'hono'
import type { StackCall } from '../../stacks/call.ts'
import { CODE, KragleError } from './fault.ts'

/** Where a caller says the token of a stack. */
export const TOKEN_HEADER = 'x-webhook-token'
export const TOKEN_QUERY = 'token'

type Fields = Record<string, string | string[]>

export type HookInput = {
  /** Of the query. A name that comes more than once has a list. */
  GET: Fields
  /** Of a form; null: the body is none. */
  POST: Fields | null
  /** The body as JSON; null: it is none. */
  JSON: unknown
  /** Names in lower case. */
  HEADERS: Record<string, string>
}

/** They prove who calls, which is not the stack’s to know. */
const SECRET_HEADERS = ['authorization', 'cookie', 'proxy-authorization']

/** Without what let the caller in: with a token of the stack that, too. */
export async function hookInputOf(req: HonoRequest, mode: Parameters<StackCall['input']>[0]): Promise<HookInput> {
  const hidden = mode === 'TOKEN' ? [...SECRET_HEADERS, TOKEN_HEADER] : SECRET_HEADERS
  const query = new URL(req.url).searchParams
  if (mode === 'TOKEN') query.delete(TOKEN_QUERY)
  const headers = Object.entries(req.header()).filter(([name]) => !hidden.includes(name))
  return { GET: fieldsOf(query), ...(await bodyOf(req)), HEADERS: Object.fromEntries(headers) }
}

async function bodyOf(req: HonoRequest): Promise<Pick<HookInput, 'POST' | 'JSON'>> {
  const text = req.method === 'POST' ? await req.text() : ''
  if (text === '') return { POST: null, JSON: null }
  const type = (req.header('content-type') ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? ''
  if (type === 'application/x-www-form-urlencoded') return { POST: fieldsOf(new URLSearchParams(text)), JSON: null }
  if (/^application\/([a-z0-9.+-]+\+)?json$/.test(type)) return { POST: null, JSON: parsed(text) }
  const message = `The body must be JSON or a form (application/x-www-form-urlencoded), not ${type.slice(0, 100)}`
  throw new KragleError(CODE.BAD_PAYLOAD, message, { status: 415 })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new KragleError(CODE.BAD_JSON, 'The body is not JSON')
  }
}

const fieldsOf = (params: URLSearchParams): Fields =>
  Object.fromEntries(
    [...new Set(params.keys())].map((name) => {
      const [first = '', ...more] = params.getAll(name)
      return [name, more.length > 0 ? [first, ...more] : first]
    }),
  )
