/**
 * The forms that a file can be sent in: as it is, or compressed. Each has a strong tag of its own, as its bytes differ.
 * Small ones are read as a whole and kept in memory, larger ones slice by slice, when they are asked for again; their
 * bytes never change, so nothing is ever dropped but for space.
 */
import { LRUCache } from 'lru-cache'
import { ENCODINGS, encodingOf, isCompressible } from './encodings.ts'
import { type Form, keyOf } from './form.ts'
import { createSlices } from './slices.ts'
import type { BlobRef, Storage } from './storage.ts'
import type { Variants } from './variants.ts'

export type Forms = ReturnType<typeof createForms>

/** Bytes; what is larger is streamed, so that many requests for large files stay within memory. */
const SMALL_BYTES = 256 * 1024

export const isSmall = ({ sizeBytes }: { sizeBytes: number }): boolean => sizeBytes <= SMALL_BYTES

/** `bytes`: of the contents that are kept; 0: none. */
export function createForms({ storage, variants, bytes }: { storage: Storage; variants: Variants; bytes: number }) {
  const contents = new LRUCache<string, Buffer>({
    maxSize: Math.max(1, bytes / 2),
    sizeCalculation: (content) => Math.max(1, content.length),
  })

  const slices = createSlices({ storage, bytes: bytes / 2 })

  const plainForm = ({ ownerId, digest }: BlobRef, sizeBytes: number): Form => ({
    blob: { ownerId, digest },
    encoding: null,
    sizeBytes,
    etag: `"${digest}"`,
  })

  return {
    plainForm,

    /** The best form that is there for an `Accept-Encoding`. */
    async best(
      blob: BlobRef,
      file: { mime: string; sizeBytes: number },
      acceptEncoding: string | undefined,
    ): Promise<Form> {
      const form = plainForm(blob, file.sizeBytes)
      const encoding = isCompressible(file) ? encodingOf(acceptEncoding) : null
      const size = encoding && (await variants.sizeOf({ ...form.blob, sizeBytes: file.sizeBytes }, encoding))
      if (encoding === null || size === null) return form
      return { ...form, encoding, sizeBytes: size, etag: `"${blob.digest}-${encoding}"` }
    },

    /** The bytes of a small form if they are in memory. */
    atHand: (form: Form): Buffer | undefined => contents.get(keyOf(form)),

    /** The bytes of a small form; null: it is gone. */
    async read(form: Form): Promise<Buffer | null> {
      const key = keyOf(form)
      const kept = contents.get(key)
      if (kept) return kept
      const content = await storage.slice(form.blob, form.encoding, 0, form.sizeBytes)
      if (content?.length !== form.sizeBytes) return null
      contents.set(key, content)
      return content
    },

    /** A part of a form; fewer bytes: it is gone. */
    slice: slices.read,

    /** Forgets what is known of the compressed forms: they went with the content, which may be there again. */
    forgetVariants(blob: BlobRef): void {
      for (const encoding of ENCODINGS) variants.forget(blob, encoding)
    },
  }
}
