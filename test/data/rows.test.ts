/** Changes of rows, at their edges. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, type Person, post, publishSite, signUp } from '../support/people.ts'
import { datasets } from './operations.ts'

const DISTINCT = graphql(`
  query DistinctOf($id: ID!, $field: String!, $first: Int) { dataset(id: $id) { distinct(field: $field, first: $first) } }
`)

const ONE_ROW = graphql(`
  query OneRow($id: ID!, $row: ID!) { dataset(id: $id) { updatedAt row(id: $row) { id data } } }
`)

let app: TestApp
let alice: Person
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
})
afterAll(() => app?.stop())

const mine = () => datasets(app, alice.token)

describe('an update', () => {
  it('of a row that PostgreSQL writes wider than it came may be made, as long as the row does not grow', async () => {
    // 240 KB of JSON, with a space behind each comma 360 KB.
    const wide = Array.from({ length: 120_000 }, () => 1)
    const id = await mine().make('wide', [{ wide, sold: false }])
    expect(await mine().updateRows({ datasetId: id, all: true, set: { sold: true } })).toMatchObject({ count: 1 })
    expect(await mine().updateRows({ datasetId: id, all: true, set: { more: 1 } })).toMatchObject({
      issues: [{ path: 'set' }],
    })
    expect(await mine().updateRows({ datasetId: id, all: true, set: { wide: [] } })).toMatchObject({ count: 1 })
    expect(await mine().rows(id)).toEqual([{ wide: [], sold: true }])
  })

  it('is of all rows only where that is said', async () => {
    const id = await mine().make('careful', [{ n: 1 }])
    for (const filter of [{ $and: [{}] }, { $or: [{ n: 1 }, {}] }, { $and: [{ $and: [{}, {}] }] }]) {
      expect(await mine().deleteRows({ datasetId: id, filter }), JSON.stringify(filter)).toMatchObject({
        issues: [{ path: 'filter' }],
      })
    }
    expect(await mine().rows(id)).toEqual([{ n: 1 }])
  })

  it('of a row that is not there changes nothing, not even the time of the last change', async () => {
    const id = await mine().make('untouched', [{ n: 1 }])
    const row = `row_${'0'.repeat(32)}`
    const before = (await app.send(ONE_ROW, { id, row }, { token: alice.token })).data.dataset
    expect(before?.row).toBeNull()
    expect(await mine().updateRows({ datasetId: id, rowId: row, set: { n: 2 } })).toMatchObject({ code: 'NOT_FOUND' })
    expect(await mine().deleteRows({ datasetId: id, rowId: row })).toMatchObject({ code: 'NOT_FOUND' })
    expect((await app.send(ONE_ROW, { id, row }, { token: alice.token })).data.dataset).toEqual(before)
  })

  it('of a row of another dataset is NOT_FOUND', async () => {
    const id = await mine().make('here')
    const other = await mine().insert(await mine().make('there'), [{ n: 1 }])
    const rowId = other.__typename === 'InsertedRows' ? (other.rows[0]?.id ?? '') : ''
    expect(await mine().updateRows({ datasetId: id, rowId, set: { n: 2 } })).toMatchObject({ code: 'NOT_FOUND' })
    expect(await mine().deleteRows({ datasetId: id, rowId })).toMatchObject({ code: 'NOT_FOUND' })
    expect((await app.send(ONE_ROW, { id, row: rowId }, { token: alice.token })).data.dataset?.row).toBeNull()
  })
})

describe('distinct values', () => {
  it('come each once, in the order of a sort, with null for what is not there', async () => {
    const values = ['b', 2, 'a', null, 2, [1], true, 'b']
    const id = await mine().make('values', [...values.map((v) => ({ v })), {}])
    const of = async (field: string, first?: number) =>
      app.send(DISTINCT, { id, field, ...(first !== undefined && { first }) }, { token: alice.token })
    expect((await of('v')).data.dataset?.distinct).toEqual([null, 'a', 'b', 2, true, [1]])
    expect((await of('v', 2)).data.dataset?.distinct).toEqual([null, 'a'])
    for (const field of ['', '$eq', 'id', 'x\0']) {
      expect((await of(field)).errors?.[0]?.extensions, field).toMatchObject({ issues: [{ path: 'field' }] })
    }
    expect((await of('v', 0)).errors?.[0]?.extensions).toMatchObject({ issues: [{ path: 'first' }] })
  })
})

describe('a dataset on an artifact', () => {
  it('is made by a token that may write data, whether it may read the artifact or not', async () => {
    const { id } = await publishSite(app, 'hidden', alice.token, { visibility: 'PRIVATE' })
    const writer = await issueToken(app, alice.token, { scopes: ['data:write'] })
    expect(await datasets(app, writer.token).create({ name: 'made', artifactId: id })).toMatchObject({
      ...{ __typename: 'Dataset', artifact: null },
    })
    const bob = await signUp(app, 'bob')
    expect(await datasets(app, bob.token).create({ name: 'x', artifactId: id })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('made by an administrator is its owner’s', async () => {
    const { id } = await publishSite(app, 'helped', alice.token)
    expect(await datasets(app).create({ name: 'made', artifactId: id })).toMatchObject({ owner: { handle: 'alice' } })
  })
})

it('a filter that is wrong is answered with where it is wrong, in any field', async () => {
  const id = await mine().make('wrong')
  for (const field of [
    'count(filter: $filter)',
    'distinct(field: "n", filter: $filter)',
    'rows(filter: $filter) { totalCount }',
  ]) {
    const query = `query($filter: JSON) { dataset(id: "${id}") { ${field} } }`
    const { body } = await post(app, { query, variables: { filter: { n: { $gt: true } } } }, alice.token)
    expect(body.errors[0].extensions.issues, field).toMatchObject([{ path: 'filter.n.$gt' }])
  }
})
