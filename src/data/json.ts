/** JSON → rows: of one array somewhere in a document, or of lines that each are an object. */
import { JSONParser } from '@streamparser/json'
import type { Row } from '../actions/ports.ts'
import { ParseError } from './errors.ts'
import { createPlace } from './json-place.ts'
import { isObject, MAX_ROW_BYTES } from './row.ts'

/** Keys, the outermost first, separated by dots. */
export const PATH = /^[^.*]+(\.[^.*]+)*$/

const invalid = (message: string) => new ParseError('INVALID_JSON', message)

/**
 * `path` leads to the array; null: it is the document. What else is in the document is passed over.
 * @throws ParseError; what `text` throws
 */
export async function* parseJson(text: AsyncIterable<string>, path: string | null): AsyncGenerator<Row[]> {
  const keys = path?.split('.') ?? []
  const place = createPlace(keys)
  const parser = new JSONParser({ paths: [['$', ...keys, '*'].join('.')], keepStack: false })
  let batch: Row[] = []
  let rows = 0
  /** Rows, and what is beside them. */
  let parts = 0
  parser.onToken = (token) => {
    place.pass(token)
    if (!place.isInside()) parts++
  }
  parser.onValue = ({ value, key }) => {
    if (typeof key !== 'number') return
    rows++
    parts++
    if (!isObject(value)) throw invalid(`row ${rows} is not an object`)
    batch.push(value)
  }
  const parse = (work: () => void) => {
    try {
      work()
    } catch (error) {
      if (error instanceof ParseError) throw error
      throw invalid(rows === 0 ? 'it is not JSON' : `behind row ${rows} it is not JSON`)
    }
  }
  let size = 0
  for await (const piece of text) {
    const before = parts
    parse(() => parser.write(piece))
    size = parts > before ? 0 : size + piece.length
    if (size > MAX_ROW_BYTES) {
      const what = place.isInside() ? `row ${rows + 1}` : 'a text beside the rows'
      throw invalid(`${what} is longer than ${MAX_ROW_BYTES} bytes`)
    }
    if (batch.length === 0) continue
    yield batch
    batch = []
  }
  if (!parser.isEnded) parse(() => parser.end())
  if (parts === 0) throw invalid('it is empty')
  if (!place.wasFound()) {
    throw invalid(path ? `there is no array at ${path}` : 'it is not an array; `path` leads to one inside of it')
  }
}

/** @throws ParseError; what `text` throws */
export async function* parseNdjson(text: AsyncIterable<string>): AsyncGenerator<Row[]> {
  let line = 0
  let rest = ''
  const rowsIn = (lines: string[]) =>
    lines.flatMap((each) => {
      line++
      return each.trim() === '' ? [] : [rowOf(each, line)]
    })
  for await (const piece of text) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    const rows = rowsIn(lines)
    if (rows.length > 0) yield rows
    if (rest.length > MAX_ROW_BYTES) throw invalid(`line ${line + 1} is longer than ${MAX_ROW_BYTES} bytes`)
  }
  const rows = rowsIn([rest])
  if (rows.length > 0) yield rows
}

function rowOf(text: string, line: number): Row {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid(`line ${line} is not JSON`)
  }
  if (isObject(value)) return value
  throw invalid(`line ${line} is not an object`)
}
