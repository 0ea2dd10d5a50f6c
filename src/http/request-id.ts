/** The id that a request is followed by: in its answer, in the log, in errors. */
import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { v7 } from 'uuid'

/** Random bytes are drawn for many ids at once: drawing them for each takes longer than answering from memory. */
const ID_BYTES = 16
const pool = new Uint8Array(ID_BYTES * 512)
let used = pool.length

/** The caller's own, so that a request can be followed through proxies, if it is one. */
export function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,100}$/.test(given) ? given : newRequestId()
}

/** A UUID v7; of those of one millisecond the order is not kept. */
function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.subarray(used, used + ID_BYTES)
  used += ID_BYTES
  return v7({ random })
}
