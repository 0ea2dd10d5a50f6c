/** The examples of Informer's own documentation of jobs: with another address and a token they work as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { makeTeam, type Person, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { rest } from '../../support/rest.ts'

const CREATE = `{
"name": "Daily Sales Report",
"type": "email",
"enabled": true,
"datasets": {
"sales": {
"datasetId": "sales-2024",
"snapshots": {
"when": "before",
"snapshotDatasets": ["sales-2024"]
}
}
}
}`

const CREATED = {
  name: 'Daily Sales Report',
  type: 'email',
  ownerId: 'alice',
  timezone: 'America/New_York',
  enabled: true,
}

const UPDATE = `{
"interval": "0 9 * * *",
"timezone": "America/Los_Angeles",
"enabled": true
}`

/** The example of a whole job, but for what the server says of itself. */
const WHOLE = {
  type: 'email',
  name: 'Daily Sales Report',
  description: 'Send daily sales summary to management',
  interval: '0 8 * * *',
  intervalType: 'cron',
  timezone: 'America/New_York',
  enabled: true,
  startOn: '2024-01-01T00:00:00Z',
  endOn: null,
  data: {},
  notes: 'Configured by Alice on 2024-01-15',
  source: null,
  sourceId: null,
}

const FIELDS =
  'id type name slug description ownerId interval intervalType timezone enabled nextRunAt lockedAt heartbeat startOn endOn data notes source sourceId editingId createdAt updatedAt _links permissions'.split(
    ' ',
  )

const ITEM_FIELDS =
  '_links id type name slug description ownerId interval intervalType timezone enabled nextRunAt startOn endOn lockedAt createdAt updatedAt'.split(
    ' ',
  )

const MAKE_DATASET = graphql(`
  mutation MakeSeedDataset($input: CreateDatasetInput!) {
    createDataset(input: $input) { ... on Dataset { id } ... on Error { message } }
  }
`)

describe('the documentation of Informer', () => {
  let app: TestApp
  let alice: Person

  beforeAll(async () => {
    app = await createTestApp({ DEFAULT_TIMEZONE: 'America/New_York' })
    alice = await signUp(app, 'alice')
    await signUp(app, 'bob')
    await app.send(MAKE_DATASET, { input: { name: 'Sales', slug: 'sales-2024' } }, { token: alice.token })
  })
  afterAll(() => app.stop())

  const call = (route: string, body?: unknown) => rest(app, route, { token: alice.token, body })

  it('creates a job', async () => {
    const { status, body } = await call('POST /api/jobs', CREATE)
    expect([status, body]).toEqual([201, expect.objectContaining(CREATED)])
    expect(body._embedded['inf:dataset']).toEqual([
      expect.objectContaining({ alias: 'sales', snapshots: expect.objectContaining({ when: 'before' }) }),
    ])
  })

  it('reads a whole job, key by key', async () => {
    const { id } = (await call('POST /api/jobs', WHOLE)).body
    const { status, body } = await call(`GET /api/jobs/${id}`)
    expect([status, Object.keys(body)]).toEqual([200, expect.arrayContaining(FIELDS)])
    expect(body).toMatchObject({
      ...WHOLE,
      startOn: '2024-01-01T00:00:00.000Z',
      lockedAt: null,
      heartbeat: null,
      editingId: null,
    })
    expect(body.nextRunAt).toMatch(/T1[23]:00:00\.000Z$/)
    expect(body._links).toEqual({
      self: { href: `/api/jobs/${id}` },
      'inf:job-history': { href: `/api/jobs/${id}/history` },
      'inf:job-actions': { href: `/api/jobs/${id}/actions` },
      'inf:job-datasets': { href: `/api/jobs/${id}/datasets` },
    })
    expect(body.permissions).toEqual({ read: true, edit: true, delete: true, run: true })
    for (const { href } of Object.values<{ href: string }>(body._links)) {
      expect((await call(`GET ${href}`)).status, href).toBe(200)
    }
    expect((await call(`GET /api/jobs/alice:${body.slug}`)).body.id).toBe(id)
  })

  it('changes a job', async () => {
    const { id } = (await call('POST /api/jobs', WHOLE)).body
    const { status, body } = await call(`PUT /api/jobs/${id}`, UPDATE)
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ ...WHOLE, ...JSON.parse(UPDATE), id, startOn: expect.any(String) }),
    ])
    expect(body.nextRunAt).toMatch(/T1[67]:00:00\.000Z$/)
  })

  it('deletes a job', async () => {
    const { id } = (await call('POST /api/jobs', CREATE)).body
    expect([(await call(`DELETE /api/jobs/${id}`)).status, (await call(`GET /api/jobs/${id}`)).status]).toEqual([
      204, 404,
    ])
  })

  it('lists jobs, key by key', async () => {
    const made = (await call('POST /api/jobs', { ...WHOLE, name: 'Listed', tags: ['finance'] })).body
    const { body } = await call('GET /api/jobs?q=listed&sort=name&limit=30&start=0')
    expect(body).toMatchObject({
      _links: { self: { href: '/api/jobs{?sort,limit,start,q}', templated: true } },
      ...{ start: 0, count: 1, total: 1 },
    })
    const [item] = body._embedded['inf:job']
    expect(Object.keys(item).sort()).toEqual(ITEM_FIELDS.sort())
    expect(item).toMatchObject({ _links: { self: { href: `/api/jobs/${made.id}` } }, ownerId: 'alice', slug: 'listed' })

    await call(`PUT /api/jobs/${made.id}/shares/bob`, { accessLevel: 2 })
    const brief = (await call('GET /api/jobs-list')).body.find(({ id }: { id: string }) => id === made.id)
    expect(brief).toEqual({
      ...{ id: made.id, name: 'Listed', type: 'email', enabled: true, ownerId: 'alice', ownerName: 'alice' },
      ...{ naturalId: 'alice:listed', tags: made.tags, sharing: [{ principalId: 'bob', accessLevel: 2 }] },
      permissions: { edit: true, write: true, delete: true, share: true },
    })
    expect(made.tags).toHaveLength(1)
  })

  it('runs a job', async () => {
    const receiver = await startReceiver((response) => void response.end())
    const job = { name: 'Call', type: 'api-call', data: { url: receiver.url } }
    const { id } = (await call('POST /api/jobs', job)).body
    const { status, body } = await call(`POST /api/jobs/${id}`)
    const [task, result] = [{ key: 'job:progress.invoking_job' }, { key: 'job:status.success', success: true }]
    expect([status, body]).toEqual([200, { success: true, duration: expect.any(Number), history: [{ task, result }] }])
    expect(receiver.calls).toHaveLength(1)
  })

  it('makes a draft of a job and commits it', async () => {
    const { id } = (await call('POST /api/jobs', { ...WHOLE, name: 'Drafted' })).body
    const draft = await call(`POST /api/jobs/${id}/_edit`)
    expect([draft.status, draft.body]).toEqual([
      201,
      expect.objectContaining({ id: expect.any(String), name: 'Drafted (Draft)', editingId: id }),
    ])
    await call(`PUT /api/jobs/${draft.body.id}`, { description: 'Better' })
    const committed = await call(`POST /api/jobs/${draft.body.id}/_commit`)
    expect([committed.status, committed.body]).toEqual([
      200,
      expect.objectContaining({ id, name: 'Drafted', description: 'Better', editingId: null }),
    ])
  })

  it('tells the owner of a job, and changes it', async () => {
    await makeTeam(app, 'data-science', { alice: 'MEMBER' })
    const { id } = (await call('POST /api/jobs', { ...WHOLE, name: 'Handed on' })).body
    expect((await call(`GET /api/jobs/${id}/owner`)).body).toEqual({ ownerId: 'alice' })
    const changed = await call(`PUT /api/jobs/${id}/owner`, { ownerId: 'team:data-science' })
    expect([changed.status, (await call(`GET /api/jobs/${id}/owner`)).body]).toEqual([
      200,
      { ownerId: 'team:data-science' },
    ])
  })

  it('makes a job a favorite, and none any more', async () => {
    const { id } = (await call('POST /api/jobs', { ...WHOLE, name: 'Liked' })).body
    const favorite = async (method: string) => {
      const { status, body } = await call(`${method} /api/jobs/${id}/favorite`)
      return [status, body?.favorited ?? null]
    }
    expect([await favorite('GET'), await favorite('PUT'), await favorite('GET')]).toEqual([
      [200, false],
      [200, true],
      [200, true],
    ])
    expect([await favorite('DELETE'), await favorite('GET')]).toEqual([
      [204, null],
      [200, false],
    ])
  })
})
