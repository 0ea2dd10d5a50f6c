/**
 * Sends large contents slice by slice: each is read by a statement of its own when the one before is on its way, so that
 * a slow client holds a slice of memory and no connection to the database, and one that goes away costs nothing more.
 */
import type { ServerResponse } from 'node:http'

/** Bytes that are read at a time. */
export const SLICE_BYTES = 256 * 1024
/** Milliseconds; a client that takes nothing for so long is cut off. */
const PATIENCE_MS = 60_000

/** Bytes from `start` on, at most `length` of them; null: the content is gone. */
export type ReadSlice = (start: number, length: number) => Promise<Buffer | null>

export class ContentGoneError extends Error {
  override readonly name = 'ContentGoneError'
}

/**
 * Sends the bytes from `start` to before `end`. `begin` writes the head, when the first slice is there.
 * @throws ContentGoneError before the head is written, where that can be told then; later the connection is cut
 */
export async function sendSlices(
  response: ServerResponse,
  { start, end, read, begin }: { start: number; end: number; read: ReadSlice; begin: () => void },
  patienceMs = PATIENCE_MS,
): Promise<void> {
  for (let at = start; at < end; ) {
    const length = Math.min(SLICE_BYTES, end - at)
    const slice = await read(at, length)
    if (response.destroyed) return
    if (slice?.length !== length) throw new ContentGoneError('content that is being sent is gone')
    if (at === start) begin()
    at += length
    if (!response.write(slice) && !(await drained(response, patienceMs))) return
  }
  response.end()
}

/** False: the client is gone, or as good as gone. */
function drained(response: ServerResponse, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (goesOn: boolean) => {
      clearTimeout(timer)
      response.off('drain', onDrain).off('close', onClose)
      resolve(goesOn)
    }
    const onDrain = () => end(true)
    const onClose = () => end(false)
    const timer = setTimeout(() => response.destroy(), patienceMs)
    response.on('drain', onDrain).on('close', onClose)
  })
}
