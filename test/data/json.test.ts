import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/actions/ports.ts'
import { MAX_ROW_BYTES } from '../../src/data/row.ts'
import { cut, cuts, rowsOf } from './parsing.ts'

const json = (text: string, path?: string) => rowsOf(text, { format: 'JSON', path })
const ndjson = (text: string) => rowsOf(text, { format: 'NDJSON' })

const value = fc.jsonValue({ maxDepth: 4 })
const row = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'rows', '')), value, { maxKeys: 6 })
const rows = fc.array(row as fc.Arbitrary<Row>, { maxLength: 12 })
/** As JSON.parse has it: -0 stays, an own `__proto__` too. */
const plain = (value: unknown) => JSON.stringify(value)

describe('a JSON document', () => {
  test('gives the rows that JSON.parse finds in it, however its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(rows, cuts, fc.constantFrom(0, 1, '\t'), fc.boolean(), async (expected, sizes, space, bom) => {
        const text = JSON.stringify(expected, null, space)
        const found = await rowsOf(cut(Buffer.from(bom ? `\ufeff${text}` : text), sizes), { format: 'JSON' })
        expect(plain(found)).toBe(plain(JSON.parse(text)))
      }),
      { numRuns: 300 },
    )
  })

  test('gives the rows at a path, and nothing of what is beside it', async () => {
    const keys = fc.constantFrom('data', 'items', 'rows', 'x')
    await fc.assert(
      fc.asyncProperty(
        ...[rows, fc.array(keys, { minLength: 1, maxLength: 3 }), fc.dictionary(keys, value), cuts, fc.boolean()],
        async (expected, path, beside, sizes, isLast) => {
          const document = path.reduceRight<unknown>((inner, key) => {
            const { [key]: _, ...others } = beside
            return isLast ? { ...others, [key]: inner } : { [key]: inner, ...others }
          }, expected)
          const bytes = Buffer.from(JSON.stringify(document))
          const found = await rowsOf(cut(bytes, sizes), { format: 'JSON', path: path.join('.') })
          expect(plain(found)).toBe(plain(expected))
        },
      ),
      { numRuns: 300 },
    )
  })

  test.each([
    ['{"a":[[{"rows":[1]}],{"b":[{"x":1}]}],"b":[{"y":2}]}', 'b', [{ y: 2 }]],
    ['{"a":{"b":{"c":[{"x":1}]}},"b":{"c":[{"z":1}]}}', 'a.b.c', [{ x: 1 }]],
    ['{"a":"b","b":"a","c":[{"x":[{}]}]}', 'c', [{ x: [{}] }]],
    ['{"c":[]}', 'c', []],
    ['[]', undefined, []],
    [' [ {"a":1e400} ] \n', undefined, [{ a: Number.POSITIVE_INFINITY }]],
  ])('%s at %s', async (text, path, expected) => {
    expect(await json(text, path)).toEqual(expected)
  })

  test.each([
    ['', undefined, 'it is empty'],
    [' \n', undefined, 'it is empty'],
    ['"', undefined, 'it is not JSON'],
    ['tru', undefined, 'it is not JSON'],
    ['hello', undefined, 'it is not JSON'],
    ['[{"a":1},', undefined, 'behind row 1 it is not JSON'],
    ['[{"a":1}', undefined, 'behind row 1 it is not JSON'],
    ['[{"a":1}]x', undefined, 'behind row 1 it is not JSON'],
    ['[{"a":1},{"b" 2}]', undefined, 'behind row 1 it is not JSON'],
    ['[{"a":1},2]', undefined, 'row 2 is not an object'],
    ['[{"a":1},[]]', undefined, 'row 2 is not an object'],
    ['[null]', undefined, 'row 1 is not an object'],
    ['{"a":{"b":1}}', undefined, 'it is not an array; `path` leads to one inside of it'],
    ['{}', undefined, 'it is not an array; `path` leads to one inside of it'],
    ['3', undefined, 'it is not an array; `path` leads to one inside of it'],
    ['{"a":{"b":{}}}', 'a', 'there is no array at a'],
    ['{"a":1}', 'a', 'there is no array at a'],
    ['{"a":[[{"b":[]}]]}', 'b', 'there is no array at b'],
    ['[{"b":[]}]', 'b', 'there is no array at b'],
    ['{"a":[{}],"b":}', 'a', 'behind row 1 it is not JSON'],
  ])('%s at %s is refused', async (text, path, message) => {
    await expect(json(text, path)).rejects.toMatchObject({ name: 'ParseError', code: 'INVALID_JSON', message })
  })

  test('a row without an end is refused, and so is a text beside the rows', async () => {
    const endless = async function* (start: string) {
      yield Buffer.from(start)
      for (;;) yield Buffer.alloc(10_000, 'x')
    }
    const message = (row: number) => `row ${row} is longer than ${MAX_ROW_BYTES} bytes`
    await expect(rowsOf(endless('[{},{"a":"'), { format: 'JSON' })).rejects.toThrow(message(2))
    await expect(rowsOf(endless('{"a":"'), { format: 'JSON', path: 'b' })).rejects.toThrow(
      `a text beside the rows is longer than ${MAX_ROW_BYTES} bytes`,
    )
  })

  test('may hold much beside its rows', async () => {
    const beside = Array.from({ length: 50_000 }, (_, index) => ({ index }))
    expect(await json(JSON.stringify({ beside, rows: [{ a: 1 }], more: beside }), 'rows')).toEqual([{ a: 1 }])
  })
})

describe('JSON by lines', () => {
  test('gives a row of each line, however its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(rows, cuts, fc.constantFrom('\n', '\r\n', '\n\n'), async (expected, sizes, end) => {
        const text = expected.map((each) => JSON.stringify(each) + end).join('')
        const found = await rowsOf(cut(Buffer.from(text), sizes), { format: 'NDJSON' })
        expect(plain(found)).toBe(plain(expected))
      }),
      { numRuns: 200 },
    )
  })

  test('needs no line end at its end, and may be empty', async () => {
    expect(await ndjson('{"a":1}\n{"a":2}')).toEqual([{ a: 1 }, { a: 2 }])
    expect(await ndjson('')).toEqual([])
  })

  test.each([
    ['{"a":1}\n\n{"a":\n', 'line 3 is not JSON'],
    ['{"a":1}\n[1]\n', 'line 2 is not an object'],
    ['null', 'line 1 is not an object'],
    [`{}\n{"a":"${'x'.repeat(2 * MAX_ROW_BYTES)}`, `line 2 is longer than ${MAX_ROW_BYTES} bytes`],
  ])('%s is refused', async (text, message) => {
    await expect(ndjson(text)).rejects.toMatchObject({ name: 'ParseError', code: 'INVALID_JSON', message })
  })
})
