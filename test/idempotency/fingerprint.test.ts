/** What two requests with the same key are compared by. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fingerprintOf } from '../../src/idempotency/fingerprint.ts'

const of = (value: unknown) => Buffer.from(fingerprintOf(value)).toString('hex')

it('is the same for the same value, and for no other', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      expect(of(structuredClone(one))).toBe(of(one))
      expect(of(one) === of(other)).toBe(canonical(one) === canonical(other))
    }),
  )
})

it.each([
  ['12', [1, 2]],
  [
    [[1], 2],
    [1, [2]],
  ],
  [
    ['a', 'b'],
    ['ab', ''],
  ],
  [{ a: { b: 1 } }, { a: {}, b: 1 }],
  [null, 'null'],
  [1, '1'],
  [{}, []],
  [new Date(0), new Date(0).toISOString()],
  [{ a: null }, {}],
])('tells %j from %j', (one, other) => {
  expect(of(one)).not.toBe(of(other))
})

it('passes over the order of fields and what is undefined, and goes as deep as the value does', () => {
  expect(of({ b: 1, a: [{ d: 2, c: 3 }] })).toBe(of({ a: [{ c: 3, d: 2 }], b: 1, e: undefined }))
  const deep = (bottom: unknown) => Array.from({ length: 100_000 }).reduce((inner) => [inner], bottom)
  expect(of(deep(1))).toBe(of(deep(1)))
  expect(of(deep(1))).not.toBe(of(deep(2)))
})

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, each) =>
    each && typeof each === 'object' && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  )
