import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import { describe, expect, test } from 'vitest'
import { compose } from '../../src/mail/compose.ts'
import { message, send, startMailServer } from './servers.ts'

const letterhead = {
  from: { name: 'Runsheet', address: 'runsheet@example.org' },
  idHost: 'runsheet.example',
  clock: { now: () => Date.UTC(2026, 2, 1, 12), after: () => () => {} },
}

const composed = async (part: Parameters<typeof message>[0], more: object = {}) =>
  simpleParser((await compose(message(part), { ...letterhead, ...more })).content)

/** By way of a server, as a reader gets it. */
async function delivered(part: Parameters<typeof message>[0]) {
  const server = await startMailServer()
  await send({ url: `smtp://127.0.0.1:${server.port}` }, part)
  return server.received()
}

describe('a message', () => {
  test('says who sent it, when, to whom, and that no autoresponder should answer', async () => {
    const mail = await composed({ to: ['ann@example.org', 'bob@example.org'], replyTo: 'desk@example.org' })
    expect(mail.from?.text).toBe('"Runsheet" <runsheet@example.org>')
    expect([mail.to].flat()[0]?.text).toBe('ann@example.org, bob@example.org')
    expect(mail.replyTo?.text).toBe('desk@example.org')
    expect(mail.date).toEqual(new Date('2026-03-01T12:00:00Z'))
    expect(mail.messageId).toBe('<0190a3b4000070008000000000000001.0@runsheet.example>')
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated')
    expect(mail.headers.get('x-auto-response-suppress')).toBe('All')
    expect([...mail.headers.keys()].sort()).toEqual([
      'auto-submitted',
      'content-transfer-encoding',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'reply-to',
      'subject',
      'to',
      'x-auto-response-suppress',
    ])
  })

  test.each([
    ['umlauts and emoji', 'Ebbe fällt — 🌊 größer als übermorgen'],
    ['dots at the start of lines', '.\r\n..\r\n.hidden\r\nshown'],
    ['long lines', 'x'.repeat(5000)],
    ['long lines beyond ASCII', 'ü🌊'.repeat(2000)],
    ['what looks like a header', 'Bcc: eve@example.org\r\n\r\nhello'],
    ['what looks like a boundary', '----_NmP-0\r\nContent-Type: text/html\r\n\r\n<b>'],
  ])('arrives as it was: %s', async (_what, text) => {
    const html = `<p>${text}</p>`
    const mail = await delivered({ subject: 'Grüße 🌊', text, html })
    expect(mail.text?.replace(/\r?\n/g, '\r\n').trimEnd()).toBe(text)
    expect(String(mail.html).replace(/\r?\n/g, '\r\n').trimEnd()).toBe(html)
    expect(mail.subject).toBe('Grüße 🌊')
    expect(mail.attachments).toEqual([])
  })

  test('carries files byte by byte', async () => {
    const every = Buffer.from(Array.from({ length: 256 * 40 }, (_, index) => index % 256))
    const attachments = [
      { filename: 'größe 🌊.bin', contentType: 'application/octet-stream', content: every },
      { filename: 'tides.csv', contentType: 'text/csv; charset=utf-8', content: Buffer.from('\uFEFFa\r\nü\r\n') },
      { filename: 'mail.eml', contentType: 'message/rfc822', content: Buffer.from('Subject: inner\r\n\r\nbody') },
      { filename: 'empty', contentType: 'text/plain', content: Buffer.alloc(0) },
    ]
    const mail = await delivered({ html: '<p>files</p>', attachments })
    expect(mail.attachments.map(({ filename, content }) => [filename, content.toString('hex')])).toEqual(
      attachments.map(({ filename, content }) => [filename, content.toString('hex')]),
    )
    expect(mail.attachments.map(({ contentDisposition }) => contentDisposition)).toEqual(Array(4).fill('attachment'))
    expect(mail.text?.trim()).toBe('High water at noon.')
  })

  test('never holds what a path or a URL leads to', async () => {
    const attachments = [{ filename: 'a', contentType: 'text/plain', content: { path: '/etc/hostname' } as never }]
    await expect(composed({ attachments })).rejects.toThrow(/File access rejected/)
    const links = [{ filename: 'a', contentType: 'text/plain', content: { href: 'http://127.0.0.1:9/' } as never }]
    await expect(composed({ attachments: links })).rejects.toThrow(/Url access rejected/)
  })
})

describe('whatever a text holds', () => {
  const hostile = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '\r\nBcc: eve@example.org',
          '\nX-Evil: 1',
          '\r\n\r\n<script>',
          '\rSubject: other',
          '=?utf-8?Q?=0D=0ABcc:_eve?=',
          '"; filename="x.exe',
          '\u2028X: y',
          '\ud800',
          '\0',
          '<eve@example.org>',
          ', eve@example.org',
          '\\" \\',
        ),
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((parts) => parts.join(''))
  const squeezed = (text: string | undefined) =>
    (text ?? '')
      .toWellFormed()
      .replace(/[\p{Cc}\s\u2028\u2029]+/gu, ' ')
      .trim()

  test('it is no header, no recipient, no further part', async () => {
    const plain = [...(await composed({ attachments: [file('a')], html: '<p>' })).headers.keys()]
    await fc.assert(
      fc.asyncProperty(hostile, hostile, hostile, async (subject, filename, name) => {
        const mail = await composed(
          { subject, attachments: [file(filename)], html: '<p>' },
          { from: { name, address: 'runsheet@example.org' } },
        )
        expect([...mail.headers.keys()].sort()).toEqual(plain.filter((key) => key !== 'subject' || mail.subject).sort())
        // an encoded word is decoded by whoever shows it, also one that the author wrote out
        if (!subject.includes('=?')) expect(squeezed(mail.subject)).toBe(squeezed(subject))
        expect([mail.to].flat().map((to) => to?.value)).toEqual([[{ address: 'ann@example.org', name: '' }]])
        expect(mail.from?.value.map(({ address }) => address)).toEqual(['runsheet@example.org'])
        expect(mail.attachments).toHaveLength(1)
        expect(mail.attachments[0]?.content.toString()).toBe('x')
        expect(mail.attachments[0]?.filename).not.toMatch(/[/\\\p{Cc}]/u)
      }),
      { numRuns: 500 },
    )
  })

  test('a reply goes to one address, or there is no message', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (tail) => {
        const replyTo = `desk@example.org${tail}`
        const mail = await composed({ replyTo }).catch((error) => error)
        if (mail instanceof TypeError) return
        expect(mail.replyTo.value).toHaveLength(1)
        expect(mail.headers.has('bcc')).toBe(false)
      }),
    )
  })
})

const file = (filename: string) => ({ filename, contentType: 'text/plain', content: Buffer.from('x') })
