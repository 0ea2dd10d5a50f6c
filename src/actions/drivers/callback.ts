/** A call that hands back what was left with us for it: bytes, media type and signature, none of which we look at. */
import { z } from 'zod'
import type { Issue } from '../../kernel/errors.ts'
import type { ActionKind, Driver } from '../driver.ts'
import { callAsStep, type HttpDeps } from '../http-step.ts'
import { HIDDEN, redactUrl } from '../redaction.ts'
import { contentTypeField, fieldValueField, MAX_REQUEST_BYTES, urlField, urlIssues } from '../request-spec.ts'

const SIGNATURE_HEADER = 'X-Content-Signature'
/** What data is when nobody says. */
const BYTES = 'application/octet-stream'
/** Of what is beyond ASCII two bytes each: with the name it fits what headers may have. */
const MAX_SIGNATURE_CHARS = 4000
/** Four characters of base64 for each three bytes. */
const MAX_BASE64_CHARS = Math.ceil(MAX_REQUEST_BYTES / 3) * 4

const config = z.object({
  url: urlField.describe('Where the call goes: an absolute http or https URL.'),
  data: z
    .base64('must be base64')
    .max(MAX_BASE64_CHARS, `must be at most ${MAX_REQUEST_BYTES} bytes`)
    .optional()
    .describe('The bytes to send, in base64. Absent: nothing is sent.'),
  contentType: contentTypeField
    .optional()
    .describe(`Media type of the data. Absent: ${BYTES}. It says nothing where there is no data.`),
  signature: fieldValueField
    .max(MAX_SIGNATURE_CHARS, `must have at most ${MAX_SIGNATURE_CHARS} characters`)
    .optional()
    .describe(`Goes out as the header ${SIGNATURE_HEADER}, to the letter.`),
})

export type CallbackConfig = z.output<typeof config>

export const callback = {
  kind: 'callback',
  description:
    'POSTs bytes to a URL as they are, with a signature that was given; no templates. An answer of 2xx is success.',
  config,
  redact: ({ url, contentType, data, signature }) => ({
    url: redactUrl(url),
    ...(contentType !== undefined && { contentType }),
    ...(data !== undefined && { data: HIDDEN }),
    ...(signature !== undefined && { signature: HIDDEN }),
  }),
  create: createCallbackDriver,
} satisfies ActionKind<CallbackConfig>

function createCallbackDriver(deps: HttpDeps): Driver<CallbackConfig> {
  return {
    config,
    isVerbatim: true,
    check: ({ url, data }) => [...urlIssues(deps.egress, url), ...dataIssues(data)],
    execute({ url, data, contentType = BYTES, signature }, context) {
      const headers: Record<string, string> = signature === undefined ? {} : { [SIGNATURE_HEADER]: signature }
      const body = data === undefined ? null : bytesOf(data)
      return callAsStep(deps, { url, method: 'POST', headers, contentType, body }, context)
    },
  }
}

const bytesOf = (data: string) => Buffer.from(data, 'base64')

/** So many characters may be a byte or two more than the limit. */
function dataIssues(data = ''): Issue[] {
  if (bytesOf(data).length <= MAX_REQUEST_BYTES) return []
  return [{ path: 'data', message: `must be at most ${MAX_REQUEST_BYTES} bytes` }]
}
