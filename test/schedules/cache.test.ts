import { expect, it } from 'vitest'
import { createCache } from '../../src/schedules/cache.ts'

function counted(limit: number) {
  const made: string[] = []
  const cache = createCache<{ of: string }>(limit)
  const ask = (key: string) => cache(key, () => ({ of: made[made.push(key) - 1] ?? '' })).of
  return { made, ask }
}

it('makes a value once and gives the same one again', () => {
  const { made, ask } = counted(2)
  expect([ask('a'), ask('b'), ask('a')]).toEqual(['a', 'b', 'a'])
  expect(made).toEqual(['a', 'b'])
})

it('forgets what was asked for longest ago', () => {
  const { made, ask } = counted(2)
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) ask(key)
  expect(made).toEqual(['a', 'b', 'c', 'b'])
})

it('keeps neither null nor an error', () => {
  const cache = createCache<object>(2)
  const value = {}
  expect(cache('a', () => null)).toBeNull()
  expect(() =>
    cache('a', () => {
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(cache('a', () => value)).toBe(value)
})
