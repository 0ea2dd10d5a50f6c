/** Texts as bytes in pieces, and the rows that come of them. */
import fc from 'fast-check'
import type { Row } from '../../src/actions/ports.ts'
import { type ParseOptions, parseRows } from '../../src/data/parse.ts'

const MiB = 1024 * 1024

export async function* pieces(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part
}

/** The bytes cut at these places. */
export async function* cut(bytes: Uint8Array, sizes: number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (let index = 0; start < bytes.length; index++) {
    const end = start + (sizes[index % sizes.length] ?? 1)
    yield bytes.subarray(start, end)
    start = end
  }
}

/** Sizes of pieces, over and over: the small ones cut characters and line ends in two. */
export const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 200 })), {
  minLength: 1,
  maxLength: 8,
})

export async function rowsOf(
  bytes: AsyncIterable<Uint8Array> | string,
  options: Omit<ParseOptions, 'maxBytes'> & { maxBytes?: number },
): Promise<Row[]> {
  const rows: Row[] = []
  const source = typeof bytes === 'string' ? pieces(bytes) : bytes
  for await (const batch of parseRows(source, { maxBytes: 100 * MiB, ...options })) rows.push(...batch)
  return rows
}
