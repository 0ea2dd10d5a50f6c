import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  fillConfig,
  isJsonTemplate,
  literal,
  literalOf,
  MAX_FILLED_CHARS,
  type Place,
  plainIssues,
  TemplateError,
  templateIssues,
} from '../../src/actions/template.ts'

const scope = (input: unknown, more: object = {}) => ({
  ...{ steps: {}, run: { id: 'run_1' }, job: { name: 'Report' }, artifact: null, event: null, input },
  ...more,
})
const fill = (text: unknown, place: Place, input: unknown, more: object = {}) =>
  fillConfig({ field: text }, { field: place }, scope(input, more)).field

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '{{ run.id }}',
    '\\{{',
    '"',
    '\\',
    '</a>',
    '\r\nx: y',
    '..',
    '../',
    '%2e%2e',
    '?a=b#c',
    '\0',
    '$&',
    '$1',
  ),
)

describe('a value', () => {
  test('lands in a text as it is, and is not filled again', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        expect(fill('<{{ input }}>', 'text', value)).toBe(`<${value}>`)
      }),
    )
  })

  test('is one value of a query or one segment of a path, whatever it holds', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const url = new URL(fill('https://x.example/a?q={{ input }}&r=1', 'url', value) as string)
        expect([...url.searchParams.entries()]).toEqual([
          ['q', value.toWellFormed()],
          ['r', '1'],
        ])
        if (/^\.{1,2}$/.test(value)) return
        const { pathname, search, hash } = new URL(fill('https://x.example/a/{{ input }}/b', 'url', value) as string)
        expect([search, hash]).toEqual(['', ''])
        expect(pathname.split('/').map(decodeURIComponent)).toEqual(['', 'a', value.toWellFormed(), 'b'])
      }),
    )
  })

  test.each(['..', '.', '%2e', '%2E%2e'])('cannot climb out of a folder as %s', (value) => {
    const text = value.startsWith('%')
      ? `https://x.example/a/${value}{{ input }}/b`
      : 'https://x.example/a/{{ input }}/b'
    expect(() => fill(text, 'url', value.startsWith('%') ? '' : value)).toThrow(TemplateError)
  })

  test.each([
    ['a\\\\{{ input }}', '..'],
    ['a/.\t{{ input }}', '.'],
    ['a/{{ input }}{{ input }}', '.'],
    ['a\n/{{ input }}\r/b', '..'],
    ['a/{{ input }}\\b', '..'],
  ])('cannot climb out of a folder however the address %j is read', (path, value) => {
    expect(() => fill(`https://x.example/${path}`, 'url', value)).toThrow(TemplateError)
  })

  test('is a string inside of a JSON string, and a value in the place of one', () => {
    fc.assert(
      fc.property(fc.jsonValue(), anyText, (value, text) => {
        const json = fill('{"a": {{ input.value }}, "b": "x {{ input.text }} \\" y"}', 'jsonText', { value, text })
        expect(JSON.parse(json as string)).toEqual(JSON.parse(JSON.stringify({ a: value, b: `x ${text} " y` })))
      }),
    )
  })

  test('is itself where a text of a JSON body is nothing but a template', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const body = { a: ['{{ input.value }}', 'not {{ run.id }}'], '{{ key }}': 1 }
        expect(fill(body, 'json', { value })).toEqual({ a: [value, 'not run_1'], '{{ key }}': 1 })
      }),
    )
  })

  test('ends no markup, no line, no header and no field of a form', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        expect(fill('<b title="{{ input }}">', 'html', value)).toMatch(/^<b title="[^<>"]*">$/)
        expect(fill('a={{ input }}&b=1', 'form', value)).toMatch(/^a=[^&=\s]*&b=1$/)
        expect(fill('Re: {{ input }}', 'line', value)).not.toMatch(/[\r\n\u2028\u2029]/)
        expect(fill('{{ input }}', 'slack', value)).not.toMatch(/[<>]/)
        try {
          expect(fill('{{ input }}', 'header', value)).toBe(value)
          expect(value).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/)
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError)
        }
      }),
    )
  })

  test.each([
    [null, ''],
    [true, 'true'],
    [1.5, '1.5'],
    [{ a: [1] }, '{"a":[1]}'],
    [[], '[]'],
  ])('%j is the text %j', (value, text) => {
    expect(fill('{{input}}', 'text', value)).toBe(text)
  })
})

describe('a backslash', () => {
  test.each([
    ['\\{{ input }}', '{{ input }}'],
    ['\\\\{{ input }}', '\\v'],
    ['C:\\\\{{ input }}\\{{', 'C:\\v{{'],
    ['\\ {{ input }}', '\\ v'],
    ['\\{{\\{{{{ input }}', '{{{{v'],
    ['\\\\\\{{ input }}', '\\{{ input }}'],
    ['\\\\\\\\{{ input }}', '\\\\v'],
  ])('%j becomes %j', (text, filled) => {
    expect(fill(text, 'text', 'v')).toBe(filled)
    expect(templateIssues(text, 'text', [], 'at')).toEqual([])
  })
})

describe('a text that is to stay as it is', () => {
  const texts = fc.array(fc.constantFrom('{', '}', '\\', '{{', '}}', ' input ', 'x')).map((parts) => parts.join(''))

  test('stays so when it is filled in, whatever stands in it, and can be had back', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(fill(literal(text), 'text', 'v')).toBe(text)
        expect(literalOf(literal(text))).toBe(text)
      }),
      { numRuns: 2000 },
    )
  })

  test('is none where a template stands', () => {
    expect(literalOf('a {{ input }}')).toBeNull()
  })

  test('costs no more where there are many backslashes', () => {
    const text = '\\'.repeat(1_000_000)
    const started = performance.now()
    expect(fill(`${text} {{ input }}`, 'text', 'v')).toBe(`${text} v`)
    expect(literal(text)).toBe(text)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

describe('a path', () => {
  test('leads into objects and lists, and only to what they hold themselves', () => {
    const steps = { fetch: { body: { list: [{ id: 7 }], null: null } } }
    expect(fill('{{ steps.fetch.body.list.0.id }}{{ steps.fetch.body.null }}', 'text', null, { steps })).toBe('7')
    for (const path of [
      'steps.fetch.body.list.1.id',
      'steps.fetch.body.null.x',
      'steps.fetch.body.constructor',
      'steps.fetch.__proto__',
      'steps.fetch.body.list.0.id.toFixed',
      '__proto__',
      'input.length',
      'steps.toString',
      'event.type',
      'artifact.url',
    ]) {
      expect(() => fill(`{{ ${path} }}`, 'text', 'text', { steps }), path).toThrow(
        `there is no value for {{ ${path} }}`,
      )
    }
  })

  test('may name a value that is null, or the whole of a root', () => {
    expect(fill('{{ artifact }}|{{ job }}', 'text', null)).toBe('|{"name":"Report"}')
  })
})

describe('before a run', () => {
  const issues = (text: unknown, place: Place = 'text', steps = ['fetch']) => templateIssues(text, place, steps, 'body')

  test('what is right passes, also a plain {{', () => {
    for (const text of ['', 'plain', '}} { }', '{{input}}', '{{  steps.fetch.a-b.0 }}', '\\{{ anything', '{ {x} }']) {
      expect(issues(text), text).toEqual([])
    }
  })

  test.each([
    '{{',
    '{{ }}',
    '{{ a b }}',
    '{{ input. }}',
    '{{ {{ input }} }}',
    '{{{ input }}}',
    '{{#each input}}',
    '{{ input',
    '{{ x.y }}',
  ])('%j is refused', (text) => {
    expect(issues(text)).toMatchObject([{ path: 'body' }])
  })

  test('a step that is not before it is refused, with those that are', () => {
    expect(issues(['{{ steps.later.x }}'])).toEqual([
      { path: 'body.0', message: 'there is no earlier step "later": those before it are fetch' },
    ])
    expect(issues('{{ steps }}', 'text', [])).toMatchObject([{ message: expect.stringContaining('none before it') }])
  })

  test('of an address the host must be written out', () => {
    for (const url of [
      '{{ input }}',
      'https://{{ input }}/',
      'https://a.{{ input }}/',
      'https://a.example{{ input }}',
      'https://a:{{ input }}/',
    ]) {
      expect(issues(url, 'url'), url).toHaveLength(1)
    }
    expect(issues('https://a.example/../{{ input }}', 'url')).toMatchObject([{ path: 'body' }])
    for (const url of ['https://a.example/{{ input }}', 'http://[::1]:80?x={{ input }}'])
      expect(issues(url, 'url')).toEqual([])
  })
})

describe('JSON that is written out', () => {
  test.each(['{"a": {{ input }}}', '["{{ input }}", {{ input }}]', '{"{{ input }}": 1}', ' [\n{{ input }}]'])(
    '%j is JSON whatever the value is',
    (text) => {
      expect(isJsonTemplate(text)).toBe(true)
      fc.assert(
        fc.property(fc.oneof(fc.jsonValue(), anyText), (value) => {
          expect(() => JSON.parse(fill(text, 'jsonText', value) as string)).not.toThrow()
        }),
      )
    },
  )

  test.each([
    '[INFO] {{ input }}',
    '{ {{ input }}: 1 }',
    '{"a": 1{{ input }}}',
    '{"a": "b"{{ input }}}',
    '{{{ input }}',
  ])('%j is not', (text) => expect(isJsonTemplate(text)).toBe(false))
})

test('a value in which nothing is filled in may hold no template', () => {
  expect(plainIssues({ a: ['fine } }', '{{ input }}'] }, 'field')).toMatchObject([{ path: 'field.a.1' }])
  expect(plainIssues(7, 'field')).toEqual([])
})

test('a stored text that is no template is not filled with all there is', () => {
  expect(() => fill('{{ }}', 'text', 'secret')).toThrow(TemplateError)
})

test.each([
  [' ', 'line'],
  ['\\', 'jsonText'],
  ['{{{', 'text'],
  ['{{ input }}', 'text'],
  ['/.', 'url'],
] as const)('megabytes of %j are read in a moment', (piece, place) => {
  const hostile = piece.repeat(MAX_FILLED_CHARS / 2 / piece.length)
  fill('https://x.example/{{ input }}', place, hostile)
  templateIssues(hostile, place, [], 'at')
})

test('a text has so many templates at most', () => {
  const text = (count: number) => '{{ input }}'.repeat(count)
  expect(templateIssues(text(1000), 'text', [], 'at')).toEqual([])
  expect(templateIssues(text(1001), 'text', [], 'at')).toEqual([
    { path: 'at', message: 'must have at most 1000 templates' },
  ])
})

test('what is filled in is bounded, so that a small job cannot fill the memory', () => {
  const big = 'x'.repeat(MAX_FILLED_CHARS / 4)
  expect(fill('{{ input }}{{ input }}', 'text', big)).toHaveLength(MAX_FILLED_CHARS / 2)
  expect(() => fill(Array(5).fill('{{ input }}'), 'json', big)).toThrow(TemplateError)
  expect(() => fill(Array(5).fill('{{ input }}'), 'json', { deep: [big] })).toThrow(TemplateError)
})
