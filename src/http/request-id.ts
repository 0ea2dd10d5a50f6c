/** The id that a request is followed by: in its answer, in the log, in errors. */
import type { IncomingMessage } from 'node:http'
import { v7 } from 'uuid'
import { drawBytes } from '../kernel/random.ts'

/** The caller's own, so that a request can be followed through proxies, if it is one. */
export function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,100}$/.test(given) ? given : newRequestId()
}

/** A UUID v7; of those of one millisecond the order is not kept. */
const newRequestId = (): string => v7({ random: drawBytes(16) })
