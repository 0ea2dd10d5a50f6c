/** Domain errors as GraphQL types; and, for everything that is not a mutation's answer, as masked GraphQL errors. */
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import {
  ConflictError,
  CursorExpiredError,
  DomainError,
  ForbiddenError,
  type Issue,
  LimitError,
  NotFoundError,
  ValidationError,
} from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { currentRequest } from '../kernel/request.ts'
import { builder } from './builder.ts'

const ErrorInterface = builder.interfaceRef<DomainError>('Error').implement({
  description: 'What is wrong with a request. Nothing was changed.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable, for programs.' }),
    message: t.exposeString('message', { description: 'For people.' }),
  }),
})

const IssueType = builder.objectRef<Issue>('ValidationIssue').implement({
  description: 'One field that is wrong.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Where in the input, dotted: `files.0.path`.' }),
    message: t.exposeString('message', { description: 'What is wrong with it.' }),
  }),
})

/** An input may have 20,000 files. */
const ISSUES_SHOWN = 100

builder.objectType(ValidationError, {
  name: 'ValidationError',
  description: 'The input is not what it must be.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [IssueType],
      description: `The fields that are wrong, the first ${ISSUES_SHOWN} of them.`,
      resolve: ({ issues }) => issues.slice(0, ISSUES_SHOWN),
    }),
  }),
})
builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  description: 'It is not there, or you may not read it.',
  interfaces: [ErrorInterface],
})
builder.objectType(ForbiddenError, {
  name: 'ForbiddenError',
  description: 'You may read it but not do this; or you are not signed in.',
  interfaces: [ErrorInterface],
})
builder.objectType(ConflictError, {
  name: 'ConflictError',
  description: 'It does not fit how things are now.',
  interfaces: [ErrorInterface],
})
builder.objectType(LimitError, {
  name: 'LimitError',
  description: 'It is more than a limit allows.',
  interfaces: [ErrorInterface],
})

/**
 * What a client is told of an error. Errors of the request keep their message and get a code; faults of ours go to the
 * log, and the client gets nothing but the request id to ask by. Every transport calls this one function.
 */
export function maskError(error: unknown, log: Log): GraphQLError {
  if (error instanceof GraphQLError) {
    const cause = error.originalError
    if (!cause || cause instanceof GraphQLError) {
      error.extensions.code ??= 'BAD_REQUEST'
      return error
    }
    return withCode(error, cause, log)
  }
  return withCode(undefined, error, log)
}

function withCode(at: GraphQLError | undefined, cause: unknown, log: Log): GraphQLError {
  const where = at ? { nodes: at.nodes ?? null, path: at.path ?? null } : {}
  /** For the status line, where nothing of the operation was done. */
  const http = (status: number) => (at ? {} : { http: { status } })
  if (cause instanceof DomainError) {
    const status = cause.code === 'UNAUTHENTICATED' ? http(401) : {}
    const issues = cause instanceof ValidationError ? { issues: cause.issues } : {}
    const oldest = cause instanceof CursorExpiredError ? { oldestCursor: cause.oldestCursor } : {}
    return new GraphQLError(cause.message, {
      ...where,
      extensions: { code: cause.code, ...issues, ...oldest, ...status },
    })
  }
  const requestId = currentRequest.getStore()?.id
  log.error({ err: cause, requestId, path: at?.path }, 'a resolver failed')
  return new GraphQLError('Internal error', { ...where, extensions: { code: 'INTERNAL', requestId, ...http(500) } })
}

/** As clients are shown it: without what is for the status line of HTTP. */
export function formatted(error: GraphQLError): GraphQLFormattedError {
  const { extensions = {}, ...rest } = error.toJSON()
  const { http: _, ...others } = extensions
  return { ...rest, extensions: others }
}
