import { describe, expect, onTestFinished, test } from 'vitest'
import { createHttpGetDriver } from '../../../src/actions/drivers/http-get.ts'
import { createEgress } from '../../../src/egress/egress.ts'
import { type Answer, startReceiver } from '../../support/receiver.ts'
import { nobody, stepContext } from '../context.ts'

function open() {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  return createHttpGetDriver({ egress, version: '1.2.3' })
}

async function get(answer: Answer, config: object = {}) {
  const receiver = await startReceiver(answer)
  const driver = open()
  const result = await driver.execute(driver.config.parse({ url: `${receiver.url}/data`, ...config }), stepContext())
  return { result, call: receiver.calls[0] }
}

const json =
  (text: string, type = 'application/json'): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': type }).end(text)
  }

describe('httpGet', () => {
  test('fetches with the headers it is given, and sends no body', async () => {
    const { call } = await get(json('{}'), { headers: { 'X-A': 'b', Authorization: 'Bearer very-secret' } })
    expect(call).toMatchObject({
      method: 'GET',
      url: '/data',
      body: '',
      headers: { 'x-a': 'b', authorization: 'Bearer very-secret' },
    })
    expect(call?.headers).toHaveProperty('webhook-id')
    expect(call?.headers).not.toHaveProperty('content-type')
  })

  test.each([
    ['{"a": [1, null]}', 'application/json', { a: [1, null] }],
    ['[1]', 'application/problem+json; charset=utf-8', [1]],
    ['{"a": ', 'application/json', '{"a": '],
    ['{"a": 1}', 'text/plain', '{"a": 1}'],
    ['{"a": "\\u0000"}', 'application/json', '{"a": "\\u0000"}'],
    ['a\0b', 'text/plain', 'a\ufffdb'],
    ['\ufeff{"a": 1}', 'application/json', { a: 1 }],
    ['[1]', 'application/json-seq', '[1]'],
    ['', 'application/json', null],
    ['1e999', 'application/json', '1e999'],
  ])('hands %j of type %s on as %j', async (text, type, body) => {
    expect((await get(json(text, type))).result).toMatchObject({ ok: true, output: { status: 200, body } })
  })

  test('hands on the first 20,000 bytes of a long answer, as text', async () => {
    const { result } = await get(json(JSON.stringify('x'.repeat(30_000))))
    expect(result).toMatchObject({ ok: true, deliveries: [{ truncated: true }] })
    if (result.ok) expect((result.output as { body: string }).body).toHaveLength(20_000)
  })

  test.each(['é', '€', '😀'])('hands on no half of %s, where a long answer is cut', async (character) => {
    for (const before of ['', 'x', 'xx', 'xxx']) {
      const { result } = await get(json(before + character.repeat(20_000), 'text/plain'))
      const count = Math.floor((20_000 - before.length) / Buffer.byteLength(character))
      expect(result).toMatchObject({ ok: true, output: { body: before + character.repeat(count) } })
    }
  })

  test('records no secret, also when the receiver says it back', async () => {
    const headers = { authorization: 'Bearer very-secret' }
    const echo: Answer = (response, call) =>
      void response.writeHead(500).end(`you said ${call.headers.authorization} ${call.url}`)
    const receiver = await startReceiver(echo)
    const driver = open()
    const config = driver.config.parse({ url: `${receiver.url}/?access_token=hush-hush`, headers })
    const result = await driver.execute(config, stepContext())
    const kept = {
      ...result,
      deliveries: result.deliveries.map((each) => ({ ...each, responseBody: `${each.responseBody}` })),
    }
    expect(JSON.stringify(kept)).not.toMatch(/very-secret|hush-hush/)
    expect(kept.deliveries).toMatchObject([
      { requestHeaders: { authorization: '•••' }, responseBody: expect.stringMatching(/^you said/) },
    ])
  })

  test('fails on other answers, and waits as it is asked to', async () => {
    const busy: Answer = (response) => void response.writeHead(503, { 'retry-after': '7' }).end()
    expect((await get(busy)).result).toMatchObject({
      ok: false,
      failure: { code: 'HTTP_503', transient: true, retryAfter: 7 },
    })
  })

  test('is refused with a target or headers that it may not have', () => {
    const driver = open()
    const check = (config: object) => driver.check(driver.config.parse(config), nobody)
    expect(check({ url: 'http://10.0.0.1/' })).toMatchObject([{ path: 'url' }])
    expect(check({ url: 'https://a.example/', headers: { host: 'b' } })).toMatchObject([{ path: 'headers.host' }])
  })
})
