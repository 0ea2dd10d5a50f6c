/** Trying an action out without a job. */
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestActionInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, makeJob, type Person, publishSite, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'

const TEST_ACTION = graphql(`
  mutation TryAction($input: TestActionInput!) {
    testAction(input: $input) {
      __typename
      ... on TestedAction {
        ok output warnings durationMs error { code message }
        deliveries { method url status responseBody requestBytes attempt position }
      }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const SECRET = graphql(`query SecretOfJob($id: ID!) { job(id: $id) { signingSecret } }`)

let app: TestApp
let alice: Person
let bob: Person
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const attempt = async (input: TestActionInput, token = alice.token) =>
  (await app.send(TEST_ACTION, { input }, { token })).data.testAction

describe('testAction', () => {
  it('does the action and answers what came of it, and nothing is kept', async () => {
    const receiver = await startReceiver((response) => {
      response.setHeader('content-type', 'application/json')
      response.end('{"a":1}')
    })
    const before = await countRows(app)
    const action = { webhook: { url: `${receiver.url}/{{ input.path }}/{{ steps.first.id }}` } }
    expect(await attempt({ action, payload: { path: 'x' }, steps: { first: { id: 7 } } })).toMatchObject({
      ...{ ok: true, output: { status: 200, body: { a: 1 } }, warnings: [], error: null },
      deliveries: [{ method: 'POST', status: 200, responseBody: '{"a":1}', attempt: 1, position: 0 }],
    })
    expect(receiver.calls.map(({ url }) => url)).toEqual(['/x/7'])
    expect(await countRows(app)).toEqual(before)
  })

  it('shows why it fails', async () => {
    const receiver = await startReceiver((response) => void response.writeHead(500).end('oh no'))
    expect(await attempt({ action: { webhook: { url: receiver.url } } })).toMatchObject({
      ...{ ok: false, output: null, error: { code: 'HTTP_500' } },
      deliveries: [{ status: 500, responseBody: 'oh no' }],
    })
    const missing = { webhook: { url: `${receiver.url}/{{ input.x }}` } }
    expect(await attempt({ action: missing })).toMatchObject({ ok: false, error: { code: 'TEMPLATE' }, deliveries: [] })
  })

  it('acts as an action of a job: on its artifact, signed with its secret', async () => {
    const receiver = await startReceiver()
    const site = await publishSite(app, 'tried', alice.token)
    const job = await makeJob(app, alice.token, { artifactId: site.id, name: 'real' })
    const action = { webhook: { url: receiver.url } }
    expect(await attempt({ action, jobId: job.id })).toMatchObject({ ok: true })
    const [call] = receiver.calls
    const secret = (await app.send(SECRET, { id: job.id }, { token: alice.token })).data.job?.signingSecret ?? ''
    const body = new Webhook(secret).verify(call?.body ?? '', call?.headers as Record<string, string>)
    expect(body).toMatchObject({ run: { job: { id: job.id, name: 'real' } }, artifact: { id: site.id } })
    expect(await attempt({ action, artifactId: site.id })).toMatchObject({ ok: true })
    expect(JSON.parse(receiver.calls[1]?.body ?? '')).toMatchObject({ artifact: { slug: 'tried' } })
  })

  it.each([
    [{ webhook: { url: 'http://10.0.0.1/' } }, 'action.webhook.url'],
    [{ webhook: { url: 'https://example.com/{{ steps.other.x }}' } }, 'action.webhook.url'],
  ])('refuses %j, as a job would be', async (action, path) => {
    expect(await attempt({ action })).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
  })

  it('is for whoever may run jobs, and on things of their own', async () => {
    const receiver = await startReceiver()
    const action = { webhook: { url: receiver.url } }
    const site = await publishSite(app, 'public-site', alice.token)
    const job = await makeJob(app, alice.token)
    expect(await attempt({ action, artifactId: site.id }, bob.token)).toMatchObject({ code: 'FORBIDDEN' })
    expect(await attempt({ action, jobId: job.id }, bob.token)).toMatchObject({ code: 'NOT_FOUND' })
    for (const scopes of [
      ['jobs:read', 'jobs:write'],
      ['jobs:read', 'jobs:run'],
    ]) {
      const { token } = await issueToken(app, alice.token, { scopes })
      expect(await attempt({ action }, token)).toMatchObject({ code: 'INSUFFICIENT_SCOPE' })
    }
    expect(await attempt({ action, jobId: job.id, artifactId: site.id })).toMatchObject({
      issues: [{ path: 'artifactId' }],
    })
    expect(receiver.calls).toEqual([])
  })
})
