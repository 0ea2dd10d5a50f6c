/** The body of a request → the document that is in it, by its media type. */
import { LimitError } from '../../kernel/errors.ts'
import { HttpError } from '../http-error.ts'
import { JSON_TYPE, XML_TYPES } from './formats.ts'
import { parseJson } from './json-in.ts'
import { parseXml, XmlError } from './xml-in.ts'

const TYPES: readonly string[] = [JSON_TYPE, ...XML_TYPES]
/** No job has a description of as many bytes. */
const DOCUMENT_BYTES_LIMIT = 1024 * 1024
const CHARSETS = /^(utf-?8|us-ascii)$/

/**
 * A job as it was sent, unchecked. `known`: its fields; in XML all of them are texts.
 * @throws HttpError 415 for a media type or charset that is not read here, 400 for what is not well-formed; LimitError
 */
export async function jobDocument(request: Request, known: ReadonlySet<string>): Promise<unknown> {
  const { type, charset } = mediaTypeOf(request.headers.get('content-type') ?? '')
  if (!TYPES.includes(type)) {
    throw new HttpError(
      415,
      `The body must be ${TYPES.join(', ')}, ${type ? `not ${type.slice(0, 100)}` : 'and say so'}`,
    )
  }
  if (!CHARSETS.test(charset)) throw new HttpError(415, `The body must be in UTF-8, not ${charset.slice(0, 100)}`)
  const bytes = new Uint8Array(await request.arrayBuffer())
  if (type !== JSON_TYPE) return xml(bytes, known)
  if (bytes.length > DOCUMENT_BYTES_LIMIT) {
    throw new LimitError(`The body is larger than ${DOCUMENT_BYTES_LIMIT} bytes`)
  }
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new HttpError(400, 'The body is not JSON')
  }
}

function xml(bytes: Uint8Array, known: ReadonlySet<string>): Record<string, string> {
  try {
    return parseXml(bytes, { root: 'job', known, maxBytes: DOCUMENT_BYTES_LIMIT })
  } catch (error) {
    if (error instanceof XmlError) throw new HttpError(400, `The body is not the XML of a job: ${error.message}`)
    throw error
  }
}

function mediaTypeOf(header: string): { type: string; charset: string } {
  const [type = '', ...parameters] = header.toLowerCase().split(';')
  const charset = parameters.map((each) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(each)?.[1]).find(Boolean)
  return { type: type.trim(), charset: charset ?? 'utf-8' }
}
