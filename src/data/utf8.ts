/** Bytes that come in pieces → text. A byte order mark at the start is no part of it. */
import { ParseError } from './errors.ts'

const LINE_FEED = 10
const BOM = '\ufeff'

/** @throws ParseError that names the line; what `bytes` throws */
export async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let lines = 0
  let isFirst = true
  let rest = new Uint8Array()
  const decode = (whole: Uint8Array): string => {
    const text = strictly(whole)
    if (text === null) throw new ParseError('NOT_UTF8', `line ${lines + 1 + linesBeforeFlaw(whole)} is not UTF-8`)
    return text
  }
  for await (const piece of bytes) {
    const whole = rest.length > 0 ? Buffer.concat([rest, piece]) : piece
    const end = endOfCharacters(whole)
    rest = Uint8Array.from(whole.subarray(end))
    if (end === 0) continue
    const text = decode(whole.subarray(0, end))
    yield isFirst && text.startsWith(BOM) ? text.slice(1) : text
    isFirst = false
    lines += lineFeedsIn(whole)
  }
  if (rest.length > 0) decode(rest)
}

function strictly(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** Where the bytes end but for a character that has only begun. */
function endOfCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

/** No character but the line feed itself has its byte in it, so each line can be looked at alone. */
function linesBeforeFlaw(bytes: Uint8Array): number {
  let lines = 0
  for (let start = 0; start < bytes.length; lines++) {
    const end = bytes.indexOf(LINE_FEED, start) + 1 || bytes.length
    if (strictly(bytes.subarray(start, end)) === null) break
    start = end
  }
  return lines
}

function lineFeedsIn(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) count++
  return count
}
