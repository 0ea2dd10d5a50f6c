import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { envelopeAddress, isMailAddress, parseSender, parseSmtpUrl } from '../../src/mail/spec.ts'

describe('an address', () => {
  test.each([
    'ann@example.org',
    'ann.b+tides@sub.example.org',
    "o'hara@example.org",
    'ann@mailhost',
    'ANN@Example.ORG',
    `${'a'.repeat(64)}@example.org`,
  ])('is %s', (text) => expect(isMailAddress(text)).toBe(true))

  test.each([
    '',
    'ann',
    '@example.org',
    'ann@',
    'ann@@example.org',
    'ann@example..org',
    'ann@-example.org',
    '.ann@example.org',
    'a..b@example.org',
    'ann b@example.org',
    'ann@exa mple.org',
    'ann@example.org\r\nBcc: eve@example.org',
    'ann@example.org, eve@example.org',
    'Ann <ann@example.org>',
    'ann@[127.0.0.1]',
    'änn@example.org',
    `${'a'.repeat(65)}@example.org`,
    `ann@${'a.'.repeat(130)}org`,
  ])('is not “%s”', (text) => expect(isMailAddress(text)).toBe(false))

  test('goes to the server in ASCII without a character that means something there', () => {
    expect(envelopeAddress('ann@münchen.example')).toBe('ann@xn--mnchen-3ya.example')
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress()), fc.string(), (first, second) => {
        for (const text of [first, first + second, `${first}@${second}`]) {
          expect(envelopeAddress(text) ?? 'a@b').toMatch(/^[!-;=?-~]+$/)
        }
      }),
    )
  })
})

describe('a sender', () => {
  test.each([
    ['ann@example.org', { name: '', address: 'ann@example.org' }],
    ['<ann@example.org>', { name: '', address: 'ann@example.org' }],
    ['Ann Bee <ann@example.org>', { name: 'Ann Bee', address: 'ann@example.org' }],
    ['"Bee, Ann \\"B\\"" <ann@example.org>', { name: 'Bee, Ann "B"', address: 'ann@example.org' }],
    ['Grüße 🌊 <ann@example.org>', { name: 'Grüße 🌊', address: 'ann@example.org' }],
  ])('is %s', (text, sender) => expect(parseSender(text)).toEqual(sender))

  test.each(['Ann', 'Ann <ann>', 'Ann ann@example.org', 'A\nB <ann@example.org>', 'a@b.c <x@y.z> <u@v.w>'])(
    'is not “%s”',
    (text) => expect(() => parseSender(text)).toThrow(/^must be an address such as/),
  )
})

describe('a mail server', () => {
  const plain = {
    host: 'mail.example.org',
    port: 587,
    secure: false,
    requireTls: false,
    ignoreTls: false,
    auth: null,
    name: null,
  }

  test.each([
    ['smtp://mail.example.org', {}],
    ['SMTP://Mail.Example.org:25/', { port: 25 }],
    ['smtp://mail.example.org:80', { port: 80 }],
    ['smtps://mail.example.org', { port: 465, secure: true }],
    ['smtp://[::1]:25', { host: '::1', port: 25 }],
    ['smtp://0x7f000001', { host: '127.0.0.1' }],
    [
      'smtp://ann%40example.org:p%3Aw@mail.example.org',
      { auth: { user: 'ann@example.org', pass: 'p:w' }, requireTls: true },
    ],
    ['smtp://a:b@localhost', { host: 'localhost', auth: { user: 'a', pass: 'b' } }],
    ['smtp://a:b@mail.example.org?requireTLS=false', { auth: { user: 'a', pass: 'b' } }],
    ['smtp://a:b@mail.example.org?ignoreTLS=true', { auth: { user: 'a', pass: 'b' }, ignoreTls: true }],
    [
      'smtp://mail.example.org?requireTLS=true&name=runsheet.example.org',
      { requireTls: true, name: 'runsheet.example.org' },
    ],
  ])('is %s', (url, part) => expect(parseSmtpUrl(url)).toEqual({ ...plain, ...part }))

  test.each([
    'mail.example.org',
    'smtp:mail.example.org',
    'smtp://',
    'smtp:///path',
    'http://mail.example.org',
    'smtp://mail.example.org/path',
    'smtp://mail.example.org:99999',
    'smtp://mail.example.org\\@sssh',
    'smtp://sssh@mail.example.org',
    'smtp://:sssh@mail.example.org',
    'smtp://user:sssh%zz@mail.example.org',
    'smtp://user:sssh@mail.example.org?proxy=http://example.org',
    'smtp://user:sssh@mail.example.org?requireTLS=sssh',
    'smtp://mail.example.org?requireTLS=true&ignoreTLS=true',
    'smtp://mail.example.org?name=a%0D%0Ab',
    'smtp://user:sssh@mail exam.org',
  ])('is not “%s”, and the password is not told', (url) => {
    expect(() => parseSmtpUrl(url)).toThrow(/^must /)
    expect(() => parseSmtpUrl(url)).not.toThrow('sssh')
  })
})
