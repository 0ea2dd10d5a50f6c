/** JSON, XML and dates as clients of Boozles write them, and XML as they are answered. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../src/rest/boozles/json-in.ts'
import { formatInstant, parseInstant } from '../../../src/rest/boozles/when.ts'
import { parseXml } from '../../../src/rest/boozles/xml-in.ts'
import { element, isSayable, parent } from '../../../src/rest/boozles/xml-out.ts'

const FORM = { root: 'job', known: new Set(['url', 'data', 'cron']), maxBytes: 20_000 }

const xml = (text: string | Uint8Array) => parseXml(Buffer.from(text), FORM)

const CDATA = '<![CDATA[<b>&amp;</b>]]>'
const TEN_MB = 10 * 1024 * 1024

describe('XML', () => {
  it.each([
    ['<job/>', {}],
    ['<job><url>x</url><cron> 0 15 10 ? * * </cron></job>', { url: 'x', cron: '0 15 10 ? * *' }],
    ['<job>\n  <data> to the\n letter </data>\n</job>\n', { data: ' to the\n letter ' }],
    ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<!-- one --><job><url>x</url></job>', { url: 'x' }],
    ['\ufeff<job><url>x</url></job>', { url: 'x' }],
    [`<job><data>${CDATA}</data></job>`, { data: '<b>&amp;</b>' }],
    ['<job><data>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;</data></job>', { data: '<>&"\'AB😀' }],
    ['<job><data>a<!-- b -->c</data></job>', { data: 'ac' }],
    ['<job><data/><url></url></job>', { data: '', url: '' }],
    ['<job xmlns="urn:x" version="2"><url kind="y">x</url></job>', { url: 'x' }],
    ['<job><id>1</id><other><url>no</url><data>no</data></other><url>x</url></job>', { url: 'x' }],
    ['<job><data>007</data></job>', { data: '007' }],
    ['<job><url>ü😀</url></job>', { url: 'ü😀' }],
    ['<job><constructor>x</constructor><__proto__>y</__proto__></job>', {}],
  ])('%s is read', (text, fields) => {
    expect(xml(text)).toEqual(fields)
  })

  it.each([
    ['', 'document must contain a root element'],
    ['   ', 'document must contain a root element'],
    ['{"url": "x"}', ''],
    ['<job>', 'unclosed tag'],
    ['<job><url>x</job>', ''],
    ['<job></job><job></job>', ''],
    ['<jobs/>', 'its root is not <job>'],
    ['<Job/>', 'its root is not <job>'],
    ['<x:job xmlns:x="urn:x"/>', 'its root is not <job>'],
    ['<!DOCTYPE job><job/>', 'a DOCTYPE is not taken'],
    ['<!DOCTYPE job [<!ENTITY a "b">]><job><url>&a;</url></job>', 'a DOCTYPE is not taken'],
    ['<!DOCTYPE job SYSTEM "file:///etc/passwd"><job/>', 'a DOCTYPE is not taken'],
    ['<job><url>&nbsp;</url></job>', 'undefined entity'],
    ['<job><url>&#0;</url></job>', ''],
    ['<job><url>&#xFFFF;</url></job>', ''],
    ['<job><url>a & b</url></job>', ''],
    ['<job><url>a\u0001b</url></job>', ''],
    ['<?php echo 1 ?><job/>', 'processing instructions are not taken'],
    ['<job><?x y?></job>', 'processing instructions are not taken'],
    ['<?xml version="1.1"?><job/>', 'it is not XML 1.0'],
    ['<?xml version="1.0" encoding="ISO-8859-1"?><job/>', 'its encoding is not UTF-8'],
    ['<job><url>a</url><url>b</url></job>', 'more than one <url>'],
    ['<job><url><b>a</b></url></job>', '<url> has elements'],
    [`<job>${'<a>'.repeat(8)}${'</a>'.repeat(8)}</job>`, 'more than 8 deep'],
    ['<job url="a" url="b"/>', ''],
  ])('%s is refused', (text, message) => {
    expect(() => xml(text)).toThrow(
      expect.objectContaining({ name: 'XmlError', message: expect.stringContaining(message) }),
    )
  })

  it.each([
    ['UTF-16', Buffer.from('\ufeff<job/>', 'utf16le')],
    ['Latin-1', Buffer.from('<job><url>ü</url></job>', 'latin1')],
    ['half a character', Buffer.from('<job><url>ü').subarray(0, -1)],
  ])('in %s is refused', (_, bytes) => {
    expect(() => xml(bytes)).toThrow('it is not UTF-8')
  })

  it.each([
    ['nesting', '<job>'.padEnd(TEN_MB, '<a>')],
    ['nested fields', '<job><url>'.padEnd(TEN_MB, '<url>')],
    ['a DTD', '<!DOCTYPE job ['.padEnd(TEN_MB, '<!ENTITY a "b">')],
    ['the beginning of a DTD', '<!DOCTYPE '.padEnd(TEN_MB, 'x')],
    ['comments', ''.padEnd(TEN_MB, '<!-- x -->')],
    ['another root', '<root>'.padEnd(TEN_MB, 'x')],
  ])('of 10 MB of %s is given up before it is read', (_, text) => {
    const bytes = Buffer.from(text)
    const before = process.memoryUsage()
    const begun = performance.now()
    expect(() => parseXml(bytes, FORM)).toThrow(expect.objectContaining({ name: 'XmlError' }))
    const after = process.memoryUsage()
    expect(performance.now() - begun).toBeLessThan(500)
    expect(after.heapUsed - before.heapUsed).toBeLessThan(2 * 1024 * 1024)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 * 1024 * 1024)
  })

  it('that is too long is given up there', () => {
    expect(xml('<job>'.padEnd(19_985, '<a/>').concat('</job>'))).toEqual({})
    for (const filling of ['<a/>', 'x', '<a b="c">d</a>']) {
      const text = '<job>'.padEnd(5 + filling.length * 100_000, filling)
      expect(() => xml(`${text}</job>`)).toThrow(expect.objectContaining({ name: 'LimitError' }))
    }
  })

  it('that is made here is read as the same text, whatever that is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        fc.pre(isSayable(text))
        expect(xml(parent('job', [['data', text]]))).toEqual({ data: text })
      }),
      { examples: [['a\rb\r\nc\td'], [']]>&<>"\''], ['']] },
    )
  })

  it('that is made here is always well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        expect(Object.keys(xml(parent('job', [['data', text]])))).toEqual(['data'])
      }),
      { examples: [['\0\u0001\ud800\uffff']] },
    )
    expect(element('error', 'a\0<b>')).toBe('<error>a\ufffd&lt;b&gt;</error>')
  })

  it('of one piece or of many is the same, also where a character is cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4060, max: 4100 }), (length) => {
        const data = `${'x'.repeat(length)}😀&amp;ü${'y'.repeat(5000)}`
        expect(xml(`<job><data>${data}</data></job>`)).toEqual({ data: data.replace('&amp;', '&') })
      }),
    )
  })
})

describe('JSON', () => {
  it.each([
    ['{"a": 1,}', { a: 1 }],
    ['{"a": [1, 2 ,\n] ,\t}', { a: [1, 2] }],
    ['{"a": ",}", "b": "\\",]",}', { a: ',}', b: '",]' }],
    ['[{"a": {},},]', [{ a: {} }]],
  ])('%s is read without its trailing commas', (text, value) => {
    expect(parseJson(text)).toEqual(value)
  })

  it.each([
    '',
    '{,}',
    '[,]',
    '{"a": 1,,}',
    '[1,,2]',
    '{"a": 1},',
    '{"a": 1,',
    ',',
    '{"a" 1,}',
    "{'a': 1,}",
    '{a: 1,}',
    '{"a": 1, /* b */}',
    '{"a": "b,}',
    '{"a": "b\\',
    '{"a":,}',
  ])('%s is refused', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError)
  })

  it('is what it is without the commas, and as it was where there are none', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
    )
    const value = fc.array(fc.dictionary(fc.string({ unit: fc.constantFrom(...'",\\]}x') }), fc.string()), {
      minLength: 1,
    })
    fc.assert(
      fc.property(value, (given) => {
        const text = JSON.stringify(given)
        expect(parseJson(`${text.slice(0, -1)}, \n]`)).toEqual(given)
      }),
    )
  })

  it('of 1 MB that is none is refused in no time', () => {
    for (const text of ['"\\', '[1,', '"a\\"', ',', '[']) {
      const begun = performance.now()
      expect(() => parseJson(text.repeat(TEN_MB / 10 / text.length))).toThrow(SyntaxError)
      expect(performance.now() - begun, text).toBeLessThan(1_000)
    }
  })
})

describe('a date', () => {
  it.each([
    ['2011-05-11T15:30:00Z', '2011-05-11T15:30:00Z'],
    ['2011-05-11T15:30:00', '2011-05-11T15:30:00Z'],
    ['2011-05-11T15:30', '2011-05-11T15:30:00Z'],
    ['2011-05-11T15:30Z', '2011-05-11T15:30:00Z'],
    ['2011-05-11t15:30:00z', '2011-05-11T15:30:00Z'],
    ['2011-05-11T15:30:00+02:00', '2011-05-11T13:30:00Z'],
    ['2011-05-11T15:30:00+0200', '2011-05-11T13:30:00Z'],
    ['2011-05-11T15:30:00+02', '2011-05-11T13:30:00Z'],
    ['2011-05-11T15:30-05:30', '2011-05-11T21:00:00Z'],
    ['2011-01-01T00:00:00+14:00', '2010-12-31T10:00:00Z'],
    ['2011-05-11T15:30:00.999Z', '2011-05-11T15:30:00Z'],
    ['2011-05-11T15:30:00,5+02:00', '2011-05-11T13:30:00Z'],
    ['2012-02-29T23:59:59Z', '2012-02-29T23:59:59Z'],
  ])('%s is %s', (text, utc) => {
    expect(formatInstant(parseInstant(text) as Date)).toBe(utc)
  })

  it.each([
    '',
    'tomorrow',
    '2011-05-11',
    '2011-05-11 15:30:00Z',
    '20110511T153000Z',
    '2011-05-11T15',
    '2011-5-11T15:30:00Z',
    '2011-02-29T15:30:00Z',
    '2011-13-01T15:30:00Z',
    '2011-00-01T15:30:00Z',
    '2011-04-31T15:30:00Z',
    '2011-05-11T24:00:00Z',
    '2011-05-11T15:60:00Z',
    '2016-12-31T23:59:60Z',
    '2011-05-11T15:30:00+24:00',
    '2011-05-11T15:30:00+02:60',
    '2011-05-11T15:30:00 02:00',
    '+002011-05-11T15:30:00Z',
    '2011-05-11T15:30:00Z\n',
    '1305127800',
  ])('%j is none', (text) => {
    expect(parseInstant(text)).toBeNull()
  })

  it('is read as it is written', () => {
    const second = fc.date({ min: new Date('0001-01-01'), max: new Date('9998-12-31'), noInvalidDate: true })
    fc.assert(
      fc.property(second, (date) => {
        date.setUTCMilliseconds(0)
        expect(parseInstant(formatInstant(date))).toEqual(date)
      }),
    )
  })
})
