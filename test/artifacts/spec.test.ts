import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import {
  DEFAULT_LIMITS,
  decodeBase64,
  flawOfPath,
  isSlug,
  listSpec,
  mimeOf,
  type NewFile,
  publishSpec as publishSpecWithin,
  SLUG_LIMIT,
  slugOf,
  updateSpec,
} from '../../src/artifacts/spec.ts'

const file = (path: string, content = '') => ({ path, content })

const publishSpec = publishSpecWithin(DEFAULT_LIMITS)

/** The paths of the fields that are wrong. */
function wrong(input: unknown, spec: z.ZodType = publishSpec): string[] {
  return spec.safeParse(input).error?.issues.map(({ path }) => path.join('.')) ?? []
}

describe('slugs', () => {
  test('a slug is lower-case letters and digits, with hyphens inside', () => {
    for (const slug of ['a', '7', 'a-b', 'a--b', 'x'.repeat(50), 'demo--version', 'v1', 'demo-v2']) {
      expect([slug, isSlug(slug)]).toEqual([slug, true])
    }
    for (const slug of ['', '-', 'a-', '-a', 'A', 'a_b', 'a.b', 'é', 'a b', 'a\n', 'x'.repeat(51)]) {
      expect([slug, isSlug(slug)]).toEqual([slug, false])
    }
  })

  test('the address of a version is no slug', () => {
    expect(['demo--v1', 'a--v12', 'a--b--v0'].filter(isSlug)).toEqual([])
    expect(wrong({ name: 'x', slug: 'demo--v1', files: [file('index.html')] })).toEqual(['slug'])
  })

  test('every name has a slug', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(isSlug(slugOf(name))).toBe(true)
      }),
    )
    expect(slugOf('Q3 Sales — Überblick!')).toBe('q3-sales-berblick')
    expect(slugOf('日本')).toBe('artifact')
    expect(slugOf('app --v2')).toBe('app-v2')
    expect(slugOf(`${'a'.repeat(SLUG_LIMIT - 1)} b`)).toBe('a'.repeat(SLUG_LIMIT - 1))
  })
})

describe('paths', () => {
  const segment = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((text) => !/[/\\\p{Cc}]/u.test(text) && text !== '.' && text !== '..')

  test('relative paths of any characters are good', () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        expect(flawOfPath(segments.join('/'))).toBeNull()
      }),
    )
    expect(['a', 'a/b.c', '.well-known/x', '...', 'a b', '日本.html', 'a%2fb', '?x#y'].map(flawOfPath)).toEqual(
      Array(8).fill(null),
    )
  })

  test('no path leaves the bundle or has two spellings', () => {
    const bad = ['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/..', './a', 'a/./b', 'a\\b', '..\\a']
    const control = ['a\0', 'a\nb', 'a\x7f', 'a\x85', '\ud800']
    expect([...bad, ...control].filter((path) => flawOfPath(path) === null)).toEqual([])
  })

  test('one bad segment anywhere spoils a path', () => {
    const bad = fc.constantFrom('', '.', '..', 'a\0', 'b\\')
    fc.assert(
      fc.property(fc.array(segment), bad, fc.array(segment), (before, flaw, after) => {
        expect(flawOfPath([...before, flaw, ...after].join('/'))).not.toBeNull()
      }),
    )
  })

  test('a path has at most 1,024 bytes, not characters', () => {
    expect(flawOfPath('é'.repeat(512))).toBeNull()
    expect(flawOfPath('é'.repeat(513))).toMatch(/1024 bytes/)
  })

  test('a path is there once, but may be a folder too', () => {
    expect(wrong({ name: 'x', files: [file('index.html'), file('a'), file('a/b')] })).toEqual([])
    expect(wrong({ name: 'x', files: [file('index.html'), file('a'), file('a')] })).toEqual(['files.2.path'])
  })
})

describe('contents', () => {
  const bytesOf = (file: NewFile | undefined) => (file && 'content' in file ? file.content : null)
  const read = (content: string, encoding: 'UTF8' | 'BASE64') =>
    bytesOf(publishSpec.safeParse({ name: 'x', files: [{ path: 'index.html', content, encoding }] }).data?.files[0])

  test('base64 gives the bytes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(read(Buffer.from(bytes).toString('base64'), 'BASE64')?.equals(bytes)).toBe(true)
      }),
    )
  })

  test('text gives its UTF-8 back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(read(text, 'UTF8')?.toString()).toBe(text)
      }),
    )
  })

  test('what is not strict base64 is refused', () => {
    for (const text of ['YQ', 'YQ=', 'YQ===', 'YR==', 'Y Q==', 'YQ==\n', 'a-_b', 'YWJj=', '=', 'é', 'data:,x']) {
      expect([text, decodeBase64(text)]).toEqual([text, null])
      expect(wrong({ name: 'x', files: [{ path: 'index.html', content: text, encoding: 'BASE64' }] })).toEqual([
        'files.0.content',
      ])
    }
  })

  test('a file has at most 100 MiB and a version 500 MiB', () => {
    const largest = 'x'.repeat(100 * 1024 * 1024)
    expect(wrong({ name: 'x', files: [file('index.html', `${largest}x`)] })).toEqual(['files.0.content'])
    const six = Array.from({ length: 6 }, (_, index) => file(`${index}`, index < 5 ? largest : 'x'))
    expect(wrong({ name: 'x', entrypoint: '0', files: six })).toEqual(['files'])
  })

  test('a version has 1 to 20,000 files', () => {
    const files = Array.from({ length: 20_001 }, (_, index) => file(`${index}`))
    expect(wrong({ name: 'x', entrypoint: '0', files: files.slice(1) })).toEqual(['entrypoint'])
    expect(wrong({ name: 'x', entrypoint: '0', files })).toEqual(['files'])
    expect(wrong({ name: 'x', files: [] })).toContain('files')
  })
})

describe('media types', () => {
  test('they come from the extension', () => {
    const types = ['a/index.html', 'm.mjs', 'A.PNG', 'data.json', 'x.unknown', 'html', '.png', 'a.b/c'].map(mimeOf)
    const none = 'application/octet-stream'
    expect(types).toEqual(['text/html', 'text/javascript', 'image/png', 'application/json', none, none, none, none])
  })

  test('one that is given must be one', () => {
    const given = (mime: string | null) => ({ name: 'x', files: [{ path: 'index.html', content: '', mime }] })
    for (const mime of [null, 'text/html', 'text/html; charset=utf-8', 'image/svg+xml', 'a/b;c="d e";f=g']) {
      expect(wrong(given(mime))).toEqual([])
    }
    for (const mime of ['', 'html', 'text/', '/html', 'text/html\r\nset-cookie: a=b', 'text/html;', 'a/b; c', 'é/a']) {
      expect([mime, wrong(given(mime))]).toEqual([mime, ['files.0.mime']])
    }
  })
})

describe('what is said of an artifact', () => {
  test('every wrong field is named at once', () => {
    const files = [{ path: '../x', content: '', encoding: 'HEX' }]
    const input = { name: ' ', slug: 'A', description: '\0', visibility: 'SECRET', entrypoint: 'x', files }
    expect(wrong(input).sort()).toEqual([
      'description',
      'files.0.encoding',
      'files.0.path',
      'name',
      'slug',
      'visibility',
    ])
  })

  test('the entrypoint is one of the files, index.html unless it says otherwise', () => {
    expect(wrong({ name: 'x', files: [file('a.html')] })).toEqual(['entrypoint'])
    expect(wrong({ name: 'x', entrypoint: null, files: [file('index.html')] })).toEqual([])
    expect(publishSpec.parse({ name: 'x', files: [file('index.html')] }).entrypoint).toBe('index.html')
  })

  test('names are 1 to 200 characters without white space around, descriptions at most 1,000', () => {
    expect(updateSpec.parse({ name: '  a name ' })).toEqual({ name: 'a name' })
    expect(wrong({ name: 'x'.repeat(201) }, updateSpec)).toEqual(['name'])
    expect(wrong({ name: 'a\nb' }, updateSpec)).toEqual(['name'])
    expect(wrong({ description: 'x'.repeat(1001) }, updateSpec)).toEqual(['description'])
    expect(wrong({ search: 'a\0' }, listSpec)).toEqual(['search'])
  })

  test('null clears a description and nothing else', () => {
    expect(wrong({ name: null, description: null, visibility: null }, updateSpec)).toEqual(['name', 'visibility'])
    expect(updateSpec.parse({})).toEqual({})
  })
})
