/** Runs of several steps, through the API, with real receivers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { actions } from '../jobs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'

const RUN = graphql(`
  query MultiStepRun($id: ID!) {
    run(id: $id) {
      status error { code message step }
      steps { position name kind status attempt output error { code } }
      deliveries { position attempt status }
    }
  }
`)

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(() => app?.stop())

async function runOf(jobId: string, payload?: unknown) {
  const started = await actions(app).run(jobId, { payload })
  if (started.__typename !== 'Run') throw new Error(JSON.stringify(started))
  const read = async () => (await app.send(RUN, { id: started.id })).data.run
  await expect.poll(async () => (await read())?.status, { timeout: 15_000 }).toMatch(/SUCCEEDED|FAILED/)
  return read()
}

describe('a run of several steps', () => {
  it('hands what a step left to those behind it, escaped for where it lands', async () => {
    const nasty = 'a/b?c=d&e "quoted" {{ run.id }}'
    const receiver = await startReceiver((response, { url }) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(url === '/orders' ? { id: nasty, total: 3, lines: [{ sku: 'x' }] } : { ok: true }))
    })
    const { id } = await makeJob(app, ADMIN_TOKEN, {
      actions: [
        { webhook: { name: 'fetch', url: `${receiver.url}/orders`, method: 'GET' } },
        {
          webhook: {
            url: `${receiver.url}/orders/{{ steps.fetch.body.id }}?by={{ input.who }}`,
            headers: { 'x-sku': '{{ steps.fetch.body.lines.0.sku }}' },
            body: { order: '{{ steps.fetch.body.id }}', total: '{{ steps.fetch.body.total }}', literal: '\\{{ x }}' },
          },
        },
        {
          webhook: {
            url: `${receiver.url}/text`,
            contentType: 'text/plain',
            body: '{{ steps.webhook.body.ok }} in {{ run.id }}, order of {{ job.name }}{{ artifact }}',
          },
        },
      ],
      name: 'three steps',
    })
    const run = await runOf(id, { who: 'ä&b' })
    expect(run).toMatchObject({ status: 'SUCCEEDED', error: null })
    expect(run?.steps.map(({ name, status }) => [name, status])).toEqual([
      ['fetch', 'SUCCEEDED'],
      ['webhook', 'SUCCEEDED'],
      ['webhook-2', 'SUCCEEDED'],
    ])
    const [, second, third] = receiver.calls
    expect(second?.url).toBe(`/orders/${encodeURIComponent(nasty)}?by=${encodeURIComponent('ä&b')}`)
    expect(second?.headers['x-sku']).toBe('x')
    expect(JSON.parse(second?.body ?? '')).toEqual({ order: nasty, total: 3, literal: '{{ x }}' })
    expect(third?.body).toMatch(/^true in run_[0-9a-f]{32}, order of three steps$/)
  })

  it('stops at the step that fails, and says which', async () => {
    const receiver = await startReceiver((response, { url }) => {
      response.statusCode = url === '/second' ? 404 : 200
      response.end()
    })
    const steps = ['first', 'second', 'third'].map((name) => ({ webhook: { name, url: `${receiver.url}/${name}` } }))
    const { id } = await makeJob(app, ADMIN_TOKEN, { actions: steps })
    expect(await runOf(id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'HTTP_404', step: 'second' },
      steps: [
        { name: 'first', status: 'SUCCEEDED' },
        { name: 'second', status: 'FAILED', error: { code: 'HTTP_404' } },
      ],
      deliveries: [
        { position: 0, status: 200 },
        { position: 1, status: 404 },
      ],
    })
    expect(receiver.calls.map(({ url }) => url)).toEqual(['/first', '/second'])
  })

  it('does not do over what was done, when a later step is tried again, and still knows what it left', async () => {
    let refusals = 2
    const receiver = await startReceiver((response, { url }) => {
      response.statusCode = url === '/count/1' && refusals-- > 0 ? 503 : 200
      response.setHeader('content-type', 'application/json')
      response.end('{"n": 1}')
    })
    const { id } = await makeJob(app, ADMIN_TOKEN, {
      retry: { maxAttempts: 3, backoff: 'FIXED', initialDelay: 0 },
      actions: [
        { webhook: { name: 'once', url: `${receiver.url}/once` } },
        { webhook: { name: 'count', url: `${receiver.url}/count/{{ steps.once.body.n }}` } },
      ],
    })
    const run = await runOf(id)
    expect(run?.steps).toMatchObject([{ attempt: 1 }, { attempt: 3, status: 'SUCCEEDED' }])
    expect(receiver.calls.map(({ url }) => url)).toEqual(['/once', '/count/1', '/count/1', '/count/1'])
    const ids = receiver.calls.slice(1).map(({ headers }) => headers['webhook-id'])
    expect(new Set(ids).size).toBe(1)
  })

  it('fails a step whose template leads nowhere, without a call', async () => {
    const receiver = await startReceiver()
    const { id } = await makeJob(app, ADMIN_TOKEN, {
      actions: [{ webhook: { url: `${receiver.url}/{{ input.missing }}` } }],
    })
    expect(await runOf(id, { other: 1 })).toMatchObject({
      status: 'FAILED',
      error: { code: 'TEMPLATE', message: 'there is no value for {{ input.missing }}', step: 'webhook' },
      deliveries: [],
    })
    expect(receiver.connections).toBe(0)
  })
})

describe('a job is refused', () => {
  const url = 'https://receiver.example/'
  it.each([
    [
      'a step that stands behind',
      [{ webhook: { url: `${url}{{ steps.b.x }}` } }, { webhook: { name: 'b', url } }],
      'actions.0.webhook.url',
    ],
    ['itself', [{ webhook: { name: 'a', url: `${url}{{ steps.a.x }}` } }], 'actions.0.webhook.url'],
    [
      'a root that there is not',
      [{ webhook: { url, body: { a: ['{{ secrets.x }}'] } } }],
      'actions.0.webhook.body.a.0',
    ],
    ['no name of a value', [{ webhook: { url, headers: { x: '{{ a b }}' } } }], 'actions.0.webhook.headers.x'],
    ['nothing', [{ webhook: { url, body: 'text {{ }}' } }], 'actions.0.webhook.body'],
    ['what never ends', [{ webhook: { url, body: 'text {{ input' } }], 'actions.0.webhook.body'],
    ['its host', [{ webhook: { url: 'https://{{ input.host }}/' } }], 'actions.0.webhook.url'],
  ])('when a template names %s', async (_what, steps, path) => {
    expect(await actions(app).create({ actions: steps })).toMatchObject({
      __typename: 'ValidationError',
      issues: expect.arrayContaining([expect.objectContaining({ path })]),
    })
  })

  it('with everything that is wrong, in all of its steps', async () => {
    const steps = [
      { webhook: { url: 'ftp://receiver.example/' } },
      { httpGet: { url, headers: { host: 'x', 'webhook-id': 'y' } } },
      { slack: { webhookUrl: 'http://10.0.0.1/', includeArtifactLink: true } },
    ]
    const created = await actions(app).create({ actions: steps })
    if (created.__typename !== 'ValidationError') throw new Error(JSON.stringify(created))
    expect(created.issues.map(({ path }) => path)).toEqual([
      'actions.0.webhook.url',
      'actions.1.httpGet.headers.host',
      'actions.1.httpGet.headers.webhook-id',
      'actions.2.slack.webhookUrl',
      'actions.2.slack.includeArtifactLink',
    ])
  })

  it('when two steps have one name, or a name is none', async () => {
    const named = (name: string) => ({ webhook: { name, url } })
    expect(await actions(app).create({ actions: [named('a'), named('a')] })).toMatchObject({
      issues: [{ path: 'actions.1.webhook.name', message: 'is the name of an earlier step' }],
    })
    for (const name of ['', '1st', 'a.b', 'a b', 'x'.repeat(51)]) {
      expect(await actions(app).create({ actions: [named(name)] })).toMatchObject({
        issues: [{ path: 'actions.0.webhook.name' }],
      })
    }
  })

  it('but for names that only look alike: a given one makes a made-up one give way', async () => {
    const created = await actions(app).create({
      actions: [{ webhook: { url } }, { webhook: { name: 'webhook-2', url } }, { webhook: { url } }],
    })
    if (created.__typename !== 'Job') throw new Error(JSON.stringify(created))
    expect(created.actions.map(({ name }) => name)).toEqual(['webhook', 'webhook-2', 'webhook-3'])
  })
})
