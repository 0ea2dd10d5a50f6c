/** The bytes of an answer as they were before they were packed (`content-encoding`). */
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

/** What is asked for, and understood. */
export const ENCODINGS = 'gzip, deflate, br'

/** How often an answer may be packed over. */
const MAX_LAYERS = 3

const decoders: Record<string, () => NodeJS.ReadWriteStream> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** It is packed in a way that is not known here, or is not what it says. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError'
}

/**
 * Bounds nothing: whoever reads it must count.
 * @throws UnpackError; what `body` throws
 */
export function unpacked(body: AsyncIterable<Uint8Array>, encoding: string | undefined): AsyncIterable<Uint8Array> {
  const layers = (encoding ?? '')
    .toLowerCase()
    .split(',')
    .map((layer) => layer.trim())
    .filter((layer) => layer !== '' && layer !== 'identity')
  if (layers.length > MAX_LAYERS || layers.some((layer) => !Object.hasOwn(decoders, layer))) {
    throw new UnpackError(`the answer is packed as ${JSON.stringify(encoding)}; ${ENCODINGS} are understood`)
  }
  return layers.reduceRight((packed, layer) => decode(packed, layer), body)
}

async function* decode(packed: AsyncIterable<Uint8Array>, layer: string): AsyncGenerator<Uint8Array> {
  const decoder = decoders[layer]?.()
  if (!decoder) return
  let failure: unknown
  const source = async function* () {
    try {
      yield* packed
    } catch (error) {
      failure = error
      throw error
    }
  }
  try {
    // an error of either is thrown by the reading
    yield* pipeline(source(), decoder, () => {}) as unknown as Readable as AsyncIterable<Uint8Array>
  } catch (error) {
    throw error === failure ? error : new UnpackError(`the answer is not ${layer}, or ends too soon`)
  }
}
