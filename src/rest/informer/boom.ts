/** What Informer's clients are told of an error: `{statusCode, error, message}`. Pure, but for the log of faults. */
import { STATUS_CODES } from 'node:http'
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

/** Something that the dialect itself finds wrong. */
export class Boom extends Error {
  override readonly name = 'Boom'
  readonly status: number
  readonly headers: Record<string, string>

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

export const unauthorized = (message = HOW_TO_SIGN_IN) => new Boom(401, message, { 'www-authenticate': CHALLENGE })

/** Null: a fault of ours. */
function boomOf(error: unknown): Boom | null {
  if (error instanceof Boom) return error
  if (!(error instanceof DomainError)) return null
  const { message } = error
  if (error instanceof ValidationError) {
    const { issues } = error
    return new Boom(issues.length > 0 && issues.every(({ limit }) => limit) ? 413 : 400, message)
  }
  if (error instanceof NotFoundError) return new Boom(404, message)
  if (error instanceof LimitError) return new Boom(413, message)
  if (error instanceof ConflictError) return new Boom(409, message)
  if (error instanceof ForbiddenError)
    return error.code === 'UNAUTHENTICATED' ? unauthorized(message) : new Boom(403, message)
  return new Boom(400, message)
}

/** The answer to an error of any kind; a fault of ours goes to the log. */
export function errorAnswer(error: unknown, log: Log): Response {
  const boom = boomOf(error)
  if (boom) return boomAnswer(boom)
  log.error({ err: error, requestId: currentRequest.getStore()?.id }, 'a request of Informer failed')
  return boomAnswer(new Boom(500, 'An internal server error occurred'))
}

export const boomAnswer = ({ status, message, headers }: Boom): Response =>
  Response.json({ statusCode: status, error: STATUS_CODES[status] ?? 'Error', message }, { status, headers })
