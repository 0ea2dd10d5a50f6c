import { hkdfSync } from 'node:crypto'

/** A key for one purpose, from SECRET_KEY (64 hex digits): who learns it learns no other. 32 bytes. */
export const derivedKey = (secretKey: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', Buffer.from(secretKey, 'hex'), '', purpose, 32))
