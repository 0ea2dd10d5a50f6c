/** Who sees the secrets in the steps of a job. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, type Person, query, signUp } from '../support/people.ts'
import { actions, jobOf } from './operations.ts'

let app: TestApp
let alice: Person
let jobId: string

const SECRET = 'very-secret'
const config = { url: `https://receiver.example/?token=${SECRET}`, headers: { 'X-Api-Key': SECRET } }
const source = { url: `https://receiver.example/?key=${SECRET}`, headers: { cookie: SECRET } }
const STEPS = [
  { webhook: config },
  { slack: { webhookUrl: `https://hooks.example/services/${SECRET}` } },
  { materialize: { source, target: { name: 'rows' } } },
]

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  jobId = jobOf(await actions(app, alice.token).create({ actions: STEPS })).id
})
afterAll(() => app?.stop())

const withScopes = async (...scopes: string[]) => (await issueToken(app, alice.token, { scopes } as never)).token
const configsFor = async (token: string) =>
  (await actions(app, token).job(jobId))?.actions.map((action) => action.config)

it('its owner does, with a token that may change it', async () => {
  expect(await configsFor(alice.token)).toMatchObject([config, STEPS[1]?.slack, { source }])
  expect(await configsFor(await withScopes('jobs:read', 'jobs:write'))).toMatchObject([
    config,
    STEPS[1]?.slack,
    { source },
  ])
})

it('an administrator does', async () => {
  const [{ config: shown } = {}] = (await actions(app).job(jobId))?.actions ?? []
  expect(shown).toMatchObject(config)
})

it('a token that may only read or run does not', async () => {
  for (const scopes of [['jobs:read'], ['jobs:read', 'jobs:run']]) {
    expect(await configsFor(await withScopes(...scopes))).toMatchObject([
      { url: 'https://receiver.example/?token=•••', headers: { 'X-Api-Key': '•••' } },
      { webhookUrl: 'https://hooks.example/•••' },
      { source: { url: 'https://receiver.example/?key=•••', headers: { cookie: '•••' } } },
    ])
  }
})

it('nobody does by another way to the same job', async () => {
  const token = await withScopes('jobs:read')
  const ask = async (text: string) => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: text }),
    })
    return response.text()
  }
  const found = 'actions { kind config }'
  const ways = [
    `{ jobs { edges { node { ${found} } } } }`,
    `{ node(id: "${jobId}") { ... on Job { ${found} runs { edges { node { job { ${found} } } } } } } }`,
  ]
  for (const text of ways) {
    const answer = await ask(text)
    expect(answer).toContain('"webhook"')
    expect(answer).not.toContain(SECRET)
  }
})

it('what is stored no longer fits its kind: the job can still be read, without it', async () => {
  await query(app, `update action set config = '{"url": 7, "token": "${SECRET}"}' where position = 0`)
  expect(await configsFor(await withScopes('jobs:read'))).toMatchObject([{}, {}, {}])
})
