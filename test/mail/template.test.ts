import fc from 'fast-check'
import { Parser } from 'htmlparser2'
import { describe, expect, test } from 'vitest'
import { type Letter, layOut } from '../../src/mail/template.ts'

const letter = (part: Partial<Letter> = {}): Letter => ({
  subject: 'Tides',
  text: 'High water at noon.',
  link: null,
  excerpt: null,
  footer: 'Sent by the job “Report”.',
  ...part,
})

const KNOWN = '!doctype html lang head meta charset name content title body style div p br a href'.split(' ')

describe('the layout of a mail', () => {
  test('has the words, the link, the page and the sender, in both forms', () => {
    const link = { name: 'tides', url: 'http://localhost:4000/a/tides/' }
    const { text, html } = layOut(letter({ text: 'One\nline.\n\nTwo.', link, excerpt: 'Low\n\nHigh' }))
    expect(text).toBe(
      'One\nline.\n\nTwo.\n\ntides: http://localhost:4000/a/tides/\n\nLow\n\nHigh\n\n-- \nSent by the job “Report”.\n',
    )
    expect(html).toContain('<p>One<br>\nline.</p>\n<p>Two.</p>')
    expect(html).toContain('<a href="http://localhost:4000/a/tides/">tides</a>')
    expect(html).toContain('<p>Low</p>\n<p>High</p>')
    expect(html).toContain('Sent by the job “Report”.</p>')
    expect(html).toContain('name="viewport"')
  })

  test('has text from HTML where only that is given, and the HTML as it is', () => {
    const { text, html } = layOut(letter({ text: undefined, html: '<h1>High</h1><p>water &amp; low</p>' }))
    expect(text).toBe('High\n\nwater & low\n\n-- \nSent by the job “Report”.\n')
    expect(html).toContain('<h1>High</h1><p>water &amp; low</p>')
  })

  test('has both as they are where both are given', () => {
    const { text, html } = layOut(letter({ html: '<p>other</p>' }))
    expect(text).toContain('High water at noon.')
    expect(html).toContain('<p>other</p>')
    expect(html).not.toContain('noon')
  })

  test.each([
    [
      '<!DOCTYPE html><html><body class="x"><p>mine</p></body></html>',
      /^<!DOCTYPE html>.*mine.*Report.*<\/body><\/html>$/s,
    ],
    ['<html><p>mine</p>', /^<html>.*mine.*Report/s],
    ['<body></body><!-- </body > -->mine', /^<body>.*Report.*<\/body > -->mine$/s],
  ])('leaves a whole document its looks: %s', (html, expected) => {
    const laidOut = layOut(letter({ html })).html
    expect(laidOut).toMatch(expected)
    expect(laidOut).not.toContain('viewport')
  })

  test('fetches nothing, and takes no text for markup', () => {
    const hostile = fc.array(
      fc.oneof(
        fc.string(),
        fc.constantFrom('<script>', '<img src=x onerror=y>', '"', "'", '&amp;', '</title>', '\n\n', '<!--'),
      ),
    )
    const texts = hostile.map((parts) => parts.join(''))
    fc.assert(
      fc.property(texts, texts, texts, texts, (text, subject, excerpt, footer) => {
        const { html } = layOut(
          letter({ text, subject, excerpt, footer, link: { name: text, url: `http://x/${text}` } }),
        )
        const seen: string[] = []
        const parser = new Parser({
          onopentag: (name, attributes) => seen.push(name, ...Object.keys(attributes)),
          onprocessinginstruction: (name) => seen.push(name),
          oncomment: () => seen.push('comment'),
        })
        parser.end(html)
        expect(KNOWN).toEqual(expect.arrayContaining([...new Set(seen)]))
      }),
    )
  })

  test.each([
    ['blanks', ' '.repeat(250_000)],
    ['empty lines', '\n'.repeat(250_000)],
    ['ends of documents', '<html></body'.repeat(20_000)],
  ])('is had in no time from %s', (_what, content) => {
    const started = performance.now()
    layOut(letter({ text: content, html: content }))
    layOut(letter({ text: content }))
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
