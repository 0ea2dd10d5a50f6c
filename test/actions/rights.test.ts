/** What a token may not do by itself, it may not have a job do either. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ActionInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { actions } from '../jobs/operations.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, makeJob, type Person, publishSite, signUp } from '../support/people.ts'

const STACK = graphql(`
  mutation StackWithout($actions: [ActionInput!]!) {
    createStack(input: { name: "no", actions: $actions }) { __typename ... on Error { code message } }
  }
`)

const TRY = graphql(`
  mutation TryWithout($action: ActionInput!) {
    testAction(input: { action: $action }) { __typename ... on Error { code message } }
  }
`)

let app: TestApp
let alice: Person
let artifactId: string
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  artifactId = (await publishSite(app, 'site', alice.token)).id
  const dataset = graphql(`mutation MakeData { createDataset(input: { name: "data" }) { __typename } }`)
  await app.send(dataset, {}, { token: alice.token })
})
afterAll(() => app?.stop())

const CASES: [kind: string, action: () => ActionInput, scope: string][] = [
  ['publish', () => ({ publish: { artifactId } }), 'artifacts:write'],
  [
    'materialize',
    () => ({ materialize: { source: { url: 'https://a.example/x.csv' }, target: { name: 'x' } } }),
    'data:write',
  ],
  ['a copy', () => ({ materialize: { source: { dataset: 'data' }, target: { name: 'x' } } }), 'data:read'],
  ['snapshot', () => ({ snapshot: { datasets: ['data'] } }), 'data:write'],
  ['snapshotCleanup', () => ({ snapshotCleanup: { datasets: ['data'], keep: 0 } }), 'data:write'],
  [
    'a mail with data',
    () => ({ email: { recipients: ['a@b.example'], subject: 'x', attachDatasets: ['data'] } }),
    'data:read',
  ],
]

describe('an action that a token could not do itself', () => {
  it.each(CASES)('%s is for no job, no stack and no trial of its', async (_name, action, scope) => {
    const all = ['artifacts:read', 'artifacts:write', 'data:read', 'data:write', 'jobs:read', 'jobs:write', 'jobs:run']
    const { token } = await issueToken(app, alice.token, { scopes: all.filter((each) => each !== scope) })
    const job = await makeJob(app, alice.token)
    const before = await countRows(app)
    const refused = { code: 'INSUFFICIENT_SCOPE', message: `the token lacks the scope ${scope}` }
    expect(await actions(app, token).create({ actions: [action()] })).toMatchObject(refused)
    expect(await actions(app, token).update({ jobId: job.id, actions: [action()] })).toMatchObject(refused)
    expect((await app.send(STACK, { actions: [action()] }, { token })).data.createStack).toMatchObject(refused)
    expect((await app.send(TRY, { action: action() }, { token })).data.testAction).toMatchObject(refused)
    expect(await countRows(app)).toEqual(before)
    expect(await actions(app, alice.token).create({ actions: [action()] })).toMatchObject({ __typename: 'Job' })
  })
})
