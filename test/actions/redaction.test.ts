import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { echoesOf, HIDDEN, originOnly, redactHeaders, redactUrl, secretsOf } from '../../src/actions/redaction.ts'

describe('what a record shows', () => {
  test.each([
    'authorization',
    'Cookie',
    'x-api-key',
    'X-Auth-Token',
    'x-shared-secret',
    'x-hub-signature-256',
    'password',
    'proxy-authorization',
    'Ocp-Apim-Subscription-Key',
    'x-functions-key',
    'apiKey',
    'subscriptionKey',
    'X-Amz-Credential',
    'key',
    'sig',
    'PHPSESSID-session',
  ])('the value of the header %s is hidden', (name) => {
    expect(redactHeaders({ [name]: 'hunter2' })).toEqual({ [name]: HIDDEN })
  })

  test('other headers are shown, and the signature by which a receiver may be helped', () => {
    const headers = {
      'content-type': 'text/plain',
      'webhook-signature': 'v1,x',
      'x-request-id': '7',
      keyboard: 'qwerty',
      monkey: 'business',
      'idempotency-key': 'order-7',
      'x-signal': 'green',
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
  const character = fc.constantFrom(...'abcXYZ0189-_.~+/=&;"\\ äß')
  const secret = fc.string({ unit: character, minLength: 6, maxLength: 40 }).filter((text) => text.trim() === text)
  const bytesWithout = (text: string, secrets: string[], isCut = false) =>
    echoesOf(secrets).bytes(Buffer.from(text), isCut).toString()

  test('is kept without them, wherever they stand and however they are written', () => {
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const secrets = secretsOf('https://a.example/', { authorization: `Bearer ${value}` })
        const json = JSON.stringify(value).slice(1, -1)
        for (const form of [value, json, json.replaceAll('/', '\\/'), encodeURIComponent(value)]) {
          expect(bytesWithout(before + form + after, secrets)).not.toContain(form)
          expect(echoesOf(secrets).text(before + form + after)).not.toContain(form)
        }
        const latin = echoesOf(secrets).bytes(Buffer.from(value, 'latin1'), false)
        expect(latin.toString('latin1')).not.toContain(value)
      }),
    )
  })

  test.each([
    ['https://a.example/?key=hush%2Fhush', {}, 'hush/hush'],
    ['https://a.example/', { cookie: 'a=b; session=very-secret' }, 'very-secret'],
    ['https://a.example/', { 'x-api-key': 'very-secret' }, 'very-secret'],
  ])('%s with %j does not keep %s', (url, headers, echo) => {
    expect(bytesWithout(`<${echo}>`, secretsOf(url, headers as Record<string, string>))).toBe('<***>')
  })

  test('is kept without the path of a secret address, also in pieces', () => {
    const secrets = secretsOf('https://chat.example/webhooks/77/0123456789abcdef-token/slack', {}, true)
    for (const echo of ['/webhooks/77/0123456789abcdef-token/slack', '0123456789abcdef-token']) {
      expect(bytesWithout(`Cannot POST ${echo}`, secrets)).toBe('Cannot POST ***')
    }
  })

  test('is kept without the beginning of one, where it was cut in the middle', () => {
    fc.assert(
      fc.property(secret, fc.integer({ min: 6, max: 40 }), (value, count) => {
        fc.pre(count < value.length)
        const secrets = secretsOf('https://a.example/', { 'x-token': value })
        expect(bytesWithout(`say ${value.slice(0, count)}`, secrets, true)).toMatch(/^say .{0,5}\*\*\*$/s)
      }),
    )
  })

  test('of two secrets the longer goes as a whole, though it begins with the other', () => {
    const secrets = secretsOf('https://a.example/', { 'x-token': 'abcdef', 'x-key': 'abcdef-ghi' })
    expect(bytesWithout('abcdef abcdef-ghi', secrets)).toBe('*** ***')
  })

  test('and one that does not is kept to the byte', () => {
    const body = Buffer.from([0, 255, 128, 10, 200])
    const secrets = secretsOf('https://a.example/?key=secret-value', { cookie: 'a=b; c=d' })
    expect(echoesOf(secrets).bytes(body, true)).toBe(body)
    expect(bytesWithout('b and d', secrets)).toBe('b and d')
  })
})
