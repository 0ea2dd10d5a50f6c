/**
 * The XML of a job as clients send it → its fields as texts. It is read piece by piece and given up at the first thing that
 * is wrong or that a job has no use for: a DTD, entities but the five of XML, processing instructions, nesting without end.
 * Attributes and comments are passed over, and so is what is in elements that a job does not have.
 */
import { SaxesParser } from 'saxes'
import { LimitError } from '../../kernel/errors.ts'

/** Bytes that are read at once. */
const PIECE = 4096
/** Bytes within which the root begins: what comes before it may be a DTD without end. */
const MAX_PROLOG = 4 * PIECE
/** The root, a field, and what there may be in one that is passed over. */
const MAX_DEPTH = 8
/** Its text is taken to the letter; that of others without the blanks around it. */
const VERBATIM = 'data'

/** What is wrong with a document. */
export class XmlError extends Error {
  override readonly name = 'XmlError'
}

/** `known`: the fields that are read. */
export type XmlForm = { root: string; known: ReadonlySet<string>; maxBytes: number }

/** @throws XmlError, and LimitError for a document that is too long and has nothing wrong up to there */
export function parseXml(bytes: Uint8Array, { root, known, maxBytes }: XmlForm): Record<string, string> {
  const fields: Record<string, string> = {}
  let depth = 0
  let hasRoot = false
  let field: string | null = null
  const parser = new SaxesParser({ position: false })
  const fail = (message: string): never => {
    throw new XmlError(message)
  }
  const addText = (text: string) => {
    if (field !== null) fields[field] += text
  }
  parser.on('error', ({ message }) => fail(message))
  parser.on('doctype', () => fail('a DOCTYPE is not taken'))
  parser.on('processinginstruction', () => fail('processing instructions are not taken'))
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') fail('it is not XML 1.0')
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding)) fail('its encoding is not UTF-8')
  })
  parser.on('opentagstart', ({ name }) => {
    depth += 1
    hasRoot = true
    if (depth > MAX_DEPTH) fail(`elements are more than ${MAX_DEPTH} deep`)
    if (depth === 1 && name !== root) fail(`its root is not <${root}>`)
    if (field !== null) fail(`<${field}> has elements`)
    if (depth !== 2 || !known.has(name)) return
    if (Object.hasOwn(fields, name)) fail(`there is more than one <${name}>`)
    field = name
    fields[name] = ''
  })
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => {
    depth -= 1
    if (depth === 1) field = null
  })
  let read = 0
  for (const piece of pieces(bytes, fail)) {
    if (bytes.length > maxBytes && read >= maxBytes) throw new LimitError(`The body is larger than ${maxBytes} bytes`)
    parser.write(piece)
    read += PIECE
    if (!hasRoot && read >= MAX_PROLOG) fail(`its root does not begin within ${MAX_PROLOG} bytes`)
  }
  parser.close()
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [name, name === VERBATIM ? text : text.trim()]),
  )
}

function* pieces(bytes: Uint8Array, fail: (message: string) => never): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (piece?: Uint8Array) => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined })
    } catch {
      return fail('it is not UTF-8')
    }
  }
  for (let at = 0; at < bytes.length; at += PIECE) yield decode(bytes.subarray(at, at + PIECE))
  yield decode()
}
