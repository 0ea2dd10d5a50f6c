/** The id that a request is followed by: in its answer, in the log, in errors. */
import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Random bytes are drawn for many ids at once: drawing them for each takes longer than answering from memory. */
const ID_BYTES = 10
const pool = Buffer.alloc(ID_BYTES * 512)
let used = pool.length
/** The variant of RFC 9562, and two random bits. */
const VARIANTS = '89ab'

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
  const random = pool.toString('hex', used, used + ID_BYTES)
  const variant = VARIANTS.charAt((pool[used] ?? 0) & 3)
  used += ID_BYTES
  const at = Date.now().toString(16).padStart(12, '0')
  return `${at.slice(0, 8)}-${at.slice(8)}-7${random.slice(2, 5)}-${variant}${random.slice(5, 8)}-${random.slice(8)}`
}
