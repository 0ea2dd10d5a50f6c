/** Anything that has an id, by its id; and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, makeStack, type Person, post, publishSite, signUp } from '../support/people.ts'

const NODE = graphql(`query NodeById($id: ID!) { node(id: $id) { __typename id } }`)

let app: TestApp
let alice: Person
let bob: Person
/** One thing of each type, hidden from others as far as that goes. */
let ids: Record<string, string>

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
  const artifact = await publishSite(app, 'hidden', alice.token, { visibility: 'PRIVATE' })
  const job = await makeJob(app, alice.token, { artifactId: artifact.id })
  const ask = async (query: string) => (await post(app, { query }, alice.token)).body.data
  const { a } = await ask(`{ a: artifact(id: "${artifact.id}") { liveVersion { id } } }`)
  const { r } = await ask(`mutation { r: runJob(input: { jobId: "${job.id}" }) { ... on Run { id } } }`)
  const { id: Stack } = await makeStack(app, alice.token)
  const { d } = await ask('mutation { d: createDataset(input: { name: "hidden" }) { ... on Dataset { id } } }')
  const { s } = await ask(
    `mutation { s: takeSnapshot(input: { datasetId: "${d.id}" }) { ... on DatasetSnapshot { id } } }`,
  )
  const { c } = await ask(
    `mutation { c: addComment(input: { artifactId: "${artifact.id}", text: "x" }) { ... on Comment { id } } }`,
  )
  ids = {
    ...{ Dataset: d.id, DatasetSnapshot: s.id, Comment: c.id },
    ...{ Principal: alice.id, Artifact: artifact.id, ArtifactVersion: a.liveVersion.id },
    ...{ Job: job.id, Run: r.id, Stack },
  }
})
afterAll(() => app?.stop())

const find = async (id: string, token: string | null = alice.token) => await app.send(NODE, { id }, { token })

describe('node', () => {
  it('finds one of each type', async () => {
    const types = schema.getPossibleTypes(schema.getType('Node') as never).map(({ name }) => name)
    expect(Object.keys(ids).sort()).toEqual(types.sort())
    for (const [__typename, id] of Object.entries(ids)) {
      expect(await find(id)).toEqual({ data: { node: { __typename, id } } })
      expect(await find(id, ADMIN_TOKEN)).toEqual({ data: { node: { __typename, id } } })
    }
  })

  it('finds nothing for whoever may not read it, and does not say that it is there', async () => {
    const nothing = { data: { node: null } }
    const { token: narrow } = await issueToken(app, alice.token, { scopes: ['jobs:run'] })
    for (const [type, id] of Object.entries(ids)) {
      expect(await find(id, null), `${type} for nobody`).toEqual(nothing)
      if (type === 'Principal') continue
      expect(await find(id, bob.token), `${type} for another`).toEqual(nothing)
      expect(await find(id, narrow), `${type} for a token that may not read`).toEqual(nothing)
    }
  })

  it('finds nothing by an id that is of nothing, or of what has no page of its own', async () => {
    const none = '00000000000000000000000000000000'
    const prefixes = [
      'art',
      'ver',
      'job',
      'run',
      'usr',
      'sch',
      'act',
      'tok',
      'dlv',
      'evt',
      'dep',
      'row',
      'dat',
      'snp',
      'cmt',
      'zzz',
      'constructor',
    ]
    const malformed = [
      '',
      ' ',
      'job',
      'job_',
      '_',
      `JOB_${none}`,
      `job_${none}0`,
      `job_${none.slice(1)}x`,
      'x'.repeat(9_999),
    ]
    const uuid = `${ids.Job}`.replace('job_', '')
    const others = [uuid, `art_${uuid}`, `run_${uuid}`, 'Sm9iOjE=', '__proto__', '\0', '\ud800', "' or 1=1 --"]
    for (const id of [...prefixes.map((prefix) => `${prefix}_${none}`), ...malformed, ...others]) {
      expect(await find(id), id).toEqual({ data: { node: null } })
    }
  })
})
