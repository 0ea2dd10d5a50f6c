/** Nothing that a call keeps holds what was said in confidence. */
import { expect, onTestFinished, test } from 'vitest'
import { callHttp } from '../../src/actions/http-call.ts'
import { recordOf } from '../../src/actions/record.ts'
import { actionKinds, createActionRegistry } from '../../src/actions/registry.ts'
import { createEgress } from '../../src/egress/egress.ts'
import { type Answer, startReceiver } from '../support/receiver.ts'

function open() {
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], httpsOnly: false })
  onTestFinished(() => egress.close())
  return egress
}

const SECRET = 'hunter2/hunter2="x"'
const headers = { authorization: `Bearer ${SECRET}`, 'x-api-key': SECRET, accept: '*/*' }

async function kept(answer: Answer, signal = new AbortController().signal) {
  const receiver = await startReceiver(answer)
  const url = `${receiver.url}/?token=${encodeURIComponent(SECRET)}&page=2`
  const delivery = await callHttp(open(), { url, method: 'POST', headers, body: Buffer.from(SECRET), signal })
  const record = JSON.stringify({ ...recordOf(delivery), responseBody: delivery.responseBody.toString('latin1') })
  for (const form of [SECRET, JSON.stringify(JSON.stringify(SECRET)).slice(3, -3), encodeURIComponent(SECRET)]) {
    expect(record).not.toContain(form)
  }
  expect(record).not.toContain('hunter2/hunter2')
  return delivery
}

test('what was sent is shown without them', async () => {
  const delivery = await kept((response) => response.end())
  expect(delivery.requestHeaders).toEqual({ authorization: '•••', 'x-api-key': '•••', accept: '*/*' })
  expect(delivery.url).toMatch(/\/\?token=•••&page=2$/)
})

test.each<[string, Answer]>([
  ['in the text', (response, { headers }) => response.end(`no ${headers['x-api-key']} is known`)],
  ['in JSON', (response, { headers, url }) => response.end(JSON.stringify({ headers, url }))],
  ['in a header', (response, { headers }) => response.setHeader('x-echo', `${headers.authorization}`).end('ok')],
  ['in a redirect', (response, { url }) => response.writeHead(302, { location: `/login?next=${url}` }).end()],
  [
    'in an answer that breaks off',
    (response, { headers }) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write(`you are ${headers.authorization}`, () => response.destroy())
    },
  ],
  [
    'in an answer that breaks off within it',
    (response, { headers }) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write(`you are ${headers['x-api-key']}`.slice(0, 15), () => response.destroy())
    },
  ],
  ['where the answer is cut', (response) => response.end('x'.repeat(19_990) + SECRET)],
])('an answer that says them back %s is kept without', async (_, answer) => {
  const delivery = await kept(answer)
  expect(delivery.responseBody.toString()).not.toContain('hunter2')
})

test('a configuration is shown without what its kind keeps secret, and one that fits no longer not at all', () => {
  const registry = createActionRegistry({ egress: open(), version: '0' } as never)
  const webhookUrl = 'https://hooks.example/services/T0/very-secret'
  const url = 'https://a.example/?api_key=very-secret&a=1'
  const http = { url, headers: { Authorization: 'very-secret', accept: 'text/plain' } }
  const shown = {
    url: 'https://a.example/?api_key=•••&a=1',
    headers: { Authorization: '•••', accept: 'text/plain' },
  }
  expect(registry.redact('webhook', { ...http, body: { a: 1 } })).toMatchObject({ ...shown, body: { a: 1 } })
  expect(registry.redact('httpGet', http)).toEqual(shown)
  for (const kind of ['slack', 'discord']) {
    const config = { webhookUrl, customMessage: 'hello', username: 'me' }
    expect(registry.redact(kind, config)).toMatchObject({ ...config, webhookUrl: 'https://hooks.example/•••' })
  }
  for (const { kind } of actionKinds.filter((each) => 'redact' in each)) {
    expect(registry.redact(kind, { token: 'very-secret', url: 7, webhookUrl: 7 })).toEqual({})
  }
  expect(registry.redact('no-such', { token: 'very-secret' })).toEqual({})
})
