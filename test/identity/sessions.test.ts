/** What stands for a token in a cookie. */
import { describe, expect, it } from 'vitest'
import { createSessions, SESSION_MS } from '../../src/identity/sessions.ts'
import { newId } from '../../src/kernel/ids.ts'

const key = Buffer.alloc(32, 1)

describe('a session', () => {
  it('names its token until it expires, and to nobody without the key', () => {
    let now = 1_000
    const sessions = createSessions({ key, now: () => now })
    const tokenId = newId()
    const value = sessions.issue(tokenId)
    expect(value).not.toContain(tokenId)
    expect(createSessions({ key, now: () => now }).open(value)).toBe(tokenId)
    expect(createSessions({ key: Buffer.alloc(32, 2), now: () => now }).open(value)).toBeNull()
    now += SESSION_MS - 1
    expect(sessions.open(value)).toBe(tokenId)
    now += 1
    expect(sessions.open(value)).toBeNull()
  })

  it('is nothing that was changed or made by others', () => {
    const sessions = createSessions({ key })
    const value = sessions.issue(newId())
    const flipped = `${value.slice(0, 40)}${value[40] === 'A' ? 'B' : 'A'}${value.slice(41)}`
    for (const other of ['', 'x', flipped, value.slice(0, -4), `${value}${'a'.repeat(1_000)}`]) {
      expect(sessions.open(other)).toBeNull()
    }
  })
})
