/** Which compressed form of a file is sent (RFC 9110 §12.5.3). Pure. */

export type Encoding = 'br' | 'gzip'

/** The best first: what a client likes equally well is sent in the first of these. */
export const ENCODINGS: readonly Encoding[] = ['br', 'gzip']

/** What is not compressed already. */
const COMPRESSIBLE =
  /^(text\/|application\/(javascript|x-javascript|json|xml|wasm|rtf|vnd\.ms-fontobject|[^;]*\+(json|xml))\b|image\/(svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)\b|font\/(ttf|otf|collection)\b)/i
/** Bytes; smaller files fit into a packet as they are. */
const LEAST_BYTES = 1024
/** Bytes; a larger file is sent as it is, as compressing takes it as a whole. */
const MOST_BYTES = 16 * 1024 * 1024

export const isCompressible = ({ mime, sizeBytes }: { mime: string; sizeBytes: number }): boolean =>
  sizeBytes >= LEAST_BYTES && sizeBytes <= MOST_BYTES && COMPRESSIBLE.test(mime)

/** The form that an `Accept-Encoding` asks for; null: as it is, also where the client takes nothing that we have. */
export function encodingOf(header: string | undefined): Encoding | null {
  if (!header) return null
  const weights = new Map(header.toLowerCase().split(',').map(weightOf))
  const weight = (name: string, otherwise: number) => weights.get(name) ?? weights.get('*') ?? otherwise
  let best: Encoding | null = null
  for (const encoding of ENCODINGS) {
    const liked = weight(encoding, 0)
    if (liked > 0 && liked > (best ? weight(best, 0) : 0)) best = encoding
  }
  // What is not mentioned is acceptable, and liked least.
  return best && (weights.get('identity') ?? 0) > weight(best, 0) ? null : best
}

function weightOf(item: string): [string, number] {
  const [name = '', ...parameters] = item.split(';').map((part) => part.trim())
  const given = parameters.find((parameter) => parameter.startsWith('q='))
  const weight = given === undefined ? 1 : Number(given.slice(2))
  return [name === 'x-gzip' ? 'gzip' : name, weight >= 0 && weight <= 1 ? weight : 0]
}
