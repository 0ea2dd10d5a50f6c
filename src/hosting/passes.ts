/**
 * Passes to one artifact each, for browsers: sealed, so that only we can make and read one. A pass names the token that
 * it was made for and never holds it; whoever opens one looks the token up again, so that revoking it ends the pass too.
 */
import { z } from 'zod'
import { createSeal } from '../kernel/seal.ts'

/** `site`: in the cookie of a site. `frame`: in the addresses of a sandboxed page. `data`: what its script may call with. */
export type PassKind = 'site' | 'frame' | 'data'

/** UUIDs. */
export type Holder = { tokenId: string; artifactId: string }

export type Passes = ReturnType<typeof createPasses>

/** Milliseconds that a pass is good for. */
export const PASS_MS: Record<PassKind, number> = { site: 12 * 3_600_000, frame: 3_600_000, data: 600_000 }
/** Characters; a longer one is none of ours. */
const LENGTH_LIMIT = 1_000
const PREFIX = 'rsd_'

const content = z.object({ kind: z.string(), tokenId: z.uuid(), artifactId: z.uuid(), expiresAt: z.number() })

export const isDataToken = (token: string): boolean => token.startsWith(PREFIX)

/** `key`: 32 bytes, the same on every node. */
export function createPasses({ key, now = Date.now }: { key: Buffer; now?: () => number }) {
  const seal = createSeal(key.toString('hex'))

  function read(value: string): z.output<typeof content> | null {
    try {
      return content.parse(JSON.parse(seal.open(Buffer.from(value, 'base64url'))))
    } catch {
      return null
    }
  }

  return {
    issue(kind: PassKind, { tokenId, artifactId }: Holder): { value: string; expiresAt: Date } {
      const expiresAt = now() + PASS_MS[kind]
      const sealed = seal.seal(JSON.stringify({ kind, tokenId, artifactId, expiresAt }))
      const value = Buffer.from(sealed).toString('base64url')
      return { value: kind === 'data' ? PREFIX + value : value, expiresAt: new Date(expiresAt) }
    },

    /** The UUID of the token that a pass was made for; null: it is none of this kind and artifact, or has expired. */
    open(kind: PassKind, value: string, artifactId: string): string | null {
      if (value.length > LENGTH_LIMIT || (kind === 'data') !== isDataToken(value)) return null
      const pass = read(kind === 'data' ? value.slice(PREFIX.length) : value)
      const isGood = pass?.kind === kind && pass.artifactId === artifactId && pass.expiresAt > now()
      return isGood ? pass.tokenId : null
    },
  }
}
