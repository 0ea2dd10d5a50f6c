/**
 * What stands for a token in a browser's cookie: sealed, so that only we can make and read one. It names the token that it
 * was made for and never holds it; whoever opens one looks the token up again, so that revoking it ends the session too.
 */
import { z } from 'zod'
import { createSeal } from '../kernel/seal.ts'

/** Milliseconds that a session is good for. */
export const SESSION_MS = 14 * 86_400_000
/** Characters; a longer one is none of ours. */
const LENGTH_LIMIT = 1_000

const content = z.object({ tokenId: z.uuid(), expiresAt: z.number() })

export type Sessions = ReturnType<typeof createSessions>

/** `key`: 32 bytes, the same on every node. */
export function createSessions({ key, now = Date.now }: { key: Buffer; now?: () => number }) {
  const seal = createSeal(key.toString('hex'))
  return {
    issue(tokenId: string): string {
      const sealed = seal.seal(JSON.stringify({ tokenId, expiresAt: now() + SESSION_MS }))
      return Buffer.from(sealed).toString('base64url')
    },

    /** The UUID of the token that it was made for; null: it is none, or has expired. */
    open(value: string): string | null {
      if (value.length > LENGTH_LIMIT) return null
      try {
        const { tokenId, expiresAt } = content.parse(JSON.parse(seal.open(Buffer.from(value, 'base64url'))))
        return expiresAt > now() ? tokenId : null
      } catch {
        return null
      }
    },
  }
}
