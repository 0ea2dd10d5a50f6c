/**
 * CSV (RFC 4180) → rows. The first line names the columns; a line that has more or fewer fields than it is an error.
 * Blank lines are passed over. Any of the usual line ends will do, also several in one text.
 */
import { pipeline, type Readable } from 'node:stream'
import { CsvError, Parser } from 'csv-parse'
import type { Row } from '../actions/ports.ts'
import { ParseError } from './errors.ts'
import { MAX_COLUMNS, MAX_ROW_BYTES } from './row.ts'

export const DELIMITERS = [',', ';', '\t'] as const

export type Delimiter = (typeof DELIMITERS)[number]

export type CsvOptions = {
  /** Absent: the one that is in the first line most often. */
  delimiter?: Delimiter | null | undefined
  /**
   * CSV knows texts only, and so values are texts: `007` is a number to a program and none to the people who gave it
   * out. With true an empty field and `null` are null, `true` and `false` are booleans, and what JSON would take for a
   * number is one, but for whole numbers beyond ±2⁵³.
   */
  types?: boolean | null | undefined
}

/** Characters of a column's name. */
const MAX_NAME_CHARS = 200
const BATCH_ROWS = 1000

/** @throws ParseError; what `text` throws */
export async function* parseCsv(text: AsyncIterable<string>, options: CsvOptions): AsyncGenerator<Row[]> {
  const { header, all } = await peekHeader(text)
  const delimiter = options.delimiter ?? delimiterOf(header)
  const convert = options.types ? typed : (field: string) => field
  let columns: string[] | undefined
  let batch: Row[] = []
  for await (const fields of records(all, delimiter)) {
    if (columns) batch.push(rowOf(columns, fields, convert))
    else columns = columnsOf(fields)
    if (batch.length < BATCH_ROWS) continue
    yield batch
    batch = []
  }
  if (!columns) throw invalid('it is empty: the first line must name the columns')
  if (batch.length > 0) yield batch
}

const invalid = (message: string) => new ParseError('INVALID_CSV', message)

async function* records(text: AsyncIterable<string>, delimiter: Delimiter): AsyncGenerator<string[]> {
  const parser = new Parser({
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    max_record_size: MAX_ROW_BYTES,
  })
  try {
    // an error of either is thrown by the reading below
    yield* pipeline(watched(text, parser), parser, () => {}) as Readable as AsyncIterable<string[]>
  } catch (error) {
    throw error instanceof CsvError ? invalid(messageOf(error, parser)) : error
  }
}

/** The parser counts the characters of a record, but a record of delimiters alone has none. */
async function* watched(text: AsyncIterable<string>, { info }: Parser): AsyncGenerator<string> {
  let done = 0
  let size = 0
  for await (const piece of text) {
    if (info.records + info.empty_lines > done) size = 0
    done = info.records + info.empty_lines
    size += piece.length
    if (size > 2 * MAX_ROW_BYTES) throw invalid(tooLong(info.lines))
    yield piece
  }
}

const tooLong = (line: number) => `line ${line}: the row is longer than ${MAX_ROW_BYTES} bytes`

function messageOf({ code }: CsvError, { info: { lines } }: Parser): string {
  switch (code) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH':
      return `line ${lines}: has not as many fields as the header has columns`
    case 'CSV_MAX_RECORD_SIZE':
      return tooLong(lines)
    case 'CSV_QUOTE_NOT_CLOSED':
      return `line ${lines}: a quote is not closed`
    case 'CSV_INVALID_CLOSING_QUOTE':
      return `line ${lines}: something stands behind a closing quote; a quote inside of a field is written twice`
    case 'INVALID_OPENING_QUOTE':
      return `line ${lines}: a quote stands inside of a field that does not begin with one`
    default:
      return `line ${lines}: is not CSV`
  }
}

function columnsOf(names: string[]): string[] {
  if (names.length > MAX_COLUMNS) throw invalid(`the header has ${names.length} columns; ${MAX_COLUMNS} are allowed`)
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    const flaw = flawOfName(name, seen)
    if (flaw) throw invalid(`the header: column ${index + 1} ${flaw}`)
    seen.add(name)
  }
  return names
}

function flawOfName(name: string, seen: Set<string>): string | null {
  if (name.trim() === '') return 'has no name'
  if (name.length > MAX_NAME_CHARS) return `has a name of more than ${MAX_NAME_CHARS} characters`
  return seen.has(name) ? `has the name of an earlier one, ${JSON.stringify(name)}` : null
}

/** fromEntries, because a column may be called `__proto__`. */
const rowOf = (columns: string[], fields: string[], convert: (field: string) => unknown): Row =>
  Object.fromEntries(columns.map((column, index) => [column, convert(fields[index] ?? '')]))

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

function typed(field: string): unknown {
  if (field === '' || field === 'null') return null
  if (field === 'true' || field === 'false') return field === 'true'
  if (!NUMBER.test(field)) return field
  const number = Number(field)
  return Number.isInteger(number)
    ? Number.isSafeInteger(number)
      ? number
      : field
    : Number.isFinite(number)
      ? number
      : field
}

/** What of the first line stands outside of quotes, which may hold line ends too; and the whole text, from its start. */
async function peekHeader(text: AsyncIterable<string>): Promise<{ header: string; all: AsyncIterable<string> }> {
  const pieces = text[Symbol.asyncIterator]()
  let start = ''
  let header = ''
  for (let isWhole = false; !isWhole && start.length <= MAX_ROW_BYTES; ) {
    const { done, value } = await pieces.next()
    if (done) break
    start += value
    const bare = start
      .trimStart()
      .split('"')
      .filter((_, index) => index % 2 === 0)
      .join('')
    header = /^[^\r\n]*/.exec(bare)?.[0] ?? ''
    isWhole = header.length < bare.length
  }
  async function* all() {
    try {
      if (start !== '') yield start
      yield* { [Symbol.asyncIterator]: () => pieces }
    } finally {
      await pieces.return?.()
    }
  }
  return { header, all: all() }
}

/** The first of those that are there equally often. */
function delimiterOf(header: string): Delimiter {
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ','
}
