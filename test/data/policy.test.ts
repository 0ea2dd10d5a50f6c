import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, type Person, publishSite, query, signUp } from '../support/people.ts'
import { datasets } from './operations.ts'

const SET_POLICY = graphql(`
  mutation SetPolicy($id: ID!, $policy: JSON) {
    updateArtifact(input: { artifactId: $id, accessPolicy: $policy }) {
      __typename ... on Artifact { accessPolicy } ... on ValidationError { issues { path message } } ... on Error { message }
    }
  }
`)

const READ_POLICY = graphql(`query ReadPolicy($id: ID!) { artifact(id: $id) { accessPolicy } }`)

const ROW = graphql(`query RowOf($id: ID!, $row: ID!) { dataset(id: $id) { row(id: $row) { data } } }`)

const SNAP = graphql(`
  mutation SnapPolicy($id: ID!) { takeSnapshot(input: { datasetId: $id }) { ... on DatasetSnapshot { id } ... on Error { message } } }
`)

const SNAPPED = graphql(`
  query Snapped($id: ID!, $node: ID!) {
    dataset(id: $id) { snapshots { totalCount } }
    node(id: $node) { ... on DatasetSnapshot { dataset { id } rows { totalCount } } }
  }
`)

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

  it('does not tell how many rows there are that one may not see', async () => {
    await set(policy())
    const rowCount = async (reader: string) =>
      (await datasets(app, readers.get(reader) ?? null).read(datasetId)).data.dataset?.rowCount
    expect([await rowCount('carol'), await rowCount('nobody')]).toEqual([1, 0])
    expect((await datasets(app, alice.token).read(datasetId)).data.dataset?.rowCount).toBe(5)
  })

  it('shows a token without data:read what it shows nobody', async () => {
    await set(policy())
    const token = readers.get('bob') ?? ''
    for (const [scope, regions] of [
      ['data:read', ['EU', 'us', 7]],
      ['jobs:read', []],
    ] as const) {
      const { token: narrow } = await issueToken(app, token, { scopes: [scope] })
      const rows = await datasets(app, narrow).rows(datasetId)
      expect(rows?.map((row) => (row as { region: unknown }).region)).toEqual(regions)
    }
    const { token: own } = await issueToken(app, alice.token, { scopes: ['artifacts:read'] })
    expect(await datasets(app, own).rows(datasetId)).toEqual([])
  })

  it('is about a field of the data, also where the row has one of that name', async () => {
    const rows = [{ id: 'eu' }, { id: 'us' }]
    const other = await datasets(app, alice.token).make('ids', rows, { artifactId: siteId })
    await set(policy({ field: 'id', rules: [rule({ domain: 'example.org' }, 'EU')] }))
    expect(await datasets(app, readers.get('bob') ?? null).rows(other)).toEqual([{ id: 'eu' }])
  })

  it('knows no way around itself: not by a row’s id, not by a snapshot', async () => {
    await set(policy())
    const [first] = await query<{ id: string }>(
      app,
      'select id from dataset_row where dataset_id = $1::uuid order by id',
      [datasetId.replace('dat_', '')],
    )
    const row = `row_${first?.id.replaceAll('-', '')}`
    const one = async (reader: string) =>
      (await app.send(ROW, { id: datasetId, row }, { token: readers.get(reader) ?? null })).data.dataset?.row?.data
    expect([await one('bob'), await one('carol')]).toEqual([{ region: 'EU' }, undefined])
    const { takeSnapshot } = (await app.send(SNAP, { id: datasetId }, { token: alice.token })).data
    const id = 'id' in takeSnapshot ? takeSnapshot.id : ''
    expect((await app.send(SNAPPED, { id: datasetId, node: id }, { token: alice.token })).data).toMatchObject({
      dataset: { snapshots: { totalCount: 1 } },
      node: { dataset: { id: datasetId }, rows: { totalCount: 5 } },
    })
    for (const reader of ['bob', 'nobody']) {
      const token = readers.get(reader) ?? null
      const { data, errors } = await app.send(SNAPPED, { id: datasetId, node: id }, { token })
      expect(data, reader).toEqual({ dataset: null, node: null })
      expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    }
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
    [{ field: '$gt' }, 'accessPolicy.field'],
    [{ rules: [rule({ domain: 'b.example' }, 'x'.repeat(64 * 1024))] }, 'accessPolicy'],
  ])('with %j is refused at %s', async (more, path) => {
    expect(await set(policy(more))).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
  })
})
