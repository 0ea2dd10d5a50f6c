/** `PUT /uploads/{digest}`: the bytes of a file that is going to be published, as they are. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bearerToken } from '../identity/bearer.ts'
import type { IdentityService } from '../identity/service.ts'
import { DomainError, ForbiddenError, NotFoundError } from '../kernel/errors.ts'
import type { UploadService } from '../uploads/service.ts'
import { BodyTooLargeError, bodyOf } from './body.ts'
import { answerCors } from './cors.ts'
import { JSON_TYPE, sendWhole } from './send-whole.ts'

export const UPLOADS_PATH = '/uploads/'

type Answer = { status: number; body: object; headers?: Record<string, string> }

export type UploadHandler = ReturnType<typeof createUploadHandler>

export function createUploadHandler(deps: {
  uploads: Pick<UploadService, 'upload' | 'maxBytes'>
  identity: Pick<IdentityService, 'authenticate'>
  corsOrigins: readonly string[]
}) {
  const { uploads, identity, corsOrigins } = deps

  async function take(request: IncomingMessage, digest: string): Promise<Answer> {
    if (request.method !== 'PUT') {
      return refusal(405, 'METHOD_NOT_ALLOWED', 'Only PUT is allowed', { allow: 'PUT, OPTIONS' })
    }
    try {
      const viewer = await identity.authenticate(bearerToken(request.headers.authorization))
      const { isNew, ...uploaded } = await uploads.upload(viewer, digest, bodyOf(request, uploads.maxBytes))
      return { status: isNew ? 201 : 200, body: uploaded }
    } catch (error) {
      if (error instanceof BodyTooLargeError) {
        const message = `The content is larger than ${uploads.maxBytes} bytes (MAX_FILE_BYTES).`
        return refusal(413, 'LIMIT_EXCEEDED', message)
      }
      if (!(error instanceof DomainError)) throw error
      return refusal(statusOf(error), error.code, error.message, challengeOf(error))
    }
  }

  return async (request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> => {
    if (answerCors(request, response, corsOrigins)) return
    const { status, body, headers = {} } = await take(request, pathname.slice(UPLOADS_PATH.length))
    await sendWhole(request, response, { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) })
  }
}

const refusal = (status: number, code: string, error: string, headers: Record<string, string> = {}): Answer => ({
  status,
  body: { error, code },
  headers,
})

function statusOf(error: DomainError): number {
  if (error instanceof ForbiddenError) return error.code === 'UNAUTHENTICATED' ? 401 : 403
  return error instanceof NotFoundError ? 404 : 400
}

const challengeOf = ({ code }: DomainError): Record<string, string> =>
  code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer' } : {}
