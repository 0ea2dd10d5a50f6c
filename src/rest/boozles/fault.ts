/** What Boozles' clients are told of an error: one sentence, in the format that they ask for. */
import type { Log } from '../../kernel/log.ts'
import { currentRequest } from '../../kernel/request.ts'
import { HttpError, httpErrorOf } from '../http-error.ts'
import { negotiate } from '../negotiate.ts'
import { answer, JSON_TYPE, SHORT_OFFERS } from './formats.ts'

/** The answer to an error of any kind; a fault of ours goes to the log. `accept`: the header of the request. */
export function errorAnswer(error: unknown, accept: string | undefined, log: Log): Response {
  const known = httpErrorOf(error)
  if (known) return faultAnswer(known, accept)
  log.error({ err: error, requestId: currentRequest.getStore()?.id }, 'a request of Boozles failed')
  return faultAnswer(new HttpError(500, 'An internal server error occurred'), accept)
}

/** Where nothing is acceptable it is JSON. */
export const faultAnswer = ({ status, message, headers }: HttpError, accept: string | undefined): Response =>
  answer({ error: message }, negotiate(accept, SHORT_OFFERS) ?? JSON_TYPE, { status, headers })
