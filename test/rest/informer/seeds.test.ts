/** The examples of Informer's own documentation of jobs: with another address and a token they work as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { type Person, signUp } from '../../support/people.ts'
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
})
