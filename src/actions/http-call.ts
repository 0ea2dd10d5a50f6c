/** One guarded HTTP call, with as much of the answer as is kept; and what its outcome means for the run. */
import type { Readable } from 'node:stream'
import { errors } from 'undici'
import { type Egress, EgressError, type EgressRequest, UnresolvedError } from '../egress/egress.ts'
import { unlessAborted } from '../kernel/abort.ts'
import type { Delivery, Failure } from './driver.ts'
import { echoesOf, redactHeaders, redactUrl, secretsOf, withoutUserInfo } from './redaction.ts'

/** Bytes of an answer that are read and kept. */
export const MAX_RESPONSE_BYTES = 20_000

/** The longest wait that a receiver may ask for, in seconds. */
export const MAX_RETRY_AFTER = 86_400
const MAX_MESSAGE_CHARS = 300

export type HttpCall = EgressRequest & {
  url: string
  /** The URL in the record, where the real one is a secret. */
  shownUrl?: string
}

/**
 * TIMEOUT, ABORTED: the signal ended the call. EGRESS_REFUSED: the target may not be called. DNS, CONNECTION, TLS: it
 * could not be reached, or the connection broke. RESPONSE: the answer is not HTTP.
 */
type HttpErrorCode = 'TIMEOUT' | 'ABORTED' | 'EGRESS_REFUSED' | 'DNS' | 'CONNECTION' | 'TLS' | 'RESPONSE'

const isLasting: Record<HttpErrorCode, boolean> = {
  TIMEOUT: false,
  ABORTED: true,
  EGRESS_REFUSED: true,
  DNS: false,
  CONNECTION: false,
  TLS: false,
  RESPONSE: false,
}

/** An answer of 2xx that is more than a record. What the network does while it is read is thrown by the reading. */
export type Answer = { headers: Record<string, string>; body: AsyncIterable<Buffer> }

/**
 * Whatever the network does is in the answer, also an abort. `receive` is handed a whole body of 2xx, and what it throws
 * for itself is thrown on; of other longer bodies the rest is not read. No part of the record holds a secret of the
 * request.
 */
export async function callHttp(
  egress: Egress,
  { url, shownUrl, ...request }: HttpCall,
  receive?: (answer: Answer) => Promise<void>,
): Promise<Delivery> {
  const started = performance.now()
  const echoes = echoesOf(secretsOf(url, request.headers, shownUrl !== undefined))
  /** What the network did to a body that was handed on. */
  let broken: unknown
  let isReceived = false
  const delivery: Delivery = {
    method: request.method,
    url: shownUrl ?? redactUrl(withoutUserInfo(url)),
    requestBytes: request.body?.length ?? 0,
    requestHeaders: redactHeaders(request.headers),
    status: null,
    responseHeaders: {},
    responseBody: Buffer.alloc(0),
    truncated: false,
    error: null,
    startedAt: new Date(),
    durationMs: 0,
  }
  try {
    // undici notices an abort only once it has a connection; a step must not wait for that
    const response = await unlessAborted(request.signal, () => egress.request(url, request))
    delivery.status = response.statusCode
    delivery.responseHeaders = plainHeaders(response.headers, echoes.text)
    const body = recorded(response.body, delivery, (error) => {
      broken = error
    })
    isReceived = receive !== undefined && isSuccess(response.statusCode)
    try {
      if (receive && isReceived) await receive({ headers: delivery.responseHeaders, body })
      else for await (const _ of body) if (delivery.truncated) break
    } finally {
      // whoever received it may have left before its end
      response.body.on('error', () => {}).destroy()
    }
  } catch (error) {
    if (isReceived && error !== broken && !request.signal.aborted) throw error
    const { code, message } = errorOf(error, request.signal, performance.now() - started)
    delivery.error = { code, message: echoes.text(message) }
  }
  delivery.responseBody = echoes.bytes(delivery.responseBody, delivery.truncated || delivery.error !== null)
  delivery.durationMs = Math.round(performance.now() - started)
  return delivery
}

const isSuccess = (status: number) => status >= 200 && status < 300

/**
 * What a call means for the run, null if it succeeded (2xx). 408, 425, 429, 5xx and what the network did may pass;
 * other answers stay. `now` is what a Retry-After date counts from.
 */
export function failureOf(delivery: Delivery, now: Date): Failure | null {
  const { error } = delivery
  if (error) return { ...error, transient: !isLasting[error.code as HttpErrorCode] }
  const status = delivery.status ?? 0
  if (isSuccess(status)) return null
  const transient = status === 408 || status === 425 || status === 429 || status >= 500
  const retryAfter = transient ? retryAfterSeconds(delivery.responseHeaders['retry-after'], now) : null
  return {
    code: `HTTP_${status}`,
    message: `the receiver answered ${status}`,
    transient,
    ...(retryAfter !== null && { retryAfter }),
    ...(status === 410 && { gone: true }),
  }
}

/** Seconds from now, at most a day; null if the header is absent or is neither whole seconds nor an HTTP date. */
export function retryAfterSeconds(value: string | undefined, now: Date): number | null {
  const text = value?.trim() ?? ''
  if (/^\d+$/.test(text)) return Math.min(Number(text), MAX_RETRY_AFTER)
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return null
  // asctime, the oldest of the three forms, names no zone
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  if (Number.isNaN(time)) return null
  return Math.min(Math.max(0, Math.ceil((time - now.getTime()) / 1000)), MAX_RETRY_AFTER)
}

/** The body as it comes; its start goes into the record. Whoever leaves early ends it, and with it the socket. */
async function* recorded(
  body: Readable,
  delivery: Delivery,
  onBroken: (error: unknown) => void,
): AsyncGenerator<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (size < MAX_RESPONSE_BYTES) chunks.push(chunk.subarray(0, MAX_RESPONSE_BYTES - size))
      size += chunk.length
      delivery.truncated = size > MAX_RESPONSE_BYTES
      yield chunk
    }
  } catch (error) {
    onBroken(error)
    throw error
  } finally {
    delivery.responseBody = Buffer.concat(chunks)
  }
}

function plainHeaders(
  headers: Record<string, string | string[] | undefined>,
  censored: (text: string) => string,
): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name !== 'set-cookie')
  return Object.fromEntries(
    kept.map(([name, value = '']) => [name, censored(Array.isArray(value) ? value.join(', ') : value)]),
  )
}

type CodedError = Error & { code?: unknown; reason?: unknown; errors?: unknown[] }

function errorOf(error: unknown, signal: AbortSignal, elapsedMs: number): { code: HttpErrorCode; message: string } {
  if (signal.aborted) {
    return signal.reason instanceof Error && signal.reason.name === 'TimeoutError'
      ? { code: 'TIMEOUT', message: `no whole answer after ${Math.round(elapsedMs)} ms` }
      : { code: 'ABORTED', message: 'the call was aborted' }
  }
  if (error instanceof EgressError) return { code: 'EGRESS_REFUSED', message: error.message }
  if (error instanceof UnresolvedError) return { code: 'DNS', message: error.message }
  if (error instanceof errors.HTTPParserError) return { code: 'RESPONSE', message: messageOf(error) }
  const { code } = error as CodedError
  if (typeof code !== 'string' || error instanceof TypeError || faults.has(code)) throw error
  return { code: networkCode(code), message: messageOf(error as CodedError) }
}

/** Calls that undici refuses to make: the caller's mistake, not the network's. */
const faults = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'])

/** Codes of Node and OpenSSL that mean TLS. */
export const tlsCode =
  /^(ERR_(TLS|SSL|OSSL)_|EPROTO$|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_|INVALID_|PATH_)/
const responseCode = /^UND_ERR_(HEADERS_OVERFLOW|RES_)/

function networkCode(code: string): HttpErrorCode {
  if (tlsCode.test(code)) return 'TLS'
  return responseCode.test(code) ? 'RESPONSE' : 'CONNECTION'
}

/** One line. OpenSSL buries its reason in source positions; several failed addresses come without a text of their own. */
function messageOf({ message, reason, errors: [first] = [], code }: CodedError): string {
  const text =
    (typeof reason === 'string' && reason) || message || (first instanceof Error && first.message) || `${code}`
  return (text.split('\n')[0] ?? text).slice(0, MAX_MESSAGE_CHARS)
}
