import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HIDDEN, originOnly, redactHeaders, redactUrl, secretsOf, withoutEchoes } from '../../src/actions/redaction.ts'

describe('what a record shows', () => {
  test.each([
    'authorization',
    'Cookie',
    'x-api-key',
    'X-Auth-Token',
    'x-shared-secret',
    'x-hub-signature-256',
    'password',
  ])('the value of the header %s is hidden', (name) => {
    expect(redactHeaders({ [name]: 'hunter2' })).toEqual({ [name]: HIDDEN })
  })

  test('other headers are shown, and the signature by which a receiver may be helped', () => {
    const headers = {
      'content-type': 'text/plain',
      'webhook-signature': 'v1,x',
      'x-request-id': '7',
      keyboard: 'qwerty',
    }
    expect(redactHeaders(headers)).toEqual(headers)
  })

  test.each([
    ['https://a.example/p?token=abc&x=1', `https://a.example/p?token=${HIDDEN}&x=1`],
    ['https://a.example/p?x=1&API_KEY=a%20b#token=z', `https://a.example/p?x=1&API_KEY=${HIDDEN}#token=z`],
    ['https://a.example/p?%74oken=abc', `https://a.example/p?%74oken=${HIDDEN}`],
    ['https://a.example/token=abc?', 'https://a.example/token=abc?'],
    ['https://a.example/?%zz=1&sig=2', `https://a.example/?%zz=1&sig=${HIDDEN}`],
  ])('%s becomes %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown)
  })

  test('of an address that is a secret only the origin is left', () => {
    expect(originOnly('https://hooks.slack.com/services/T0/B0/XXXX?x=1')).toBe(`https://hooks.slack.com/${HIDDEN}`)
    expect(originOnly('nonsense')).toBe(HIDDEN)
  })
})

describe('an answer that says secrets back', () => {
  test('is kept without them, wherever they stand', () => {
    const secret = fc.string({ unit: fc.constantFrom(...'abcXYZ0189-_.~+/='), minLength: 6, maxLength: 40 })
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const secrets = secretsOf('https://a.example/', { authorization: `Bearer ${value}` })
        const kept = withoutEchoes(Buffer.from(`${before}${value}${after}`), secrets).toString()
        expect(kept).not.toContain(value)
      }),
    )
  })

  test('and one that does not is kept to the byte', () => {
    const body = Buffer.from([0, 255, 128, 10, 200])
    expect(withoutEchoes(body, secretsOf('https://a.example/?key=secret-value', { cookie: 'a=b; c=d' }))).toBe(body)
  })
})
