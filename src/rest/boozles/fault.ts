/** What Boozles' clients are told of an error: one sentence, in the format that they ask for. */
import {
  ConflictError,
  DomainError,
  ForbiddenError,
  LimitError,
  NotFoundError,
  ValidationError,
} from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { currentRequest } from '../../kernel/request.ts'
import { CHALLENGE, HOW_TO_SIGN_IN } from '../credentials.ts'
import { negotiate } from '../negotiate.ts'
import { answer, type Format, JSON_TYPE, SHORT_OFFERS } from './formats.ts'

/** Something that the dialect itself finds wrong. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly status: number
  readonly headers: Record<string, string>

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

export const unauthorized = (message = HOW_TO_SIGN_IN) => new Fault(401, message, { 'www-authenticate': CHALLENGE })

/** Null: a fault of ours. */
function faultOf(error: unknown): Fault | null {
  if (error instanceof Fault) return error
  if (!(error instanceof DomainError)) return null
  const { message } = error
  if (error instanceof ValidationError) {
    const { issues } = error
    return new Fault(issues.length > 0 && issues.every(({ limit }) => limit) ? 413 : 400, message)
  }
  if (error instanceof NotFoundError) return new Fault(404, message)
  if (error instanceof LimitError) return new Fault(413, message)
  if (error instanceof ConflictError) return new Fault(409, message)
  if (error instanceof ForbiddenError)
    return error.code === 'UNAUTHENTICATED' ? unauthorized(message) : new Fault(403, message)
  return new Fault(400, message)
}

/** Where nothing is acceptable: JSON. */
const errorFormat = (accept: string | undefined): Format => negotiate(accept, SHORT_OFFERS) ?? JSON_TYPE

/** The answer to an error of any kind; a fault of ours goes to the log. `accept`: the header of the request. */
export function errorAnswer(error: unknown, accept: string | undefined, log: Log): Response {
  const fault = faultOf(error)
  if (fault) return faultAnswer(fault, accept)
  log.error({ err: error, requestId: currentRequest.getStore()?.id }, 'a request of Boozles failed')
  return faultAnswer(new Fault(500, 'An internal server error occurred'), accept)
}

export const faultAnswer = ({ status, message, headers }: Fault, accept: string | undefined): Response =>
  answer({ error: message }, errorFormat(accept), { status, headers })
