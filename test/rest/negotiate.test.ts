/** Which format an `Accept` header asks for. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { negotiate, type Offer } from '../../src/rest/negotiate.ts'

const OFFERS: Offer<string>[] = [
  { type: 'application/json' },
  { type: 'text/xml' },
  { type: 'application/xml' },
  { type: 'text/plain', onlyNamed: true },
]

const JSON_TYPE = 'application/json'

describe('an Accept header', () => {
  it.each([
    [undefined, JSON_TYPE],
    ['', JSON_TYPE],
    [' ', JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['*', JSON_TYPE],
    ['text/html, image/gif, *; q=.2, */*; q=.2', JSON_TYPE],
    ['application/json', JSON_TYPE],
    ['Application/JSON', JSON_TYPE],
    ['application/json; charset=utf-8', JSON_TYPE],
    ['text/xml', 'text/xml'],
    ['application/xml', 'application/xml'],
    ['text/plain', 'text/plain'],
    ['text/*', 'text/xml'],
    ['application/*', JSON_TYPE],
    ['application/*, application/json;q=0', 'application/xml'],
    ['*/*, application/json;q=0', 'text/xml'],
    ['*/*, application/json;q=0, text/*;q=0', 'application/xml'],
    ['text/*, text/xml;q=0', null],
    ['*/*;q=0', null],
    ['text/html', null],
    ['nonsense', null],
    ['text/plain;q=0', null],
    ['text/plain, */*;q=0.1', 'text/plain'],
    ['text/plain, */*', JSON_TYPE],
    ['text/plain, application/json', JSON_TYPE],
    ['application/xml, text/xml', 'application/xml'],
    ['text/xml, application/xml', 'text/xml'],
    ['text/xml;q=0.5, application/xml;q=0.6', 'application/xml'],
    ['text/xml;q=0.4, application/json;q=0.5, text/*;q=0.9', JSON_TYPE],
    ['*/*;q=0.9, application/json;q=0.1, text/xml;q=0.2', 'application/xml'],
    ['text/xml , application/json ; q=0.999', 'text/xml'],
  ])('%j asks for %s', (accept, type) => {
    expect(negotiate(accept, OFFERS)).toBe(type)
  })

  const quality = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000)

  it('that names all gets the one with the highest quality, in whatever order, or the first of those', () => {
    const qualities = fc.array(quality, { minLength: OFFERS.length, maxLength: OFFERS.length })
    const shuffled = fc.tuple(qualities, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }))
    fc.assert(
      fc.property(shuffled, ([given, order]) => {
        const accept = order.map((at) => `${OFFERS[at]?.type};q=${given[at]}`).join(', ')
        const highest = Math.max(...given)
        const best = order.filter((at) => given[at] === highest)
        const expected = highest === 0 ? null : best.includes(0) ? JSON_TYPE : OFFERS[best[0] ?? -1]?.type
        expect(negotiate(accept, OFFERS)).toBe(expected)
      }),
    )
  })

  it('never gets what it names with no quality, nor plain text that it does not name', () => {
    const type = fc.constantFrom('*/*', 'text/*', 'application/*', ...OFFERS.map((offer) => offer.type), 'image/png')
    const ranges = fc.uniqueArray(fc.tuple(type, fc.oneof(quality, fc.constant(0))), { selector: ([each]) => each })
    fc.assert(
      fc.property(ranges, (given) => {
        const got = negotiate(given.map(([each, q]) => `${each};q=${q}`).join(','), OFFERS)
        const known = new Map(given)
        if (got === null || given.length === 0) return
        expect(known.get(got)).not.toBe(0)
        if (got === 'text/plain') expect(known.has('text/plain')).toBe(true)
        const family = `${got.split('/')[0]}/*`
        expect([got, family, '*/*'].some((range) => (known.get(range) ?? 0) > 0)).toBe(true)
      }),
    )
  })

  it('of any text gets one of the offers, or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'*/,;q=.01" textxmlapplicationjson') }), (accept) => {
        expect([null, ...OFFERS.map(({ type }) => type)]).toContain(negotiate(accept, OFFERS))
      }),
    )
  })
})
