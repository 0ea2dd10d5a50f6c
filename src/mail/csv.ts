/** Rows as a file that spreadsheets open: RFC 4180, in UTF-8 with a byte order mark, without which Excel guesses. */
import type { Row } from '../actions/ports.ts'

/** What a spreadsheet takes for a formula, also in the wide forms that some of them fold into these. */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/
/** A number that happens to be a text does nothing. */
const NUMBER = /^[+-]?\d+([.,]\d+)*(e[+-]?\d+)?$/i

/**
 * Columns are all keys, in the order in which they first appear. A text that a spreadsheet would compute has `'` before
 * it, and what has parts is JSON. Null if it would have more than `maxBytes`.
 */
export async function csvOf(batches: AsyncIterable<Row[]>, maxBytes: number): Promise<Buffer | null> {
  const columns = new Map<string, number>()
  const lines: string[][] = []
  let bytes = 0
  for await (const batch of batches) {
    for (const row of batch) {
      const line: string[] = []
      for (const [key, value] of Object.entries(row)) {
        const column = columns.get(key) ?? columns.size
        columns.set(key, column)
        line[column] = cellOf(value)
        bytes += Buffer.byteLength(line[column] ?? '')
      }
      lines.push(line)
    }
    // every line has a separator for each column, also for those that it has no value in
    if (bytes + lines.length * columns.size > maxBytes) return null
  }
  const text = [[...columns.keys()].map(cellOf), ...lines]
    .map((line) => `${Array.from({ length: columns.size }, (_, column) => line[column] ?? '').join(',')}\r\n`)
    .join('')
  const content = Buffer.from(`\uFEFF${text}`)
  return content.length > maxBytes ? null : content
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const harmless = typeof value === 'string' && FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
