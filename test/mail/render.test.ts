import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { textOfHtml } from '../../src/mail/render.ts'

describe('the words of a page', () => {
  test.each([
    ['<p>One</p><p>two</p>', 'One\n\ntwo'],
    ['<h1>Tides</h1>\n  <div>High\n  water</div><div>noon</div>', 'Tides\n\nHigh water\nnoon'],
    ['a<br>b<br/>c', 'a\nb\nc'],
    ['<ul><li>one</li><li>two <b>bold</b></li></ul>', '- one\n- two bold'],
    [
      '<table><tr><th>Port</th><th>Time</th></tr><tr><td>Husum</td><td>12:00</td></tr></table>',
      'Port | Time\nHusum | 12:00',
    ],
    ['<a href="https://example.org/x">here</a>!', 'here (https://example.org/x)!'],
    ['<a href="https://example.org/">https://example.org/</a>', 'https://example.org/'],
    ['<a href="javascript:alert(1)">here</a>', 'here'],
    ['<pre>a\n  b</pre>c', 'a\n  b\n\nc'],
    ['&lt;b&gt; &amp; &uuml; &#128522; &nbsp;x', '<b> & ü 😊 x'],
    ['Grüße <i>an</i> <b>alle</b>', 'Grüße an alle'],
    ['<img src="https://example.org/p.png" alt="A map"> there', 'A map there'],
    ['<style>p { color: red }</style><script>alert("<p>")</script><title>T</title><p>seen</p>', 'seen'],
    ['<noscript><noscript>a</noscript>b</noscript>c', 'c'],
    ['<svg><text>x</text></svg>ok', 'ok'],
    ['<!-- no --><p>yes', 'yes'],
    ['no markup & no end <', 'no markup & no end <'],
    ['', ''],
  ])('of %s', (html, text) => expect(textOfHtml(html)).toBe(text))

  test('come without markup from whatever is given', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '<p>',
        '</p>',
        '<b',
        '">',
        '<pre>',
        '</pre>',
        '<script>',
        '</script>',
        '<li>',
        '<td>',
        '<a href="x:',
        '</a>',
        '<!--',
        '<![CDATA[',
      ),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = textOfHtml(pieces.join(''))
        expect(text).toBe(text.trim())
        expect(text).not.toMatch(/<\/?(script|pre|li|td)>/)
      }),
    )
  })

  test.each([
    ['elements in elements', '<div>'.repeat(100_000)],
    ['links in links', '<a href="https://example.org/">x'.repeat(15_000)],
    ['blanks', ' '.repeat(500_000)],
    ['open brackets', '<'.repeat(500_000)],
    ['ends without a beginning', '</pre>'.repeat(80_000)],
    ['unseen in unseen', '<svg><script>'.repeat(40_000)],
    ['ampersands', '&'.repeat(500_000)],
  ])('are had in no time from a page of %s', (_what, html) => {
    const started = performance.now()
    textOfHtml(html)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
