/** How errors are told: those of the request as what they are, those of ours as nothing but that they are. */
import { describe, expect, it } from 'vitest'
import {
  ConflictError,
  ForbiddenError,
  LimitError,
  NotFoundError,
  ValidationError,
} from '../../../src/kernel/errors.ts'
import type { Log } from '../../../src/kernel/log.ts'
import { currentRequest } from '../../../src/kernel/request.ts'
import { errorAnswer } from '../../../src/rest/shareout/envelope.ts'

const logged: unknown[] = []
const log = { error: (entry: unknown) => logged.push(entry) } as unknown as Log

const told = async (error: unknown, invalid?: 'INVALID_REQUEST' | 'VALIDATION_ERROR') => {
  const answer = await currentRequest.run({ id: 'the-request' }, () => errorAnswer(error, log, invalid))
  return [answer.status, await answer.json()]
}

describe('an error of ShareOut', () => {
  it('of ours is logged and not told', async () => {
    expect(await told(new Error('password: secret'))).toEqual([
      500,
      { success: false, error: 'Internal error', code: 'INTERNAL_ERROR', request_id: 'the-request' },
    ])
    expect(logged).toEqual([expect.objectContaining({ requestId: 'the-request', err: expect.any(Error) })])
  })

  it.each([
    [new ConflictError('taken', 'SLUG_TAKEN'), 409, 'SLUG_TAKEN'],
    [new ConflictError('newer', 'VERSION'), 409, 'VERSION_CONFLICT'],
    [new ConflictError('of an inner kind', 'SURFACE'), 409, 'CONFLICT'],
    [new NotFoundError('gone'), 404, 'NOT_FOUND'],
    [new ForbiddenError('who?', 'UNAUTHENTICATED'), 401, 'UNAUTHORIZED'],
    [new ForbiddenError('scope', 'INSUFFICIENT_SCOPE'), 403, 'INSUFFICIENT_SCOPE'],
    [new ForbiddenError('no'), 403, 'FORBIDDEN'],
    [new LimitError('much'), 413, 'STORAGE_LIMIT_EXCEEDED'],
    [ValidationError.at('accessPolicy.version', 'no'), 400, 'INVALID_ACCESS_POLICY'],
    [ValidationError.at('accessPolicyOther', 'no'), 400, 'INVALID_REQUEST'],
    [new ValidationError([{ path: 'files', message: 'many', limit: true }]), 413, 'STORAGE_LIMIT_EXCEEDED'],
    [
      new ValidationError([
        { path: 'files', message: 'many', limit: true },
        { path: 'name', message: 'none' },
      ]),
      400,
      'INVALID_REQUEST',
    ],
  ])('of the request is told with its message: %s', async (error, status, code) => {
    expect(await told(error)).toEqual([status, expect.objectContaining({ success: false, error: error.message, code })])
  })
})
