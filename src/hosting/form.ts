/** One form in which a file can be sent: as it is, or compressed. */
import type { Encoding } from './encodings.ts'
import type { BlobRef } from './storage.ts'

/** `sizeBytes`: of this form. */
export type Form = { blob: BlobRef; encoding: Encoding | null; sizeBytes: number; etag: string }

export const keyOf = ({ blob, encoding }: Form): string => `${blob.ownerId} ${blob.digest} ${encoding ?? ''}`
