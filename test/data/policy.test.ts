import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { type Person, publishSite, signUp } from '../support/people.ts'
import { datasets } from './operations.ts'

const SET_POLICY = graphql(`
  mutation SetPolicy($id: ID!, $policy: JSON) {
    updateArtifact(input: { artifactId: $id, accessPolicy: $policy }) {
      __typename ... on Artifact { accessPolicy } ... on ValidationError { issues { path message } } ... on Error { message }
    }
  }
`)

const READ_POLICY = graphql(`query ReadPolicy($id: ID!) { artifact(id: $id) { accessPolicy } }`)

let app: TestApp
let alice: Person
let siteId: string
let datasetId: string
const readers = new Map<string, string | null>([['nobody', null]])
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  siteId = (await publishSite(app, 'shop', alice.token)).id
  const rows = ['EU', 'us', 'APAC', null, 7].map((region) => ({ region }))
  datasetId = await datasets(app, alice.token).make('sales', rows, { artifactId: siteId })
  readers.set('bob', (await signUp(app, 'bob', 'Bob@Example.org')).token)
  readers.set('carol', (await signUp(app, 'carol', 'carol@else.example')).token)
  readers.set('dave', (await signUp(app, 'dave')).token)
})
afterAll(() => app?.stop())

const set = async (policy: unknown) =>
  (await app.send(SET_POLICY, { id: siteId, policy }, { token: alice.token })).data.updateArtifact
const seenBy = async (reader: string, more: object = {}) =>
  (await datasets(app, readers.get(reader) ?? null).rows(datasetId, more))?.map(
    (row) => (row as { region: unknown }).region,
  )

const rule = (match: object, ...values: unknown[]) => ({ match, values })
const policy = (more: object = {}) => ({
  ...{ version: 1, field: 'region', default: 'deny' },
  rules: [
    rule({ email: 'bob@example.ORG' }, 'eu'),
    rule({ domain: 'EXAMPLE.org' }, 'US', 7),
    rule({ domain: 'else.example' }, 'APAC'),
  ],
  ...more,
})

describe('an access policy', () => {
  it('shows a viewer the rows of all rules that match, whatever the case of letters', async () => {
    expect(await set(policy())).toMatchObject({ accessPolicy: policy() })
    expect(await seenBy('bob')).toEqual(['EU', 'us', 7])
    expect(await seenBy('carol')).toEqual(['APAC'])
  })

  it('shows whom no rule matches nothing, or everything', async () => {
    await set(policy())
    expect([await seenBy('dave'), await seenBy('nobody')]).toEqual([[], []])
    await set(policy({ default: 'allow' }))
    expect(await seenBy('nobody')).toEqual(['EU', 'us', 'APAC', null, 7])
    expect(await seenBy('carol')).toEqual(['APAC'])
  })

  it('is above what the viewer asks for, in rows, counts and values alike', async () => {
    await set(policy())
    expect(await seenBy('carol', { filter: { region: { $ne: 'x' } } })).toEqual(['APAC'])
    expect(await seenBy('carol', { filter: { $or: [{ region: 'EU' }, { region: 'APAC' }] } })).toEqual(['APAC'])
    const { dataset } = (await datasets(app, readers.get('carol') ?? null).read(datasetId)).data
    expect(dataset).toMatchObject({ count: 1, distinct: ['APAC'], rows: { totalCount: 1 } })
  })

  it('hides nothing from the owner, and is shown to nobody else', async () => {
    await set(policy())
    expect(await datasets(app, alice.token).rows(datasetId)).toHaveLength(5)
    expect((await app.send(READ_POLICY, { id: siteId }, { token: readers.get('bob') ?? null })).data.artifact).toEqual({
      accessPolicy: null,
    })
    expect(await set(null)).toMatchObject({ accessPolicy: null })
    expect(await seenBy('nobody')).toHaveLength(5)
  })

  it('stays as it is when a new version is published without one', async () => {
    await publishSite(app, 'shop', alice.token, { accessPolicy: policy() })
    await publishSite(app, 'shop', alice.token)
    expect(await seenBy('nobody')).toEqual([])
    await publishSite(app, 'shop', alice.token, { accessPolicy: null })
    expect(await seenBy('nobody')).toHaveLength(5)
  })

  it.each([
    [{ version: 2 }, 'accessPolicy.version'],
    [{ field: '' }, 'accessPolicy.field'],
    [{ default: 'maybe' }, 'accessPolicy.default'],
    [{ rules: 'all' }, 'accessPolicy.rules'],
    [{ rules: [rule({}, 'EU')] }, 'accessPolicy.rules.0.match'],
    [{ rules: [rule({ email: 'a@b.example', domain: 'b.example' })] }, 'accessPolicy.rules.0.match'],
    [{ rules: [rule({ email: 'nobody' })] }, 'accessPolicy.rules.0.match.email'],
    [{ rules: [rule({ domain: '@b.example' })] }, 'accessPolicy.rules.0.match.domain'],
    [{ rules: [{ match: { domain: 'b.example' }, values: [{}] }] }, 'accessPolicy.rules.0.values.0'],
    [{ more: 1 }, 'accessPolicy'],
  ])('with %j is refused at %s', async (more, path) => {
    expect(await set(policy(more))).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
  })
})
