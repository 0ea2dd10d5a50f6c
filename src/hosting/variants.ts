/** Compressed variants of files: made once, when they are first asked for, beside the event loop, and stored. */
import { promisify } from 'node:util'
import { brotliCompress, gzip, constants as zlib } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { growingTo } from '../kernel/growing.ts'
import type { Log } from '../kernel/log.ts'
import type { Encoding } from './encodings.ts'
import type { BlobRef, Storage } from './storage.ts'

export type Variants = ReturnType<typeof createVariants>

/** Bytes; a variant of a larger file is not waited for: until it is there, the file is sent as it is. */
const WAIT_BYTES = 64 * 1024
/** Bytes; beyond, the best compression takes more time than it is worth. */
const BEST_BYTES = 1024 * 1024
/** A variant is kept if it is smaller than this share of the file. */
const WORTH = 0.95
/** Variants whose sizes are remembered. */
const REMEMBERED = 20_000

const brotli = promisify(brotliCompress)
const deflate = promisify(gzip)

const compress: Record<Encoding, (content: Buffer) => Promise<Buffer>> = {
  br: (content) =>
    brotli(content, {
      params: {
        [zlib.BROTLI_PARAM_QUALITY]: content.length <= BEST_BYTES ? zlib.BROTLI_MAX_QUALITY : 5,
        [zlib.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    }),
  gzip: (content) => deflate(content, { level: content.length <= BEST_BYTES ? 9 : 6 }),
}

const keyOf = ({ ownerId, digest }: BlobRef, encoding: Encoding) => `${ownerId} ${digest} ${encoding}`

export function createVariants({ storage, log }: { storage: Storage; log: Pick<Log, 'warn'> }) {
  /** 0: it is not worth having. */
  const sizes = new LRUCache<string, number>(growingTo(REMEMBERED))
  const underWay = new Map<string, Promise<number | null>>()
  /** Large ones are made one after the other: each takes a thread and its memory. */
  let large: Promise<unknown> = Promise.resolve()

  async function make(blob: BlobRef, encoding: Encoding): Promise<number | null> {
    const content = await storage.read(blob.ownerId, blob.digest)
    if (!content) return null
    const packed = await compress[encoding](content)
    const variant = packed.length < content.length * WORTH ? packed : null
    await storage.keepVariant(blob, encoding, variant)
    sizes.set(keyOf(blob, encoding), variant?.length ?? 0)
    return variant?.length ?? null
  }

  function makeOnce(blob: BlobRef & { sizeBytes: number }, encoding: Encoding): Promise<number | null> {
    const key = keyOf(blob, encoding)
    const before = underWay.get(key)
    if (before) return before
    const work = () => make(blob, encoding)
    const isLarge = blob.sizeBytes > WAIT_BYTES
    // What cannot be made is sent as it is.
    const making = (isLarge ? large.then(work) : work())
      .catch((error) => {
        log.warn({ err: error, digest: blob.digest, encoding }, 'a compressed variant could not be made')
        return null
      })
      .finally(() => underWay.delete(key))
    if (isLarge) large = making
    underWay.set(key, making)
    return making
  }

  return {
    /** Bytes of the variant; null: there is none, or not yet. */
    async sizeOf(blob: BlobRef & { sizeBytes: number }, encoding: Encoding): Promise<number | null> {
      const key = keyOf(blob, encoding)
      const remembered = sizes.get(key)
      if (remembered !== undefined) return remembered || null
      const stored = await storage.variantSize(blob, encoding)
      if (stored !== undefined) {
        sizes.set(key, stored ?? 0)
        return stored
      }
      const made = sizes.get(key)
      if (made !== undefined) return made || null
      const making = makeOnce(blob, encoding)
      return blob.sizeBytes > WAIT_BYTES ? null : making
    },

    forget: (blob: BlobRef, encoding: Encoding): void => void sizes.delete(keyOf(blob, encoding)),

    /** When nothing is being made any more. */
    async settled(): Promise<void> {
      while (underWay.size > 0) await Promise.all(underWay.values())
    },
  }
}
