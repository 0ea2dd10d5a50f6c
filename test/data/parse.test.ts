import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FORMATS, parseRows } from '../../src/data/parse.ts'
import { cut, cuts, pieces, rowsOf } from './parsing.ts'

const text = { CSV: 'a\nx\n', JSON: '[{"a":"x"}]', NDJSON: '{"a":"x"}' }

describe.each(FORMATS)('%s', (format) => {
  test('is read to its last byte, and not one byte further than is allowed', async () => {
    const maxBytes = text[format].length
    expect(await rowsOf(text[format], { format, maxBytes })).toEqual([{ a: 'x' }])
    await expect(rowsOf(text[format], { format, maxBytes: maxBytes - 1 })).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: `there are more than ${maxBytes - 1} bytes`,
    })
  })

  test('passes on what its source throws', async () => {
    const failure = new Error('the line is dead')
    const broken = async function* () {
      yield Buffer.from(text[format].slice(0, 3))
      throw failure
    }
    await expect(rowsOf(broken(), { format })).rejects.toBe(failure)
  })

  test('lets its source go when its reader leaves', async () => {
    let open = true
    const source = async function* () {
      try {
        if (format === 'JSON') yield Buffer.from('[')
        for (;;) yield Buffer.from({ CSV: 'a1\n', JSON: '{"a":1},', NDJSON: '{"a":1}\n' }[format].repeat(3000))
      } finally {
        open = false
      }
    }
    for await (const batch of parseRows(source(), { format, maxBytes: 2 ** 30 })) {
      expect(batch.length).toBeGreaterThan(0)
      break
    }
    await expect.poll(() => open).toBe(false)
  })
})

describe('bytes that are not UTF-8', () => {
  test('are refused with their line, however they are cut', async () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 10 })
      .map((each) => Buffer.from(`${each.replace(/[\r\n"]/g, '')}x`))
    const bad = fc.constantFrom(
      [0xff],
      [0xc3],
      [0xc3, 0x28],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x98],
      [0xed, 0xa0, 0x80],
      [0x80],
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), bad, fc.boolean(), cuts, async (lines, flaw, ends, sizes) => {
        const before = lines.flatMap((each) => [each, Buffer.from('\n')])
        const whole = Buffer.concat([
          Buffer.from('a\n'),
          ...before,
          Buffer.from(flaw),
          Buffer.from(ends ? '' : '\nb\n'),
        ])
        await expect(rowsOf(cut(whole, sizes), { format: 'CSV', delimiter: '\t' })).rejects.toMatchObject({
          code: 'NOT_UTF8',
          message: `line ${lines.length + 2} is not UTF-8`,
        })
      }),
      { numRuns: 200 },
    )
  })

  test('UTF-16 is none, with or without its mark', async () => {
    const utf16 = Buffer.from('\ufeffa,b\n1,ä\n', 'utf16le')
    await expect(rowsOf(pieces(utf16), { format: 'CSV' })).rejects.toThrow('line 1 is not UTF-8')
  })
})
