/** What Kragle's clients are told of an error: HTTP 500 with `{code, msg}`. Pure, but for the log of faults. */
import { ConflictError, DomainError, ForbiddenError, LimitError, NotFoundError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { currentRequest } from '../../kernel/request.ts'
import { COUNTS_AS } from '../counts-as.ts'

/** The codes that clients know; INTERNAL is a fault of ours, whose number they do not. */
export const CODE = {
  BAD_QUERY: 1,
  BAD_JSON: 2,
  BAD_LOGIN: 3,
  BAD_PAYLOAD: 4,
  NO_SUCH_OBJECT: 6,
  STACK_NAME_EXISTS: 10,
  JOB_NAME_EXISTS: 12,
  BAD_BLOCK: 22,
  BAD_BLOCK_CONFIG: 23,
  NO_SUCH_STACK: 24,
  NO_SUCH_SCHEDULE: 25,
  BAD_SCHEDULE_CONFIG: 26,
  SCHEDULE_IN_USE: 27,
  INTERNAL: 99,
} as const

export type Code = (typeof CODE)[keyof typeof CODE]

/** Most errors have status 500. */
const STATUS = 500

/** Something that the dialect itself finds wrong, or what a service's error is called here. */
export class KragleError extends Error {
  override readonly name = 'KragleError'
  readonly code: Code
  readonly status: number
  readonly headers: Record<string, string>

  constructor(
    code: Code,
    message: string,
    { status = STATUS, headers = {} }: Partial<Pick<KragleError, 'status' | 'headers'>> = {},
  ) {
    super(message)
    this.code = code
    this.status = status
    this.headers = headers
  }
}

export const notSignedIn = (
  message = 'Sign in: a token (Authorization: Bearer …), POST /authenticate from the same origin, or {auth, payload} as the body',
) => new KragleError(CODE.BAD_LOGIN, message, { status: 403 })

export const badLogin = () => new KragleError(CODE.BAD_LOGIN, 'The password is no token of this user')

export const noSuch = (what: string) => new KragleError(CODE.NO_SUCH_OBJECT, `There is no such ${what}`)

/** Null: a fault of ours. */
function kragleErrorOf(error: unknown): KragleError | null {
  if (error instanceof KragleError) return error
  if (!(error instanceof DomainError)) return null
  const { message } = error
  if (error instanceof NotFoundError) return new KragleError(CODE.NO_SUCH_OBJECT, message)
  if (error instanceof ForbiddenError) return notSignedIn(message)
  if (error instanceof LimitError) return new KragleError(CODE.BAD_PAYLOAD, message, { status: 413 })
  return new KragleError(CODE.BAD_PAYLOAD, message)
}

/** Whether a service found that a name, or whatever `code` says, is taken. */
export const isConflict = (error: unknown, code: string): error is ConflictError =>
  error instanceof ConflictError && error.code === code

/** The answer to an error of any kind; a fault of ours goes to the log. */
export function errorAnswer(error: unknown, log: Log): Response {
  const known = kragleErrorOf(error)
  if (known) return kragleAnswer(known)
  log.error({ err: error, requestId: currentRequest.getStore()?.id }, 'a request of Kragle failed')
  return Response.json({ code: CODE.INTERNAL, msg: 'An internal error occurred' }, { status: STATUS })
}

/** A 500 of these is an answer like any other, and is counted as the 400 that it would be elsewhere. */
export const kragleAnswer = ({ code, message, status, headers }: KragleError): Response =>
  Response.json(
    { code, msg: message },
    { status, headers: { ...(status === STATUS && { [COUNTS_AS]: '400' }), ...headers } },
  )
