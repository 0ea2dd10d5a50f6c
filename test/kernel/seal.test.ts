import { describe, expect, it } from 'vitest'
import { createSeal } from '../../src/kernel/seal.ts'

const { seal, open } = createSeal('0'.repeat(64))

describe('seal', () => {
  it.each(['', 'whsec_abc', 'a – ☃ – 𝄞', 'x'.repeat(10_000)])('opens what it sealed: %#', (secret) => {
    expect(open(seal(secret))).toBe(secret)
  })

  it('shows nothing of the secret, and is another each time', () => {
    const sealed = seal('a secret that repeats')
    expect(Buffer.from(sealed).includes('secret')).toBe(false)
    expect(sealed).not.toEqual(seal('a secret that repeats'))
    expect(sealed).toHaveLength(12 + 16 + 21)
  })

  it('does not open under another key', () => {
    expect(() => createSeal('1'.repeat(64)).open(seal('secret'))).toThrow()
  })

  it('does not open when a byte was changed, wherever it stands', () => {
    const sealed = seal('secret')
    for (let index = 0; index < sealed.length; index++) {
      const changed = Uint8Array.from(sealed, (byte, at) => (at === index ? byte ^ 1 : byte))
      expect(() => open(changed)).toThrow()
    }
  })

  it('does not open what was cut short, not even where the tag is cut to a length that GCM knows', () => {
    const sealed = seal('')
    for (const length of [0, 11, 12, 16, 20, 24, 27]) expect(() => open(sealed.subarray(0, length))).toThrow()
  })
})
