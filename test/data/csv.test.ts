import { stringify } from 'csv-stringify/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DELIMITERS } from '../../src/data/csv.ts'
import { MAX_COLUMNS, MAX_ROW_BYTES } from '../../src/data/row.ts'
import { cut, cuts, pieces, rowsOf } from './parsing.ts'

const csv = (text: string | Uint8Array[], options: object = {}) =>
  rowsOf(typeof text === 'string' ? text : pieces(...text), { format: 'CSV', ...options })

const field = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\0')),
  fc.constantFrom('', ' ', '"', '""', '\n', '\r\n', '\r', ',', ';', '\t', 'null', '007', '\ufeff', "=1+1'"),
)
const name = field.filter((text) => text.trim() !== '')

describe('a CSV', () => {
  test('is read back as it was written, however its bytes are cut, with any delimiter and line end', async () => {
    const tables = fc.uniqueArray(name, { minLength: 1, maxLength: 6 }).chain((columns) =>
      fc.record({
        columns: fc.constant(columns),
        records: fc.array(fc.array(field, { minLength: columns.length, maxLength: columns.length }), {
          maxLength: 12,
        }),
        delimiter: fc.constantFrom(...DELIMITERS),
        record_delimiter: fc.constantFrom('\n', '\r\n', '\r'),
        bom: fc.boolean(),
        quoted: fc.boolean(),
        cuts,
      }),
    )
    await fc.assert(
      fc.asyncProperty(tables, async ({ columns, records, delimiter, cuts, ...how }) => {
        const text = stringify([columns, ...records], {
          ...how,
          delimiter,
          // a blank line is no row, so a row of one empty field is written with quotes
          quoted_empty: true,
          quoted_match: /[\r\n\ufeff]/,
        })
        const expected = records.map((record) => Object.fromEntries(columns.map((each, at) => [each, record[at]])))
        const rows = await rowsOf(cut(Buffer.from(text), cuts), { format: 'CSV', delimiter })
        expect(rows).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['a,b\n1,2\n', ','],
    ['a;b,c;d\n1;2;3\n', ';'],
    ['a\tb\n1\t2\n', '\t'],
    ['"a,b,c";d\n1;2\n', ';'],
    ['\n\n"x\n,,,,";d\n1;2\n', ';'],
    ['single\n1,5\n', null],
  ])('%j: the delimiter is the one that is most often in its header', async (text, delimiter) => {
    if (delimiter) expect(await csv(text)).toEqual(await csv(text, { delimiter }))
    else await expect(csv(text)).rejects.toThrow('line 2: has not as many fields as the header has columns')
  })

  test('keeps texts as they are', async () => {
    expect(await csv('id,n,b,e\n007,1.50,true,\n')).toEqual([{ id: '007', n: '1.50', b: 'true', e: '' }])
  })

  test('has types if that is asked for, of what JSON would take for one', async () => {
    const fields = '1.50,-2,1e3,007,+1,.5,0x10,Infinity,1e999,9007199254740993,true,false,TRUE,null,,text'.split(',')
    const text = `${fields.map((_, index) => `c${index}`).join(',')}\n${fields.join(',')}\n`
    expect(Object.values((await csv(text, { types: true }))[0] ?? {})).toEqual([
      ...[1.5, -2, 1000, '007', '+1', '.5', '0x10', 'Infinity', '1e999', '9007199254740993'],
      ...[true, false, 'TRUE', null, null, 'text'],
    ])
  })

  test('passes over blank lines, and takes line ends of several kinds', async () => {
    expect(await csv('a,b\r\n\r\n1,2\n\n3,4\r5,6')).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
      { a: '5', b: '6' },
    ])
  })

  test('may have a header only', async () => {
    expect(await csv('a,b')).toEqual([])
    expect(await csv('a,b\n')).toEqual([])
  })

  test('may call a column __proto__', async () => {
    const [row] = await csv('__proto__,a\nx,1\n')
    expect(JSON.stringify(row)).toBe('{"__proto__":"x","a":"1"}')
  })
})

describe('what is no CSV is refused, and the line is named', () => {
  test.each([
    ['', 'it is empty: the first line must name the columns'],
    ['\n\n', 'it is empty: the first line must name the columns'],
    ['a,,c\n', 'the header: column 2 has no name'],
    ['a, \n', 'the header: column 2 has no name'],
    ['a,b,a\n', 'the header: column 3 has the name of an earlier one, "a"'],
    [`${'a'.repeat(201)}\n`, 'the header: column 1 has a name of more than 200 characters'],
    ['a,b\n1,2\n3\n', 'line 3: has not as many fields as the header has columns'],
    ['a,b\n1,2\n\n"3\n",4,5\n', 'line 5: has not as many fields as the header has columns'],
    ['a,b\n1,2,3', 'line 2: has not as many fields as the header has columns'],
    ['a,b\n1,"2', 'line 2: a quote is not closed'],
    ['a,b\n1,"2"x\n', 'line 2: something stands behind a closing quote; a quote inside of a field is written twice'],
    ['a,b\n1,x"2"\n', 'line 2: a quote stands inside of a field that does not begin with one'],
  ])('%j', async (text, message) => {
    await expect(csv(text)).rejects.toMatchObject({ name: 'ParseError', code: 'INVALID_CSV', message })
  })

  test('too many columns', async () => {
    const header = (count: number) => Array.from({ length: count }, (_, index) => `c${index}`).join(',')
    expect(await csv(header(MAX_COLUMNS))).toEqual([])
    await expect(csv(header(MAX_COLUMNS + 1))).rejects.toThrow('the header has 1001 columns; 1000 are allowed')
  })

  test.each([
    ['of text', 'x'],
    ['of delimiters', ','],
    ['of quotes', '"'],
  ])('a row without an end, %s', async (_, character) => {
    const endless = async function* () {
      yield Buffer.from('a,b\n1,2\n')
      for (;;) yield Buffer.alloc(10_000, character)
    }
    await expect(rowsOf(endless(), { format: 'CSV' })).rejects.toThrow(
      `line 3: the row is longer than ${MAX_ROW_BYTES} bytes`,
    )
  })
})
