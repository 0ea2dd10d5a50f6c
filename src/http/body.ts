/** Bodies are bounded before anybody parses them. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'

export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError'
}

/** How long a client may go on sending what nobody will read. */
const PATIENCE_MS = 1_000

/**
 * The whole body; null when there is none.
 * @throws BodyTooLargeError, early where the length is announced; the rest of the body is unread
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const announced = Number(request.headers['content-length'] ?? Number.NaN)
  if (Number.isNaN(announced) && request.headers['transfer-encoding'] === undefined) return null
  if (announced > maxBytes) throw new BodyTooLargeError()
  // Most are one packet, and an iterator costs more than they do.
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let size = 0
    let isRead = false
    function onData(chunk: Buffer) {
      size += chunk.length
      chunks.push(chunk)
      if (size <= maxBytes) return
      request.off('data', onData).pause()
      reject(new BodyTooLargeError())
    }
    function onEnd() {
      isRead = true
      const [first] = chunks
      resolve(first && chunks.length === 1 ? first : Buffer.concat(chunks))
      // A stream of events keeps its request, and need not keep this.
      chunks = []
    }
    request.on('data', onData).once('end', onEnd).once('error', reject)
    // Every request is closed in the end, and to make an error takes longer than to read most bodies.
    request.once('close', () => isRead || reject(new Error('the client went away')))
  })
}

/** The body as it comes, with the same errors. */
export async function* bodyOf(request: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  if (Number(request.headers['content-length']) > maxBytes) throw new BodyTooLargeError()
  let size = 0
  // Leaving a plain loop over the request would close its socket, and no answer could be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new BodyTooLargeError()
    yield chunk
  }
}

/**
 * Throws the rest of a body away, for a moment: a socket that is closed with unread data on it is reset, and clients
 * that are still sending then never see the answer.
 */
export async function discardBody(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return
  request.resume()
  await once(request, 'end', { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => {})
}
