/** The watch over tokens that streams live on, with time in the test's hand. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTokenWatch } from '../../src/graphql/token-watch.ts'
import type { SignedIn, Viewer } from '../../src/identity/viewer.ts'
import { ForbiddenError } from '../../src/kernel/errors.ts'

const EVERY_MS = 1_000

/** `outcome` is what asking about each token comes to. */
function world() {
  const asked: string[] = []
  const outcome = new Map<string, Error | Viewer>()
  const authenticate = async (token: string | undefined) => {
    asked.push(String(token))
    const come = outcome.get(String(token)) ?? null
    if (come instanceof Error) throw come
    return come
  }
  return { asked, outcome, tokens: createTokenWatch({ authenticate }, EVERY_MS) }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
  vi.useRealTimers()
})

describe('the watch over tokens', () => {
  it('asks once per token and turn, however many streams live on it', async () => {
    const { asked, tokens } = world()
    const ends = ['a', 'a', 'a', 'b'].map((token) => tokens.watch(token, null, () => {}))
    await vi.advanceTimersByTimeAsync(EVERY_MS * 2)
    expect(asked).toEqual(['a', 'b', 'a', 'b'])
    for (const end of ends) end()
  })

  it('ends all streams of a token that has ended, and no others', async () => {
    const { outcome, tokens } = world()
    const ended: string[] = []
    for (const name of ['a1', 'a2', 'b1']) {
      const unwatch = tokens.watch(name.charAt(0), null, (reason) => {
        ended.push(`${name} ${reason.code}`)
        unwatch()
      })
    }
    outcome.set('a', new ForbiddenError('the token is not valid', 'UNAUTHENTICATED'))
    await vi.advanceTimersByTimeAsync(EVERY_MS)
    expect(ended).toEqual(['a1 UNAUTHENTICATED', 'a2 UNAUTHENTICATED'])
    await vi.advanceTimersByTimeAsync(EVERY_MS)
    expect(ended).toHaveLength(2)
  })

  it('ends none because the database is away', async () => {
    const { outcome, asked, tokens } = world()
    const end = vi.fn()
    const unwatch = tokens.watch('a', null, end)
    outcome.set('a', new Error('connect ECONNREFUSED'))
    await vi.advanceTimersByTimeAsync(EVERY_MS * 3)
    expect(asked).toHaveLength(3)
    expect(end).not.toHaveBeenCalled()
    unwatch()
  })

  it('asks no more when nobody is left, and again when somebody comes', async () => {
    const { asked, tokens } = world()
    tokens.watch('a', null, () => {})()
    await vi.advanceTimersByTimeAsync(EVERY_MS * 3)
    expect(asked).toEqual([])
    const unwatch = tokens.watch('a', null, () => {})
    await vi.advanceTimersByTimeAsync(EVERY_MS)
    expect(asked).toEqual(['a'])
    unwatch()
  })

  it.each<[string, Partial<SignedIn>, boolean]>([
    ['a team', { teams: new Map() }, true],
    [
      'the role of an editor',
      {
        roles: new Map([
          ['art', 'VIEWER'],
          ['other', 'VIEWER'],
        ]),
      },
      true,
    ],
    ['an artifact', { roles: new Map([['art', 'EDITOR']]) }, true],
    ['being an administrator', { isAdmin: false }, true],
    ['nothing', {}, false],
    [
      'nothing, and got more',
      {
        teams: new Map([
          ['team', 'ADMIN'],
          ['next', 'MEMBER'],
        ]),
      },
      false,
    ],
  ])('ends the streams of somebody who has lost %s', async (_what, change, ends) => {
    const { outcome, tokens } = world()
    const before: SignedIn = {
      ...{ principalId: 'p', handle: 'ann', isAdmin: true, scopes: new Set(), tokenId: 't', email: null },
      roles: new Map([
        ['art', 'EDITOR'],
        ['other', 'VIEWER'],
      ]),
      teams: new Map([['team', 'MEMBER']]),
    }
    const reasons: string[] = []
    const unwatch = tokens.watch('a', before, ({ code }) => reasons.push(code))
    outcome.set('a', { ...before, ...change })
    await vi.advanceTimersByTimeAsync(EVERY_MS)
    unwatch()
    expect(reasons).toEqual(ends ? ['FORBIDDEN'] : [])
  })
})
