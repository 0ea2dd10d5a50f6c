import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Row } from '../../src/actions/ports.ts'
import { csvOf } from '../../src/mail/csv.ts'

async function* batched(rows: Row[]): AsyncIterable<Row[]> {
  for (let from = 0; from < rows.length; from += 2) yield rows.slice(from, from + 2)
}

const text = async (rows: Row[], maxBytes = 1e6) => (await csvOf(batched(rows), maxBytes))?.toString()

describe('a table', () => {
  test('has all keys as its columns, in the order in which they first appear', async () => {
    expect(await text([{ b: 1, a: 'x' }, { a: 'y', c: true }, {}])).toBe('\uFEFFb,a,c\r\n1,x,\r\n,y,true\r\n,,\r\n')
  })

  test('has what has parts as JSON, and null as nothing', async () => {
    expect(await text([{ a: null, b: [1, 'x'], c: { d: 'ü' } }])).toBe(
      '\uFEFFa,b,c\r\n,"[1,""x""]","{""d"":""ü""}"\r\n',
    )
  })

  test('without rows is an empty file', async () => expect(await text([])).toBe('\uFEFF\r\n'))

  test.each([
    ['=1+1', "'=1+1"],
    ['+49 170', "'+49 170"],
    ['-x', "'-x"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['＝1+1', "'＝1+1"],
    ['-5', '-5'],
    ['+1.5e3', '+1.5e3'],
    ['-1,234.50', '"-1,234.50"'],
    [-5, '-5'],
    ['a=b', 'a=b'],
    ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ])('cannot compute: %j becomes %s', async (value, cell) => {
    expect(await text([{ a: value }])).toBe(`\uFEFFa\r\n${cell}\r\n`)
  })

  test('cannot compute in its head either', async () =>
    expect(await text([{ '=1+1': 1 }])).toMatch(/^\uFEFF'=1\+1\r\n/))

  test('is read as it was written, whatever its cells hold', async () => {
    const cell = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"', ',', '\r\n', '\n', '""', ' '),
    )
    const row = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor', 'with "quotes", and more'), cell)
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1 }), async (rows) => {
        const columns = [...new Set(rows.flatMap((each) => Object.keys(each)))]
        fc.pre(columns.length > 0)
        const [head, ...lines] = parse((await text(rows)) ?? '', {
          bom: true,
          record_delimiter: '\r\n',
          skip_empty_lines: false,
        })
        expect(head).toEqual(columns)
        const expected = rows.map((each) =>
          columns.map((column) => {
            const value = Object.hasOwn(each, column) ? String(each[column]).toWellFormed() : ''
            const isFormula = /^[=+\-@\t\r＝＋－＠]/.test(value) && !/^[+-]?\d+([.,]\d+)*(e[+-]?\d+)?$/i.test(value)
            return isFormula ? `'${value}` : value
          }),
        )
        expect(lines).toEqual(expected)
      }),
    )
  })

  test('that is too large is none', async () => {
    const rows = [{ a: 'x'.repeat(100) }]
    const whole = Buffer.byteLength((await text(rows)) ?? '')
    expect(await text(rows, whole)).toBeDefined()
    expect(await text(rows, whole - 1)).toBe(undefined)
  })

  test('that is mostly separators is given up before it fills the memory', async () => {
    const rows = Array.from({ length: 5000 }, (_, index) => ({ [`k${index}`]: '' }))
    expect(await text(rows, 10 * 1024 * 1024)).toBe(undefined)
  })

  test('is not read to its end once it is too large', async () => {
    let batches = 0
    async function* endless() {
      for (;;) {
        batches += 1
        yield [{ a: 'x'.repeat(1000) }]
      }
    }
    expect(await csvOf(endless(), 10_000)).toBe(null)
    expect(batches).toBe(10)
  })
})
