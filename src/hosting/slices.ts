/**
 * Contents that are too large to be sent at once and small enough to be kept: whole ones only, each as its slices, so that
 * a slow client holds a slice of memory and no more. One at a time is read for keeping, when it is asked for again.
 */
import { LRUCache } from 'lru-cache'
import { type Form, keyOf } from './form.ts'
import { SLICE_BYTES } from './send.ts'
import type { Storage } from './storage.ts'

/** Bytes; what is larger is read each time. */
const KEPT_BYTES = 4 * 1024 * 1024
/** One content may take up this share of the memory. */
const SHARE = 1 / 8
/** Contents of which it is remembered that somebody asked for them. */
const REMEMBERED = 1_000

/** `bytes`: of the contents that are kept; 0: none. */
export function createSlices({ storage, bytes }: { storage: Pick<Storage, 'slice'>; bytes: number }) {
  const kept = new LRUCache<string, Buffer[]>({
    maxSize: Math.max(1, bytes),
    sizeCalculation: (slices) => slices.reduce((sum, { length }) => sum + length, 0),
  })
  const asked = new LRUCache<string, true>({ max: REMEMBERED })
  /** Many who ask for the same at the same time are read for once. */
  const underWay = new Map<string, Promise<Buffer | null>>()
  let isReading = false

  function readOnce(form: Form, start: number, length: number): Promise<Buffer | null> {
    const key = `${keyOf(form)} ${start} ${length}`
    const before = underWay.get(key)
    if (before) return before
    const reading = storage.slice(form.blob, form.encoding, start, length).finally(() => underWay.delete(key))
    underWay.set(key, reading)
    return reading
  }

  async function keep(form: Form, key: string): Promise<void> {
    const slices: Buffer[] = []
    for (let start = 0; start < form.sizeBytes; start += SLICE_BYTES) {
      const length = Math.min(SLICE_BYTES, form.sizeBytes - start)
      const slice = await readOnce(form, start, length)
      if (slice?.length !== length) return
      slices.push(slice)
    }
    kept.set(key, slices)
  }

  function consider(form: Form, key: string) {
    if (form.sizeBytes > Math.min(KEPT_BYTES, bytes * SHARE)) return
    if (!asked.get(key)) return void asked.set(key, true)
    if (isReading) return
    isReading = true
    // What cannot be kept is read by whoever wants it, and they are told.
    void keep(form, key)
      .catch(() => {})
      .finally(() => {
        isReading = false
      })
  }

  return {
    /** Bytes from `start` on, fewer at the end; null: the content is gone. */
    async read(form: Form, start: number, length: number): Promise<Buffer | null> {
      const key = keyOf(form)
      const slice = start % SLICE_BYTES === 0 ? kept.get(key)?.[start / SLICE_BYTES] : undefined
      if (slice && slice.length >= length) return slice.length === length ? slice : slice.subarray(0, length)
      if (start === 0) consider(form, key)
      return readOnce(form, start, length)
    },
  }
}
