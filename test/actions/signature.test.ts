import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { messageId, newSigningSecret, sign, signedHeaders } from '../../src/actions/signature.ts'

const verify = (secret: string, body: string | Buffer, headers: Record<string, string>) =>
  new Webhook(secret).verify(body, headers, { jsonParse: false })

describe('signing', () => {
  test('a secret is 24 random bytes behind whsec_', () => {
    const secret = newSigningSecret()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/)
    expect(newSigningSecret()).not.toBe(secret)
  })

  test('the specification’s own example gives the specification’s signature', () => {
    const timestamp = new Date(1_614_265_330_000)
    expect(
      sign(
        ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
        'msg_p5jXN8AQM9LWM0D4loKWxJek',
        timestamp,
        '{"test": 2432232314}',
      ),
    ).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('a receiver verifies whatever body was signed, as text and as bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 999 }), (body, ms) => {
        const secret = newSigningSecret()
        const time = new Date(Math.floor(Date.now() / 1000) * 1000 + ms)
        for (const form of [body, Buffer.from(body)]) {
          const headers = signedHeaders([secret], 'msg_1', time, form)
          expect(() => verify(secret, body, headers)).not.toThrow()
          expect(() => verify(secret, `${body}.`, headers)).toThrow()
          expect(() => verify(secret, body, { ...headers, 'webhook-id': 'msg_2' })).toThrow()
        }
      }),
    )
  })

  test('during a rotation the holder of either secret verifies', () => {
    const [current, previous] = [newSigningSecret(), newSigningSecret()]
    const headers = signedHeaders([current, previous], 'msg_1', new Date(), '{}')
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/)
    expect(() => verify(current, '{}', headers)).not.toThrow()
    expect(() => verify(previous, '{}', headers)).not.toThrow()
    expect(() => verify(newSigningSecret(), '{}', headers)).toThrow()
  })

  test('without a secret there is an id and a time, and no signature', () => {
    expect(signedHeaders([], 'msg_1', new Date(1_700_000_000_999), '')).toEqual({
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1700000000',
    })
  })

  test('a message id names the run and the step', () => {
    expect(messageId('0190a3b4-0000-7000-8000-000000000001', 2)).toBe('msg_0190a3b4000070008000000000000001_2')
  })
})
