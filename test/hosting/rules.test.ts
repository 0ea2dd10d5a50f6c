/** The rules of serving that need no server. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { askedOf, editionOf } from '../../src/hosting/asked.ts'
import { encodingOf, isCompressible } from '../../src/hosting/encodings.ts'
import { isFingerprinted } from '../../src/hosting/fingerprint.ts'
import { isPrefetch, mayBeRoute } from '../../src/hosting/navigation.ts'
import { rangeOf } from '../../src/hosting/ranges.ts'

describe('a fingerprint', () => {
  test('is in the names that bundlers make', () => {
    for (const path of [
      'app.3f9a2b1c.js',
      'index-BfX3k9aZ.css',
      'assets/index-BfX3k9aZ.css',
      'main.a1b2c3d4e5f6a7b8c9d0.bundle.js',
      'app-5ZXK4H2Q.js',
      '_next/static/chunks/pages/_app-1234abcd5678ef90.js',
      'media/logo.6ce24c58.svg',
      'styles.3f9a2b1c.css.map',
      'font.3f9a2b1c.woff2',
      '3f9a2b1c4d5e6f70.js',
    ]) {
      expect([path, isFingerprinted(path)]).toEqual([path, true])
    }
  })

  test('is not in dates, sizes, versions, words, ids of things, nor in pages', () => {
    for (const path of [
      'app.js',
      'index.html',
      'page.3f9a2b1c.html',
      'report-20240115.csv',
      'report-2024-01-15.csv',
      'backup-20240115T103000.json',
      'photo-1920x1080.jpg',
      'jquery-3.7.1.min.js',
      'chapter01.css',
      'application12345.js',
      'mp3player2go.js',
      'facade01.css',
      'deadbeef.js',
      '12345678.js',
      'avatar-550e8400-e29b-41d4-a716-446655440000.png',
      '3f9a2b1c/app.js',
      'app.3f9a2b.js',
      'a.3f9a2b1c',
      'Introduction.pdf',
    ]) {
      expect([path, isFingerprinted(path)]).toEqual([path, false])
    }
  })

  const letter = fc.constantFrom(...'abcdef')
  const digit = fc.constantFrom(...'0123456789')
  const folder = fc.constantFrom('', 'assets/', 'a b/ü/', 'deep/er/')

  test('is any hash in hexadecimal with letters and digits in turns, wherever it stands', () => {
    const hash = fc.tuple(fc.constantFrom('3', '7', '9'), fc.array(fc.tuple(letter, digit), { minLength: 4 }))
    fc.assert(
      fc.property(folder, hash, fc.constantFrom('js', 'css', 'png'), (below, [first, pairs], extension) => {
        const text = first + pairs.flat().join('')
        for (const name of [`app.${text}`, `app-${text}`, text]) {
          expect(isFingerprinted(`${below}${name}.${extension}`)).toBe(true)
        }
        expect(isFingerprinted(`${below}app.${text}.html`)).toBe(false)
      }),
    )
  })

  test('is never in a name without a digit, or of words and numbers', () => {
    const word = fc.stringMatching(/^[A-Za-z]{1,20}$/)
    const number = fc.stringMatching(/^\d{1,14}$/)
    fc.assert(
      fc.property(folder, fc.array(fc.oneof(word, number), { minLength: 1, maxLength: 5 }), (below, parts) => {
        expect(isFingerprinted(`${below}${parts.join('-')}.js`)).toBe(false)
      }),
    )
    fc.assert(
      fc.property(folder, word, number, (below, name, count) => {
        expect(isFingerprinted(`${below}${name}${count}.js`)).toBe(false)
      }),
    )
  })

  test('is never a date', () => {
    const noInvalidDate = true
    const between = { min: new Date('1900-01-01'), max: new Date('2099-12-31'), noInvalidDate }
    fc.assert(
      fc.property(fc.date(between), (date) => {
        const iso = date.toISOString()
        for (const text of [iso.replace(/[-:.]/g, ''), iso.slice(0, 10).replaceAll('-', ''), iso.slice(0, 10)]) {
          expect(isFingerprinted(`report-${text}.csv`)).toBe(false)
        }
      }),
    )
  })
})

describe('a range', () => {
  test('is what RFC 9110 says', () => {
    for (const [header, range] of [
      ['bytes=0-0', [0, 1]],
      ['bytes=0-', [0, 10]],
      ['bytes=2-4', [2, 5]],
      ['bytes=5-99', [5, 10]],
      ['bytes=-3', [7, 10]],
      ['bytes=-99', [0, 10]],
      ['Bytes = 1-2 ', [1, 3]],
    ] as const) {
      expect([header, rangeOf(header, 10)]).toEqual([header, { start: range[0], end: range[1] }])
    }
    for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0']) {
      expect([header, rangeOf(header, 10)]).toEqual([header, 'unsatisfiable'])
    }
    const others = ['bytes=4-2', 'bytes=-', 'bytes=a-b', 'bytes=0-1,4-5', 'lines=0-1', '', 'bytes=1', 'bytes=1-2-3']
    for (const header of [...others, undefined, `bytes=${'9'.repeat(400)}-`]) {
      expect([header, rangeOf(header, 10)]).toEqual([header, null])
    }
    expect(rangeOf('bytes=0-', 0)).toBe('unsatisfiable')
  })

  test('is never outside of the file, and never empty', () => {
    const bound = fc.option(fc.nat(), { nil: '' })
    fc.assert(
      fc.property(bound, bound, fc.nat(), (first, last, size) => {
        const range = rangeOf(`bytes=${first}-${last}`, size)
        if (range === null || range === 'unsatisfiable') return
        expect(range.start).toBeGreaterThanOrEqual(0)
        expect(range.start).toBeLessThan(range.end)
        expect(range.end).toBeLessThanOrEqual(size)
      }),
    )
  })
})

describe('an encoding', () => {
  test('is the one that the client likes most, ours the first among equals', () => {
    for (const [header, encoding] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip', 'gzip'],
      ['x-gzip', 'gzip'],
      ['GZIP;Q=0.5', 'gzip'],
      ['br;q=0.5, gzip;q=0.8', 'gzip'],
      ['br;q=0, gzip', 'gzip'],
      ['*', 'br'],
      ['*;q=0.1, br;q=0', 'gzip'],
      ['br; q=0.2 , identity;q=0.1', 'br'],
      ['br;q=0.2, identity;q=0.5', null],
      ['identity', null],
      ['deflate', null],
      ['br;q=0', null],
      ['br;q=2', null],
      ['br;q=x', null],
      ['*;q=0', null],
      ['', null],
      [undefined, null],
    ] as const) {
      expect([header, encodingOf(header)]).toEqual([header, encoding])
    }
  })

  test('is for text of some size, and not for what is packed already', () => {
    const at = (mime: string, sizeBytes = 5_000) => isCompressible({ mime, sizeBytes })
    for (const mime of [
      'text/html',
      'text/css; charset=utf-8',
      'application/json',
      'image/svg+xml',
      'application/wasm',
      'application/manifest+json',
      'font/ttf',
    ]) {
      expect([mime, at(mime)]).toEqual([mime, true])
    }
    for (const mime of ['image/png', 'font/woff2', 'video/mp4', 'application/zip', 'application/jsonish']) {
      expect([mime, at(mime)]).toEqual([mime, false])
    }
    expect([at('text/html', 1023), at('text/html', 1024)]).toEqual([false, true])
    expect([at('text/html', 16 * 2 ** 20), at('text/html', 16 * 2 ** 20 + 1)]).toEqual([true, false])
  })
})

describe('a request', () => {
  test('names an edition by slug, or by slug and number', () => {
    expect(editionOf('demo')).toEqual({ slug: 'demo', versionNo: null })
    expect(editionOf('demo--v12')).toEqual({ slug: 'demo', versionNo: 12 })
    expect(editionOf('a--v1--v2')).toBeNull()
    for (const name of ['demo--v0', 'demo--v01', '--v1', 'demo--v9999999999', 'Demo', 'a.b', '', 'x'.repeat(51)]) {
      expect([name, editionOf(name)]).toEqual([name, null])
    }
  })

  test('for any target at all is told apart without a fault', () => {
    const target = fc.oneof(
      fc.string(),
      fc.string().map((path) => `/${path}`),
      fc.webUrl(),
    )
    fc.assert(
      fc.property(fc.constantFrom('demo', 'demo--v1', '..', null), target, (site, text) => {
        const asked = askedOf(site, text)
        if (!text.startsWith('/')) expect(asked.kind).toBe('malformed')
        if (site === null && !decodeOf(text).startsWith('/a/') && text !== '/a') {
          expect(['nothing', 'malformed', 'slashless']).toContain(asked.kind)
        }
      }),
    )
  })

  test('is a way into a site’s own routes only if somebody goes there', () => {
    const html = { accept: 'text/html' }
    const navigate = { 'sec-fetch-mode': 'navigate' }
    expect(mayBeRoute(html, 'users/7')).toBe(true)
    expect(mayBeRoute(html, 'logo.png')).toBe(false)
    expect(mayBeRoute(navigate, 'users/a.b')).toBe(true)
    expect(mayBeRoute({ ...html, 'sec-fetch-mode': 'cors' }, 'users/7')).toBe(false)
    expect(mayBeRoute({ accept: '*/*' }, 'users/7')).toBe(false)
    expect(mayBeRoute({}, 'users/7')).toBe(false)
  })

  test('is a prefetch if the browser says so', () => {
    expect(isPrefetch({ 'sec-purpose': 'prefetch;prerender' })).toBe(true)
    expect(isPrefetch({ purpose: 'prefetch' })).toBe(true)
    expect(isPrefetch({ 'x-moz': 'prefetch' })).toBe(true)
    expect(isPrefetch({ 'sec-purpose': 'else' })).toBe(false)
    expect(isPrefetch({})).toBe(false)
  })
})

function decodeOf(text: string): string {
  try {
    return decodeURIComponent(text.split('?')[0] ?? '')
  } catch {
    return ''
  }
}
