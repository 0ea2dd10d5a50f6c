/** What a receiver gets for a value of an earlier step: that value, at its place, and nothing else of the request changes. */
import fc from 'fast-check'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createActionRegistry } from '../../../src/actions/registry.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import { ValidationError } from '../../../src/kernel/errors.ts'
import { type Call, startReceiver } from '../../support/receiver.ts'
import { nobody, stepContext } from '../context.ts'

let receiver: Awaited<ReturnType<typeof startReceiver>>
let registry: ReturnType<typeof createActionRegistry>

beforeEach(async () => {
  receiver = await startReceiver()
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  registry = createActionRegistry({ egress, version: '1.2.3', clock: { now: () => 0 } as never } as never)
})

const VALUE = '{{ steps.fetch.body.value }}'

/** Stored as a job would be, then done behind a step that left this value. */
async function execute(config: object, value: unknown, kind = 'webhook') {
  const options = { subject: nobody, steps: ['fetch'] }
  const stored = JSON.parse(JSON.stringify(await registry.parse(kind, { url: receiver.url, ...config }, options)))
  const steps = { fetch: { status: 200, body: { value: value as string } } }
  return registry.get(kind)?.execute(stored, stepContext({ steps }))
}

async function sent(config: object, value: unknown): Promise<Call> {
  receiver.calls.length = 0
  expect(await execute(config, value)).toMatchObject({ ok: true })
  const [call, ...more] = receiver.calls
  if (!call || more.length > 0) throw new Error('not one call')
  return call
}

/** A call without what is at one place of it, and without what follows from its length. */
function rest({ headers, ...call }: Call, place: 'url' | 'body' | string) {
  const { 'content-length': _, ...others } = headers
  return { ...call, headers: { ...others, [place]: '' }, [place]: '' }
}

const hostile = [
  ...['"', "'", '\\', '\r\nx-evil: 1', '\n\n', '../', '..', '.', '?a=b', '#c', '&d=e', '%2e%2e', '%', '+', ' ', ''],
  ...['{{ run.id }}', '\\{{', '}}', '</script><b>', '"},"evil":{"a":"', '","__proto__":{"x":1},"y":"', '😀ä\u2028'],
]
const anyValue = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
const tricky = fc
  .array(fc.oneof(anyValue), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('').toWellFormed())
const check = (property: (value: string) => Promise<void>) =>
  fc.assert(fc.asyncProperty(tricky, property), { numRuns: 150 })

describe('the receiver sees exactly the value', () => {
  test('in the query', async () => {
    const url = `${receiver.url}/hook?a=1&q=${VALUE}&b=2`
    const plain = rest(await sent({ url }, 'plain'), 'url')
    await check(async (value) => {
      const call = await sent({ url }, value)
      const { pathname, searchParams } = new URL(call.url, receiver.url)
      expect([pathname, ...searchParams]).toEqual(['/hook', ['a', '1'], ['q', value], ['b', '2']])
      expect(rest(call, 'url')).toEqual(plain)
    })
  })

  test('in the path, where it may not be one that steps up', async () => {
    const url = `${receiver.url}/before/${VALUE}/behind`
    const plain = rest(await sent({ url }, 'plain'), 'url')
    await check(async (value) => {
      if (value === '.' || value === '..') {
        expect(await execute({ url }, value)).toMatchObject({ ok: false, failure: { code: 'TEMPLATE' } })
        return
      }
      const call = await sent({ url }, value)
      expect(call.url.split('/').map(decodeURIComponent)).toEqual(['', 'before', value, 'behind'])
      expect(rest(call, 'url')).toEqual(plain)
    })
  })

  test('in a header, but for the blanks around it; or nothing is sent', async () => {
    const headers = { 'x-value': `${VALUE}`, 'x-other': 'same' }
    const plain = rest(await sent({ headers }, 'plain'), 'x-value')
    const latin = fc.string({ unit: fc.constantFrom(...'aZ09 \t"\'\\{}/?&=;,äÿ') })
    await fc.assert(
      fc.asyncProperty(latin, async (value) => {
        const call = await sent({ headers }, value)
        expect(call.headers['x-value']).toBe(value.replace(/^[\t ]+|[\t ]+$/g, ''))
        expect(rest(call, 'x-value')).toEqual(plain)
      }),
      { numRuns: 150 },
    )
    receiver.calls.length = 0
    for (const value of ['\r\nx-evil: 1', 'a\nb', '\0', '\x7f', '…', '😀']) {
      expect(await execute({ headers }, value)).toMatchObject({ ok: false, failure: { code: 'TEMPLATE' } })
    }
    expect(receiver.calls).toEqual([])
  })

  test.each([
    ['a JSON body', { value: VALUE, text: `<${VALUE}>`, same: ['{ }', 1] }],
    ['JSON that is written out', `{"value": ${VALUE}, "text": "<${VALUE}>", "same": ["{ }", 1]}`],
  ])('in %s', async (_, body) => {
    const plain = rest(await sent({ body }, 'plain'), 'body')
    expect(plain.headers['content-type']).toBe('application/json')
    await check(async (value) => {
      const call = await sent({ body }, value)
      expect(JSON.parse(call.body)).toEqual({ value, text: `<${value}>`, same: ['{ }', 1] })
      expect(rest(call, 'body')).toEqual(plain)
    })
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const { value: got, same } = JSON.parse((await sent({ body }, value)).body)
        expect({ got, same }).toEqual(JSON.parse(JSON.stringify({ got: value, same: ['{ }', 1] })))
      }),
      { numRuns: 100 },
    )
  })

  test('in a plain text', async () => {
    const body = `Note: ${VALUE}!`
    const plain = rest(await sent({ body }, 'plain'), 'body')
    await check(async (value) => {
      const call = await sent({ body }, value)
      expect(call.body).toBe(`Note: ${value}!`)
      expect(rest(call, 'body')).toEqual(plain)
    })
  })

  test('in a form', async () => {
    const config = { contentType: 'application/x-www-form-urlencoded', body: `a=1&value=${VALUE}&b=2` }
    await check(async (value) => {
      const { body } = await sent(config, value)
      expect([...new URLSearchParams(body)]).toEqual([
        ['a', '1'],
        ['value', value],
        ['b', '2'],
      ])
    })
  })

  test.each(['text/html; charset=utf-8', 'application/atom+xml'])('in markup, as %s', async (type) => {
    const config = { headers: { 'Content-Type': type }, body: `<b title="${VALUE}">${VALUE}</b>` }
    await check(async (value) => {
      const { body, headers } = await sent(config, value)
      expect(headers['content-type']).toBe(type)
      const [, attribute = '', text = ''] = /^<b title="([^"<>]*)">([^<>]*)<\/b>$/.exec(body) ?? []
      const entities = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }
      const plain = text.replace(/&(lt|gt|quot|#39|amp);/g, (entity) => entities[entity as '&lt;'])
      expect([attribute, plain]).toEqual([text, value])
    })
  })

  test('of a megabyte, or the step fails without a call', async () => {
    const big = '"'.repeat(500_000)
    expect(JSON.parse((await sent({ body: { value: VALUE } }, big)).body)).toEqual({ value: big })
    const million = 'x'.repeat(1_000_000)
    expect((await sent({ body: `[${VALUE}]` }, million)).body).toHaveLength(1_000_004)
    receiver.calls.length = 0
    for (const [config, code] of [
      [{ url: `${receiver.url}/${VALUE}` }, 'CONFIG'],
      [{ headers: { 'x-value': VALUE } }, 'CONFIG'],
      [{ body: [VALUE, VALUE] }, 'BODY_TOO_LARGE'],
      [{ body: [VALUE, VALUE, VALUE] }, 'TEMPLATE'],
    ] as const) {
      expect(await execute(config, million)).toMatchObject({ ok: false, failure: { code, transient: false } })
    }
    expect(await execute({ url: `${receiver.url}/${VALUE}` }, million, 'httpGet')).toMatchObject({ ok: false })
    expect(receiver.calls).toEqual([])
  })
})

describe('where a body is nothing but a template', () => {
  test.each([
    ['hello', 'hello', 'text/plain; charset=utf-8'],
    [{ a: [1] }, '{"a":[1]}', 'application/json'],
    [7, '7', 'text/plain; charset=utf-8'],
  ])('%j goes out as %s, %s', async (value, body, type) => {
    expect(await sent({ body: VALUE }, value)).toMatchObject({ body, headers: { 'content-type': type } })
  })

  test('and is said to be JSON, a text goes out as one of JSON', async () => {
    expect((await sent({ body: VALUE, contentType: 'application/json' }, 'hello')).body).toBe('"hello"')
  })
})

describe('when a job is made', () => {
  const issues = async (kind: string, config: object) =>
    registry.parse(kind, config, { subject: nobody, steps: ['fetch'] }).then(
      () => [],
      (error: unknown) => {
        if (error instanceof ValidationError) return error.issues
        throw error
      },
    )
  const url = 'https://receiver.example/'

  test.each([`[INFO] ${VALUE}`, `{"a": 1, ${VALUE}: 2}`, `{"a": "${VALUE}}`])(
    'a body that looks like JSON and is none is refused: %s',
    async (body) => {
      expect(await issues('webhook', { url, body })).toMatchObject([{ path: 'body' }])
      expect(await issues('webhook', { url, body, contentType: 'text/plain' })).toEqual([])
    },
  )

  test('a field that is never filled in is refused with a template', async () => {
    const config = { webhookUrl: url, username: VALUE, customMessage: VALUE }
    expect(await issues('slack', config)).toMatchObject([{ path: 'username' }])
    expect(await issues('discord', { webhookUrl: `${url}${VALUE}` })).toMatchObject([{ path: 'webhookUrl' }])
  })
})
