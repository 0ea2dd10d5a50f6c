import { describe, expect, it } from 'vitest'
import { flawOfJson, flawOfText, JSON_DEPTH_LIMIT, text } from '../../src/kernel/storable.ts'

const nested = (depth: number) => {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value }
  return value
}

describe('text that can be kept', () => {
  it.each(['', 'plain', 'line\nbreak\ttab', '☃ 𝄞', '\\u0000', '\u0001'])('is %j', (value) => {
    expect(flawOfText(value)).toBeNull()
  })

  it.each(['\0', 'a\0b', '\ud800', 'a\udc00b', '\udc00\ud800'])('is not %j', (value) => {
    expect(flawOfText(value)).toMatch(/^must not hold/)
  })

  it('has at most so many characters', () => {
    expect(text(3).safeParse('abc').success).toBe(true)
    expect(text(3).safeParse('abcd').error?.issues).toMatchObject([{ message: 'must have at most 3 characters' }])
    expect(text(3).safeParse('a\0').error?.issues).toMatchObject([{ message: 'must not hold a NUL character' }])
  })
})

describe('JSON that can be kept', () => {
  it.each([
    null,
    undefined,
    true,
    0,
    -1.5e300,
    'x',
    [],
    {},
    { a: [1, { b: null }] },
    '\\u0000',
    { '\\u0000': 'C:\\u0000' },
  ])('is %j', (value) => {
    expect(flawOfJson(value)).toBeNull()
  })

  it('may be as deep as the limit, and no deeper, however deep that is', () => {
    expect(flawOfJson(nested(JSON_DEPTH_LIMIT))).toBeNull()
    expect(flawOfJson(nested(JSON_DEPTH_LIMIT + 1))).toMatch(/nested/)
    expect(flawOfJson(nested(1_000_000))).toMatch(/nested/)
  })

  it('holds no NUL, no half surrogate pair and no infinite number, in values and in names', () => {
    for (const bad of ['\0', '\ud800', Number.POSITIVE_INFINITY]) {
      expect(flawOfJson(bad)).toMatch(/^must not hold/)
      expect(flawOfJson([1, { deep: [bad] }])).toMatch(/^must not hold/)
    }
    expect(flawOfJson({ 'a\0': 1 })).toMatch(/NUL/)
    expect(flawOfJson([{ '\udc00': 1 }])).toMatch(/surrogate/)
  })
})
