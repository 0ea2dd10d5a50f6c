import { z } from 'zod'
import type { ActionKind, Driver } from '../driver.ts'
import { callAsStep, type HttpDeps } from '../http-step.ts'
import { redactHeaders, redactUrl } from '../redaction.ts'
import { headerIssues, headersField, urlField, urlIssues } from '../request-spec.ts'

const config = z.object({ url: urlField, headers: headersField })

export type HttpGetConfig = z.output<typeof config>

export const httpGet = {
  kind: 'httpGet',
  description: 'Fetches a URL; an answer of 2xx is success, and what it says is there for later steps.',
  config,
  redact: ({ url, headers }) => ({ url: redactUrl(url), headers: redactHeaders(headers) }),
  create: createHttpGetDriver,
} satisfies ActionKind<HttpGetConfig>

export function createHttpGetDriver(deps: HttpDeps): Driver<HttpGetConfig> {
  return {
    config,
    check: ({ url, headers }) => [...urlIssues(deps.egress, url), ...headerIssues(headers)],
    places: () => ({ url: 'url', headers: 'header' }),
    execute: ({ url, headers }, context) => callAsStep(deps, { url, method: 'GET', headers, body: null }, context),
  }
}
