/** Tokens are 256 random bits, so a plain SHA-256 is enough to store them by. */
import { createHash, randomBytes } from 'node:crypto'

export const newToken = (): string => `rst_${randomBytes(32).toString('base64url')}`

export const hashToken = (token: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createHash('sha256').update(token).digest())

/** What is shown of a token, to recognise it by. */
export const prefixOf = (token: string): string => token.slice(0, 8)
