/** What a row may be, wherever it comes from. */
import type { Row } from '../actions/ports.ts'
import { flawOfJson, flawOfText } from '../kernel/storable.ts'

/** Bytes of a row as JSON. */
export const MAX_ROW_BYTES = 256 * 1024

/** Fields of a row. */
export const MAX_COLUMNS = 1000

export const isObject = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A row as JSON, or what is wrong with it. */
export function jsonOfRow(row: unknown): { json: string } | { flaw: string } {
  if (!isObject(row)) return { flaw: 'is not an object' }
  const fields = Object.keys(row).length
  if (fields > MAX_COLUMNS) return { flaw: `has ${fields} fields; ${MAX_COLUMNS} are allowed` }
  const flaw = isPlain(row) ? null : flawOfJson(row)
  if (flaw) return { flaw }
  const json = JSON.stringify(row)
  // a character has three bytes at most
  const bytes = json.length * 3 > MAX_ROW_BYTES ? Buffer.byteLength(json) : 0
  return bytes > MAX_ROW_BYTES ? { flaw: `has ${bytes} bytes; ${MAX_ROW_BYTES} are allowed` } : { json }
}

/** Most rows are flat and sound; to look at them so is quicker by far. */
const isPlain = (row: Row): boolean =>
  Object.keys(row).every((key) => flawOfText(key) === null && isPlainValue(row[key]))

const isPlainValue = (value: unknown): boolean =>
  typeof value === 'string'
    ? flawOfText(value) === null
    : value === null || typeof value === 'boolean' || Number.isFinite(value)
