/**
 * GraphQL requests before GraphQL sees them: let in from other origins, refused unread where the caller has asked too
 * often, and bounded: a large body, such as a publish has, is read for those only who have a valid token.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import { formatted } from '../graphql/errors.ts'
import { rateLimited } from '../graphql/limits/gate.ts'
import { tooMuch } from '../graphql/limits/refusal.ts'
import type { GraphqlServer } from '../graphql/yoga.ts'
import { createTurn } from '../hosting/turn.ts'
import { bearerToken } from '../identity/bearer.ts'
import type { IdentityService } from '../identity/service.ts'
import { ForbiddenError } from '../kernel/errors.ts'
import type { Rate } from '../kernel/rate.ts'
import { BodyTooLargeError, readBody } from './body.ts'
import type { Callers } from './callers.ts'
import { answerCors } from './cors.ts'
import type { EventStreams } from './event-streams.ts'
import { plainAnswer, plainParams, plainTypeOf } from './plain-json.ts'
import { tellRate } from './rate-headers.ts'
import { sendWhole } from './send-whole.ts'

export type GraphqlHandlerOptions = {
  yoga: GraphqlServer
  identity: Pick<IdentityService, 'authenticate'>
  streams: EventStreams
  rate: Rate | null
  callerOf: Callers
  corsOrigins: readonly string[]
  /** Bytes. */
  maxBody: { signedIn: number; anonymous: number }
}

export function createGraphqlHandler(options: GraphqlHandlerOptions) {
  const { yoga, identity, streams, rate, callerOf, corsOrigins, maxBody } = options
  const turn = createTurn()

  async function isSignedIn({ headers }: IncomingMessage): Promise<boolean> {
    try {
      return (await identity.authenticate(bearerToken(headers.authorization))) !== null
    } catch (error) {
      if (error instanceof ForbiddenError) return false
      throw error
    }
  }

  /** Whose token is not looked at are those whose body is small anyway. */
  async function bytesFor(request: IncomingMessage): Promise<[most: number, setting: string]> {
    const { 'content-length': length, 'transfer-encoding': chunked } = request.headers
    const anonymous: [number, string] = [maxBody.anonymous, 'MAX_ANONYMOUS_BODY_BYTES; more with a valid token']
    const isSmall = chunked === undefined && !(Number(length) > maxBody.anonymous)
    if (isSmall || maxBody.anonymous >= maxBody.signedIn) return [maxBody.signedIn, 'MAX_BODY_BYTES']
    return (await isSignedIn(request)) ? [maxBody.signedIn, 'MAX_BODY_BYTES'] : anonymous
  }

  /** False: it is not plain, and nothing was done. */
  async function answerPlain(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<boolean> {
    const type = plainTypeOf(request)
    const params = type && plainParams(body)
    const result = params && (await yoga.lane(request, response, params))
    if (!type || !result) return false
    if (response.destroyed) return true
    const { status, headers, body: text } = plainAnswer(result, type)
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) })
    turn.end(response, text)
    return true
  }

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (answerCors(request, response, corsOrigins)) return
    const left = rate?.look(callerOf(request))
    if (left && left.remaining <= 0) {
      tellRate(response, left)
      return refuse(rateLimited(left.resetMs), request, response)
    }
    streams.watch(request, response)
    const [most, setting] = await bytesFor(request)
    try {
      const body = await readBody(request, most)
      if (body && (await answerPlain(request, response, body))) return
      await yoga(body ? Object.assign(request, { body: chunked(body) }) : request, response)
    } catch (error) {
      if (!(error instanceof BodyTooLargeError)) throw error
      await refuse(tooMuch(`The body is larger than ${most} bytes (${setting}).`, 413), request, response)
    }
  }
}

/** Yoga lists the keys of a body that was read already: those of a buffer are all of its bytes, and take seconds. */
const chunked = (bytes: Buffer) => ({
  bytes,
  async *[Symbol.asyncIterator]() {
    yield bytes
  },
})

const SPEC = 'application/graphql-response+json'
const STREAM = 'text/event-stream'

function typeFor({ headers: { accept = '' } }: IncomingMessage): string {
  if (accept.includes(STREAM)) return STREAM
  return `${accept.includes(SPEC) ? SPEC : 'application/json'}; charset=utf-8`
}

async function refuse(error: GraphQLError, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status = 400, headers = {} } = error.extensions.http as { status?: number; headers?: Record<string, string> }
  const type = typeFor(request)
  const text = JSON.stringify({ errors: [formatted(error)] })
  const body = type === STREAM ? `event: next\ndata: ${text}\n\nevent: complete\ndata:\n\n` : text
  await sendWhole(request, response, { status, headers: { ...headers, 'content-type': type }, body })
}
