/** `POST /reports/{pass}`: what the receiver of a step says of it, in JSON: `{ progress, logs }`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ConflictError, DomainError, LimitError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { REPORTS_PATH } from '../runs/report-passes.ts'
import type { RunService } from '../runs/service.ts'
import { BodyTooLargeError, readBody } from './body.ts'
import { JSON_TYPE, sendWhole } from './send-whole.ts'

const MAX_REPORT_BYTES = 256 * 1024

export type ReportHandler = ReturnType<typeof createReportHandler>

export function createReportHandler({ runs }: { runs: Pick<RunService, 'reportWith'> }) {
  /** The refusal; null: it was written down. */
  async function take(
    request: IncomingMessage,
    pass: string,
  ): Promise<{ status: number; code: string; error: string } | null> {
    if (request.method !== 'POST') return { status: 405, code: 'METHOD_NOT_ALLOWED', error: 'Only POST is allowed' }
    try {
      const body = await readBody(request, MAX_REPORT_BYTES)
      await runs.reportWith(pass, jsonOf(body))
      return null
    } catch (error) {
      if (error instanceof BodyTooLargeError) {
        const message = `The body is larger than ${MAX_REPORT_BYTES} bytes.`
        return { status: 413, code: 'LIMIT_EXCEEDED', error: message }
      }
      if (!(error instanceof DomainError)) throw error
      return { status: statusOf(error), code: error.code, error: error.message }
    }
  }

  return async (request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> => {
    const refusal = await take(request, pathname.slice(REPORTS_PATH.length))
    if (!refusal) return void response.writeHead(204).end()
    const { status, ...body } = refusal
    const headers = { ...JSON_TYPE, ...(status === 405 && { allow: 'POST' }) }
    await sendWhole(request, response, { status, headers, body: JSON.stringify(body) })
  }
}

function jsonOf(body: Buffer | null): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    throw ValidationError.at('', 'the body must be JSON such as {"progress": {"fraction": 0.5}}')
  }
}

function statusOf(error: DomainError): number {
  if (error instanceof NotFoundError) return 404
  if (error instanceof ConflictError) return 409
  return error instanceof LimitError ? 429 : 400
}
