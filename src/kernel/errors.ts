/**
 * What can go wrong by the caller's doing. Services throw these; every API maps them to its own form in one place.
 * Anything else that is thrown is a fault of ours and is shown to nobody.
 */
export abstract class DomainError extends Error {
  /** Stable, upper case, for programs. */
  abstract readonly code: string
}

/** One thing that is wrong with an input. `path` is dotted, from the root of the input: `files.0.path`. */
export type Issue = { path: string; message: string /** It is more than a setting allows. */; limit?: true }

export class ValidationError extends DomainError {
  override readonly name = 'ValidationError'
  readonly code = 'VALIDATION'
  readonly issues: Issue[]

  constructor(issues: Issue[]) {
    super(issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message)).join('; '))
    this.issues = issues
  }

  static at(path: string, message: string) {
    return new ValidationError([{ path, message }])
  }
}

/** It is not there, or the viewer may not know that it is. */
export class NotFoundError extends DomainError {
  override readonly name = 'NotFoundError'
  readonly code = 'NOT_FOUND'
}

/** UNAUTHENTICATED: nobody is signed in. INSUFFICIENT_SCOPE: the token lacks a scope. FORBIDDEN: the viewer lacks the right. */
export class ForbiddenError extends DomainError {
  override readonly name = 'ForbiddenError'
  readonly code: 'FORBIDDEN' | 'UNAUTHENTICATED' | 'INSUFFICIENT_SCOPE'

  constructor(message: string, code: ForbiddenError['code'] = 'FORBIDDEN') {
    super(message)
    this.code = code
  }
}

/** The request does not fit the state of things; `code` says which way. */
export class ConflictError extends DomainError {
  override readonly name = 'ConflictError'
  readonly code: string

  constructor(message: string, code = 'CONFLICT') {
    super(message)
    this.code = code
  }
}

/** Events behind this cursor may have been forgotten; the oldest that still works is `oldestCursor`. */
export class CursorExpiredError extends DomainError {
  override readonly name = 'CursorExpiredError'
  readonly code = 'CURSOR_EXPIRED'
  readonly oldestCursor: string

  constructor(oldestCursor: string) {
    super(`events behind this cursor are no longer kept; the oldest cursor that still works is ${oldestCursor}`)
    this.oldestCursor = oldestCursor
  }
}

/** More than a setting allows; the message names the setting's value. */
export class LimitError extends DomainError {
  override readonly name = 'LimitError'
  readonly code = 'LIMIT_EXCEEDED'
}
