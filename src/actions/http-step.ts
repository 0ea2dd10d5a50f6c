/** A step that is one HTTP call: signed, guarded, recorded, and its answer handed on to the steps behind it. */
import { systemClock } from '../kernel/clock.ts'
import { flawOfJson } from '../kernel/storable.ts'
import type { StepReport } from '../runs/reporting.ts'
import type { Delivery, DriverDeps, Failure, JsonValue, StepContext, StepResult } from './driver.ts'
import { failed, unfit } from './failed.ts'
import { callHttp, failureOf } from './http-call.ts'
import { headerIssues, MAX_REQUEST_BYTES } from './request-spec.ts'
import { messageId, signedHeaders } from './signature.ts'

export type StepCall = {
  url: string
  /** The URL in the record, where the real one is a secret. */
  shownUrl?: string
  method: string
  headers: Record<string, string>
  body: Buffer | null
  /** Of the body. */
  contentType?: string
}

/** What the kinds that call a URL need. */
export type HttpDeps = Pick<DriverDeps, 'egress' | 'version' | 'clock'>

/** `failureOf`: what is special to a receiver's refusals. */
export async function callAsStep(
  { egress, version, clock = systemClock }: HttpDeps,
  { body, headers, contentType, ...call }: StepCall,
  context: StepContext,
  reasonOf: (delivery: Delivery, now: Date) => Failure | null = failureOf,
): Promise<StepResult> {
  // asked again, as templates can have made both larger
  if (body && body.length > MAX_REQUEST_BYTES) {
    return failed('BODY_TOO_LARGE', `the body has ${body.length} bytes; ${MAX_REQUEST_BYTES} are allowed`)
  }
  const issues = headerIssues(headers)
  if (issues.length > 0) return unfit(issues)
  const id = messageId(context.runId, context.position)
  const delivery = await callHttp(egress, {
    ...call,
    headers: {
      accept: '*/*',
      'user-agent': `Runsheet/${version}`,
      ...(body && contentType !== undefined && { 'content-type': contentType }),
      ...lowerCased(headers),
      ...signedHeaders(context.signingSecrets, id, new Date(clock.now()), body ?? ''),
    },
    body,
    signal: context.signal,
  })
  const failure = reasonOf(delivery, new Date(clock.now()))
  if (failure) tellOf(delivery, failure, context.report)
  return failure
    ? { ok: false, failure, deliveries: [delivery] }
    : { ok: true, output: { status: delivery.status, body: bodyOf(delivery) }, deliveries: [delivery] }
}

/** What the error of the run does not say. */
function tellOf({ status }: Delivery, { retryAfter }: Failure, report: StepReport): void {
  if (retryAfter !== undefined)
    report.log('WARN', `the receiver answered ${status} and asks for ${retryAfter} s of rest`)
  if (status !== null && status >= 300 && status < 400) report.log('WARN', 'a redirection is not followed')
}

const lowerCased = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** The answer as JSON, if it is whole, says so, and can be kept; else as text, null if there is none. */
function bodyOf({ responseBody, responseHeaders, truncated }: Delivery): JsonValue {
  if (responseBody.length === 0) return null
  const text = (truncated ? withoutHalf(responseBody) : responseBody).toString('utf8').replace(/^\ufeff/, '')
  if (!truncated && /^[^;]*[/+]json\s*(;|$)/i.test(responseHeaders['content-type'] ?? '')) {
    try {
      const value = JSON.parse(text)
      if (flawOfJson(value) === null) return value
    } catch {}
  }
  return text.replaceAll('\0', '\ufffd')
}

/** UTF-8 that is cut within a character ends before it. */
function withoutHalf(bytes: Buffer): Buffer {
  let last = bytes.length - 1
  while (last > bytes.length - 4 && ((bytes[last] ?? 0) & 0xc0) === 0x80) last--
  const lead = bytes[last] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return last + length > bytes.length ? bytes.subarray(0, last) : bytes
}
