/** What ShareOut's clients are told of an error: `{success: false, error, code}`. Pure, but for the log of faults. */
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

/** What a bad input is called where it is told of jobs, and where of what is published. */
export type InvalidCode = 'INVALID_REQUEST' | 'VALIDATION_ERROR'

type Failure = { status: number; code: string; message: string; param?: string | undefined; headers?: HeadersInit }

/** Something that the dialect itself finds wrong. */
export class ShareoutError extends Error {
  override readonly name = 'ShareoutError'
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

export const unauthorized = () =>
  new ShareoutError({ status: 401, code: 'UNAUTHORIZED', message: 'Send a token: Authorization: Bearer <token>' })

/** Conflicts that have a code of their own here; every other is CONFLICT. */
const CONFLICTS: Record<string, string> = { SLUG_TAKEN: 'SLUG_TAKEN', VERSION: 'VERSION_CONFLICT' }

/** Null: a fault of ours. */
function failureOf(error: unknown, invalid: InvalidCode): Failure | null {
  if (error instanceof ShareoutError) return error.failure
  if (!(error instanceof DomainError)) return null
  const { message } = error
  if (error instanceof ValidationError) return invalidOf(error, invalid)
  if (error instanceof NotFoundError) return { status: 404, code: 'NOT_FOUND', message }
  if (error instanceof LimitError) return { status: 413, code: 'STORAGE_LIMIT_EXCEEDED', message }
  if (error instanceof ConflictError) {
    return { status: 409, code: CONFLICTS[error.code] ?? 'CONFLICT', message }
  }
  if (error instanceof ForbiddenError) {
    return error.code === 'UNAUTHENTICATED'
      ? { status: 401, code: 'UNAUTHORIZED', message }
      : { status: 403, code: error.code, message }
  }
  return { status: 400, code: error.code, message }
}

function invalidOf({ message, issues }: ValidationError, invalid: InvalidCode): Failure {
  const [issue] = issues
  if (issues.length > 0 && issues.every(({ limit }) => limit)) {
    return { status: 413, code: 'STORAGE_LIMIT_EXCEEDED', message, param: issue?.path }
  }
  const isPolicy = /^access_?policy(\.|$)/i.test(issue?.path ?? '')
  return {
    status: 400,
    code: isPolicy ? 'INVALID_ACCESS_POLICY' : invalid,
    message,
    ...(issue?.path && { param: issue.path }),
  }
}

/** The answer to an error of any kind; a fault of ours goes to the log, and its client gets the id to ask by. */
export function errorAnswer(error: unknown, log: Log, invalid: InvalidCode = 'INVALID_REQUEST'): Response {
  const failure = failureOf(error, invalid)
  if (failure) return failureAnswer(failure)
  log.error({ err: error, requestId: currentRequest.getStore()?.id }, 'a request of ShareOut failed')
  return failureAnswer({ status: 500, code: 'INTERNAL_ERROR', message: 'Internal error' })
}

export function failureAnswer({ status, code, message, param, headers }: Failure): Response {
  const requestId = currentRequest.getStore()?.id
  return Response.json(
    { success: false, error: message, code, ...(requestId && { request_id: requestId }), ...(param && { param }) },
    { status, headers: { ...(status === 401 && { 'www-authenticate': 'Bearer' }), ...headers } as HeadersInit },
  )
}
