/** What Informer's clients are told of an error: `{statusCode, error, message}`. */
import { STATUS_CODES } from 'node:http'
import type { Log } from '../../kernel/log.ts'
import { currentRequest } from '../../kernel/request.ts'
import { HttpError, httpErrorOf } from '../http-error.ts'

/** The answer to an error of any kind; a fault of ours goes to the log. */
export function errorAnswer(error: unknown, log: Log): Response {
  const known = httpErrorOf(error)
  if (known) return boom(known)
  log.error({ err: error, requestId: currentRequest.getStore()?.id }, 'a request of Informer failed')
  return boom(new HttpError(500, 'An internal server error occurred'))
}

export const boom = ({ status, message, headers }: HttpError): Response =>
  Response.json({ statusCode: status, error: STATUS_CODES[status] ?? 'Error', message }, { status, headers })
