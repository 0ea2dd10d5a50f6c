/** Errors for dialects that tell them by a status of HTTP and a sentence, each in a form of its own. Pure. */
import {
  ConflictError,
  DomainError,
  ForbiddenError,
  LimitError,
  NotFoundError,
  ValidationError,
} from '../kernel/errors.ts'
import { CHALLENGE, HOW_TO_SIGN_IN } from './credentials.ts'

/** Something that a dialect itself finds wrong, or what an error of a service is called there. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly headers: Record<string, string>

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

export const unauthorized = (message = HOW_TO_SIGN_IN) => new HttpError(401, message, { 'www-authenticate': CHALLENGE })

export const tooOften = (retryAfter: number) =>
  new HttpError(429, `Too many requests; try again in ${retryAfter} s`, { 'retry-after': String(retryAfter) })

export const tooLarge = (maxBytes: number) =>
  new HttpError(413, `The body is larger than ${maxBytes} bytes (MAX_BODY_BYTES)`)

/** Of what fits no route: there are none for the path, or these for other methods. */
export function noRoute({ method, path }: { method: string; path: string }, allowed: readonly string[]): HttpError {
  if (allowed.length === 0) return new HttpError(404, `There is nothing at ${path.slice(0, 200)}`)
  const methods = allowed.join(', ')
  return new HttpError(405, `${method} is not allowed here; ${methods} are`, { allow: methods })
}

/** Null: a fault of ours. */
export function httpErrorOf(error: unknown): HttpError | null {
  if (error instanceof HttpError) return error
  if (!(error instanceof DomainError)) return null
  const { message } = error
  if (error instanceof ValidationError) {
    const { issues } = error
    return new HttpError(issues.length > 0 && issues.every(({ limit }) => limit) ? 413 : 400, message)
  }
  if (error instanceof NotFoundError) return new HttpError(404, message)
  if (error instanceof LimitError) return new HttpError(413, message)
  if (error instanceof ConflictError) return new HttpError(409, message)
  if (!(error instanceof ForbiddenError)) return new HttpError(400, message)
  return error.code === 'UNAUTHENTICATED' ? unauthorized(message) : new HttpError(403, message)
}
