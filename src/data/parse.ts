/**
 * A stream of bytes → rows, in batches, with never more than a few of them in memory. The bytes are UTF-8, in pieces
 * that may end anywhere.
 */
import type { Row } from '../actions/ports.ts'
import { type CsvOptions, parseCsv } from './csv.ts'
import { ParseError } from './errors.ts'
import { parseJson, parseNdjson } from './json.ts'
import { decoded } from './utf8.ts'

/** CSV: RFC 4180, with a header. JSON: one array of objects, at the root or at a path. NDJSON: an object a line. */
export const FORMATS = ['CSV', 'JSON', 'NDJSON'] as const

export type Format = (typeof FORMATS)[number]

export type ParseOptions = CsvOptions & {
  format: Format
  /** Bytes in all; of what came packed, of the unpacked. */
  maxBytes: number
  /** Of JSON: the keys that lead to the array, `data.items`. */
  path?: string | null | undefined
}

/** What a parser works on at a time: until it is through, nothing says that a row is too long. */
const PIECE_BYTES = 64 * 1024

/** @throws ParseError that names the line or the row; what `bytes` throws */
export function parseRows(bytes: AsyncIterable<Uint8Array>, options: ParseOptions): AsyncIterable<Row[]> {
  const text = decoded(bounded(bytes, options.maxBytes))
  if (options.format === 'CSV') return parseCsv(text, options)
  return options.format === 'JSON' ? parseJson(text, options.path ?? null) : parseNdjson(text)
}

async function* bounded(bytes: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > maxBytes) throw new ParseError('TOO_LARGE', `there are more than ${maxBytes} bytes`)
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) yield chunk.subarray(start, start + PIECE_BYTES)
  }
}
