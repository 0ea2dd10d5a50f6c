/** Datasets through the API. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, type Person, publishSite, query, signUp } from '../support/people.ts'
import { datasets } from './operations.ts'

const LISTS = graphql(`
  query ListDatasets($filter: DatasetFilter, $slug: String) {
    datasets(filter: $filter) { totalCount edges { node { name } } }
    artifact(slug: $slug) { datasets { edges { node { name } } } }
  }
`)

const BY_NAME = graphql(`
  query DatasetByName($artifactId: ID!, $name: String!) { dataset(artifactId: $artifactId, name: $name) { id } }
`)

const SNAPSHOTS = graphql(`
  query SnapshotsOf($id: ID!, $filter: JSON) {
    dataset(id: $id) {
      snapshots { totalCount edges { node { id name rowCount rows(filter: $filter) { totalCount edges { node { data } } } } } }
    }
  }
`)

const TAKE = graphql(`
  mutation TakeSnapshot($id: ID!, $name: String) {
    takeSnapshot(input: { datasetId: $id, name: $name }) {
      __typename ... on DatasetSnapshot { id name rowCount } ... on Error { code message }
    }
  }
`)

const DROP = graphql(`
  mutation DropSnapshot($id: ID!) {
    deleteSnapshot(input: { snapshotId: $id }) { __typename ... on DatasetSnapshot { id } ... on Error { code message } }
  }
`)

let app: TestApp
let alice: Person
let bob: Person
let siteId: string
beforeAll(async () => {
  app = await createTestApp({ MAX_DATASET_ROWS: '20' })
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
  siteId = (await publishSite(app, 'shop', alice.token)).id
})
afterAll(() => app?.stop())

const mine = () => datasets(app, alice.token)

describe('a dataset', () => {
  it('is made, named, and found by its id and by its artifact and name', async () => {
    const made = await mine().create({ name: 'Sales 2024', artifactId: siteId, description: 'All of them' })
    if (made.__typename !== 'Dataset') throw new Error(JSON.stringify(made))
    expect(made).toMatchObject({
      ...{ id: expect.stringMatching(/^dat_[0-9a-f]{32}$/), name: 'Sales 2024', slug: 'sales-2024', rowCount: 0 },
      ...{ owner: { handle: 'alice' }, artifact: { id: siteId }, description: 'All of them' },
    })
    const found = await app.send(BY_NAME, { artifactId: siteId, name: 'Sales 2024' }, { token: null })
    expect(found.data.dataset?.id).toBe(made.id)
    expect(await mine().update({ datasetId: made.id, name: 'Sales', description: null })).toMatchObject({
      ...{ name: 'Sales', slug: 'sales-2024', description: null },
    })
    expect(await mine().remove(made.id)).toMatchObject({ name: 'Sales' })
    expect(await mine().rows(made.id)).toBeNull()
  })

  it('has a name of its own on its artifact, and a slug of its own among those of its owner', async () => {
    await mine().make('twice', [], { artifactId: siteId })
    expect(await mine().create({ name: 'twice', artifactId: siteId })).toMatchObject({ code: 'NAME_TAKEN' })
    await mine().make('Own one')
    expect(await mine().create({ name: 'own ONE' })).toMatchObject({ code: 'SLUG_TAKEN' })
    expect(await datasets(app, bob.token).create({ name: 'Own one' })).toMatchObject({ __typename: 'Dataset' })
  })

  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ name: `dat_${'0'.repeat(32)}` }, 'name'],
    [{ name: 'ok', slug: 'No' }, 'slug'],
    [{ name: 'ok', description: 'x'.repeat(1_001) }, 'description'],
  ])('is refused as %j', async (input, path) => {
    const before = await countRows(app)
    expect(await mine().create(input)).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
    expect(await countRows(app)).toEqual(before)
  })

  it('is in the lists of those who may read it', async () => {
    const carol = await signUp(app, 'carol')
    const shown = (await publishSite(app, 'shown', carol.token)).id
    const hidden = (await publishSite(app, 'hidden', carol.token, { visibility: 'PRIVATE' })).id
    await datasets(app, carol.token).make('public one', [], { artifactId: shown })
    const secret = await datasets(app, carol.token).make('private one', [], { artifactId: hidden })
    await datasets(app, carol.token).make('own one')
    const names = async (filter: object, token: string | null) => {
      const { data, errors } = await app.send(LISTS, { filter, slug: 'shown' }, { token })
      return errors?.[0]?.extensions.code ?? data.datasets.edges.map(({ node }) => node.name)
    }
    expect(await names({}, carol.token)).toEqual(['own one', 'private one', 'public one'])
    expect(await names({ search: 'PRIV' }, carol.token)).toEqual(['private one'])
    expect(await names({ artifactId: shown }, null)).toEqual(['public one'])
    expect(await names({ artifactId: hidden }, bob.token)).toBe('NOT_FOUND')
    expect(await names({}, null)).toBe('UNAUTHENTICATED')
    expect(await names({ ownerHandle: 'carol' }, bob.token)).toEqual([])
    expect(await datasets(app, bob.token).rows(secret)).toBeNull()
    const reader = await issueToken(app, carol.token, { scopes: ['artifacts:read'] })
    expect(await datasets(app, reader.token).rows(secret)).toBeNull()
  })

  it('of a deleted artifact is gone, and back with it', async () => {
    const { id } = await publishSite(app, 'leaving', alice.token)
    const dataset = await mine().make('gone', [{ n: 1 }], { artifactId: id })
    const remove = graphql(
      `mutation RemoveSite($id: ID!) { deleteArtifact(input: { artifactId: $id }) { __typename } }`,
    )
    const restore = graphql(
      `mutation RestoreSite($id: ID!) { restoreArtifact(input: { artifactId: $id }) { __typename } }`,
    )
    await app.send(remove, { id }, { token: alice.token })
    expect(await mine().rows(dataset)).toBeNull()
    expect(await mine().insert(dataset, [{ n: 2 }])).toMatchObject({ code: 'NOT_FOUND' })
    await app.send(restore, { id }, { token: alice.token })
    expect(await mine().rows(dataset)).toEqual([{ n: 1 }])
  })
})

describe('rows', () => {
  it('are put in, found, changed and deleted, and counted right all the while', async () => {
    const id = await mine().make('rows')
    const rows = [
      { region: 'EU', n: 1 },
      { region: 'US', n: 2 },
      { region: 'EU', n: 3, deep: { x: [1] } },
    ]
    const inserted = await mine().insert(id, rows)
    if (inserted.__typename !== 'InsertedRows') throw new Error(JSON.stringify(inserted))
    expect(inserted).toMatchObject({ count: 3, dataset: { rowCount: 3 } })
    expect(inserted.rows.map(({ data }) => data)).toEqual(rows)
    expect((await mine().read(id, { filter: { region: 'EU' }, sort: { n: 'desc' } })).data.dataset).toMatchObject({
      ...{ rowCount: 3, count: 2, distinct: ['EU'] },
      rows: { totalCount: 2, edges: [{ node: { data: { n: 3 } } }, { node: { data: { n: 1 } } }] },
    })
    expect(
      await mine().updateRows({ datasetId: id, filter: { n: { $lt: 3 } }, set: { sold: true, region: null } }),
    ).toMatchObject({ count: 2 })
    const rowId = inserted.rows[2]?.id ?? ''
    expect(await mine().updateRows({ datasetId: id, rowId, set: { n: 4 } })).toMatchObject({ count: 1 })
    expect(await mine().rows(id)).toEqual([
      { region: null, n: 1, sold: true },
      { region: null, n: 2, sold: true },
      { region: 'EU', n: 4, deep: { x: [1] } },
    ])
    expect(await mine().deleteRows({ datasetId: id, rowId })).toMatchObject({ count: 1, dataset: { rowCount: 2 } })
    expect(await mine().deleteRows({ datasetId: id, rowId })).toMatchObject({ code: 'NOT_FOUND' })
    expect(await mine().deleteRows({ datasetId: id, all: true })).toMatchObject({ count: 2, dataset: { rowCount: 0 } })
  })

  it('come page by page, by cursors that stay right under a sort', async () => {
    const id = await mine().make(
      'pages',
      Array.from({ length: 10 }, (_, n) => ({ n, half: n % 2 === 0 ? 'a' : 'b' })),
    )
    const seen: unknown[] = []
    let after: string | null = null
    do {
      const page: Awaited<ReturnType<ReturnType<typeof datasets>['read']>> = await mine().read(id, {
        first: 3,
        after,
        sort: { half: 'desc', n: 'asc' },
      })
      const { edges, pageInfo } = page.data.dataset?.rows ?? {
        edges: [],
        pageInfo: { hasNextPage: false, endCursor: null },
      }
      seen.push(...edges.map(({ node }) => (node.data as { n: number }).n))
      after = pageInfo.hasNextPage ? (pageInfo.endCursor ?? null) : null
    } while (after)
    expect(seen).toEqual([1, 3, 5, 7, 9, 0, 2, 4, 6, 8])
    for (const cursor of [
      'x',
      Buffer.from('["a"]').toString('base64url'),
      Buffer.from('[1,2,3,4]').toString('base64url'),
    ]) {
      expect((await mine().read(id, { after: cursor })).errors?.[0]?.extensions).toMatchObject({
        issues: [{ path: 'after' }],
      })
    }
  })

  it.each([
    [[], 'rows'],
    [Array.from({ length: 1_001 }, () => ({})), 'rows'],
    [[{ ok: 1 }, 7], 'rows.1'],
    [[[1]], 'rows.0'],
    [[{ a: 'x\0' }], 'rows.0'],
    [[{ a: 'x'.repeat(256 * 1024) }], 'rows.0'],
  ])('are refused all together: %#', async (rows, path) => {
    const id = await mine().make(`refused ${path} ${JSON.stringify(rows).length}`)
    const before = await countRows(app)
    expect(await mine().insert(id, rows)).toMatchObject({ issues: [{ path }] })
    expect(await countRows(app)).toEqual(before)
  })

  it('are never all of them by mistake', async () => {
    const id = await mine().make('careful', [{ n: 1 }])
    const rowId = `row_${'0'.repeat(32)}`
    for (const selection of [
      {},
      { filter: {} },
      { filter: null },
      { all: false },
      { filter: { n: 1 }, all: true },
      { rowId, all: true },
    ]) {
      expect(await mine().deleteRows({ datasetId: id, ...selection }), JSON.stringify(selection)).toMatchObject({
        issues: [{ path: 'filter' }],
      })
    }
    expect(await mine().updateRows({ datasetId: id, all: true, set: [] })).toMatchObject({ issues: [{ path: 'set' }] })
    expect(await mine().updateRows({ datasetId: id, filter: { n: { $x: 1 } }, set: {} })).toMatchObject({
      issues: [{ path: 'filter.n.$x' }],
    })
    expect(await mine().rows(id)).toEqual([{ n: 1 }])
  })

  it('do not grow beyond what a row may be, nor a dataset beyond its limit', async () => {
    const id = await mine().make('large', [{ a: 'x'.repeat(200_000) }])
    const set = { b: 'y'.repeat(100_000) }
    expect(await mine().updateRows({ datasetId: id, all: true, set })).toMatchObject({ issues: [{ path: 'set' }] })
    expect(await mine().insert(id, Array(19).fill({}))).toMatchObject({ dataset: { rowCount: 20 } })
    expect(await mine().insert(id, [{}])).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('MAX_DATASET_ROWS'),
    })
  })

  it('put in by many at once are counted right, and the limit holds', async () => {
    const id = await mine().make('race')
    const answers = await Promise.all(Array.from({ length: 15 }, () => mine().insert(id, [{}, {}])))
    expect(answers.filter(({ __typename }) => __typename === 'InsertedRows')).toHaveLength(10)
    const text =
      'select row_count, (select count(*)::int from dataset_row where dataset_id = d.id) as rows from dataset d where id = $1::uuid'
    expect(await query(app, text, [id.replace('dat_', '')])).toEqual([{ row_count: 20, rows: 20 }])
  })

  it('are changed by their owner only', async () => {
    const id = await mine().make('not yours', [{ n: 1 }], { artifactId: siteId })
    const own = await mine().make('quite private', [{ n: 1 }])
    for (const [dataset, code] of [
      [id, 'FORBIDDEN'],
      [own, 'NOT_FOUND'],
    ] as const) {
      const theirs = datasets(app, bob.token)
      expect(await theirs.insert(dataset, [{}])).toMatchObject({ code })
      expect(await theirs.updateRows({ datasetId: dataset, all: true, set: {} })).toMatchObject({ code })
      expect(await theirs.deleteRows({ datasetId: dataset, all: true })).toMatchObject({ code })
      expect(await theirs.update({ datasetId: dataset, name: 'mine' })).toMatchObject({ code })
      expect(await theirs.remove(dataset)).toMatchObject({ code })
    }
    expect(await datasets(app, bob.token).create({ name: 'x', artifactId: siteId })).toMatchObject({
      code: 'FORBIDDEN',
    })
    const reader = await issueToken(app, alice.token, { scopes: ['data:read'] })
    expect(await datasets(app, reader.token).insert(own, [{}])).toMatchObject({ code: 'INSUFFICIENT_SCOPE' })
    expect(await datasets(app, reader.token).rows(own)).toEqual([{ n: 1 }])
    expect(await datasets(app, null).rows(id)).toEqual([{ n: 1 }])
  })
})

describe('a snapshot', () => {
  it('keeps the rows as they were, whatever becomes of them', async () => {
    const id = await mine().make('kept', [{ n: 1 }, { n: 2 }])
    const taken = (await app.send(TAKE, { id, name: 'before' }, { token: alice.token })).data.takeSnapshot
    if (taken.__typename !== 'DatasetSnapshot') throw new Error(JSON.stringify(taken))
    expect(taken).toMatchObject({ id: expect.stringMatching(/^snp_/), name: 'before', rowCount: 2 })
    await mine().updateRows({ datasetId: id, all: true, set: { n: 0 } })
    await mine().deleteRows({ datasetId: id, all: true })
    const { snapshots } =
      (await app.send(SNAPSHOTS, { id, filter: { n: { $gte: 0 } } }, { token: alice.token })).data.dataset ?? {}
    expect(snapshots).toMatchObject({ totalCount: 1, edges: [{ node: { name: 'before', rows: { totalCount: 2 } } }] })
    expect(snapshots?.edges[0]?.node.rows.edges.map(({ node }) => node.data)).toEqual([{ n: 1 }, { n: 2 }])
    expect((await app.send(DROP, { id: taken.id }, { token: bob.token })).data.deleteSnapshot).toMatchObject({
      code: 'NOT_FOUND',
    })
    expect((await app.send(DROP, { id: taken.id }, { token: alice.token })).data.deleteSnapshot).toMatchObject({
      id: taken.id,
    })
    expect((await app.send(TAKE, { id }, { token: bob.token })).data.takeSnapshot).toMatchObject({ code: 'NOT_FOUND' })
  })
})
