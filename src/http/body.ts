/** Bodies are bounded before anybody parses them. */
import type { IncomingMessage } from 'node:http'

export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError'
}

/**
 * The whole body; null when there is none.
 * @throws BodyTooLargeError, early where the length is announced
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const announced = Number(request.headers['content-length'] ?? Number.NaN)
  if (announced > maxBytes) throw new BodyTooLargeError()
  if (Number.isNaN(announced) && request.headers['transfer-encoding'] === undefined) return null
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new BodyTooLargeError()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
