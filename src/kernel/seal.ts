/** Secrets at rest: AES-256-GCM under SECRET_KEY. Laid out as nonce (12 bytes), tag (16), ciphertext. */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import { drawBytes } from './random.ts'

export type Seal = {
  seal(secret: string): Uint8Array<ArrayBuffer>
  /** @throws when the key is another one, or the bytes were changed. */
  open(sealed: Uint8Array): string
}

/** `key`: 64 hex digits. */
export function createSeal(key: string): Seal {
  const secretKey = createSecretKey(key, 'hex')
  return {
    seal(secret) {
      const nonce = drawBytes(12)
      const cipher = createCipheriv('aes-256-gcm', secretKey, nonce)
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), text]))
    },
    open(sealed) {
      const decipher = createDecipheriv('aes-256-gcm', secretKey, sealed.subarray(0, 12), { authTagLength: 16 })
      decipher.setAuthTag(sealed.subarray(12, 28))
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8')
    },
  }
}
