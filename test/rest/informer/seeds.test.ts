/** The examples of Informer's own documentation of jobs: with another address and a token they work as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { example, fixture } from '../../support/fixtures.ts'
import { makeTeam, type Person, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { rest } from '../../support/rest.ts'

const JOB = example('informer/job.answer.json')
const { _links } = JOB

/** What of a whole job its clients say. */
const GIVEN =
  'type name description interval intervalType timezone enabled startOn endOn data notes source sourceId'.split(' ')
const WHOLE = Object.fromEntries(GIVEN.map((field) => [field, JOB[field]]))

/** Of ours they have milliseconds. */
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

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
    const { status, body } = await call('POST /api/jobs', fixture('informer/create-job.json'))
    const created = { ...example('informer/create-job.answer.json'), id: expect.any(String) }
    expect([status, body]).toEqual([201, expect.objectContaining(created)])
    expect(body._embedded['inf:dataset']).toEqual([
      expect.objectContaining({ alias: 'sales', snapshots: expect.objectContaining({ when: 'before' }) }),
    ])
  })

  it('reads a whole job, key by key', async () => {
    const { id } = (await call('POST /api/jobs', WHOLE)).body
    const { status, body } = await call(`GET /api/jobs/${id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      ...JOB,
      ...{ id, slug: expect.stringMatching(/^daily-sales-report/), ownerId: 'alice' },
      ...{ startOn: '2024-01-01T00:00:00.000Z', nextRunAt: TIME, createdAt: TIME, updatedAt: TIME },
      _links: JSON.parse(JSON.stringify(_links).replaceAll(JOB.id, id)),
    })
    expect(body.nextRunAt).toMatch(/T1[23]:00:00\.000Z$/)
    for (const { href } of Object.values<{ href: string }>(body._links)) {
      expect((await call(`GET ${href}`)).status, href).toBe(200)
    }
    expect((await call(`GET /api/jobs/alice:${body.slug}`)).body.id).toBe(id)
  })

  it('changes a job', async () => {
    const { id } = (await call('POST /api/jobs', WHOLE)).body
    const { status, body } = await call(`PUT /api/jobs/${id}`, fixture('informer/update-job.json'))
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ ...WHOLE, ...example('informer/update-job.json'), id, startOn: TIME }),
    ])
    expect(body.nextRunAt).toMatch(/T1[67]:00:00\.000Z$/)
  })

  it('deletes a job', async () => {
    const { id } = (await call('POST /api/jobs', fixture('informer/create-job.json'))).body
    expect([(await call(`DELETE /api/jobs/${id}`)).status, (await call(`GET /api/jobs/${id}`)).status]).toEqual([
      204, 404,
    ])
  })

  it('lists jobs, key by key', async () => {
    const made = (await call('POST /api/jobs', { ...WHOLE, name: 'Listed', tags: ['finance'] })).body
    const { body } = await call('GET /api/jobs?q=listed&sort=name&limit=30&start=0')
    const { _embedded, ...page } = example('informer/list.answer.json')
    const [shown] = _embedded['inf:job']
    const self = { href: shown._links.self.href.replace('550e8400-...', made.id) }
    const times = { startOn: TIME, nextRunAt: TIME, createdAt: TIME, updatedAt: TIME }
    const item = { ...shown, _links: { self }, id: made.id, name: 'Listed', slug: 'listed', ownerId: 'alice', ...times }
    expect(body).toEqual({ ...page, total: 1, _embedded: { 'inf:job': [item] } })

    await call(`PUT /api/jobs/${made.id}/shares/bob`, { accessLevel: 2 })
    const brief = (await call('GET /api/jobs-list')).body.find(({ id }: { id: string }) => id === made.id)
    const [short] = example('informer/jobs-list.answer.json')
    const sharing = [{ ...short.sharing[0], principalId: 'bob' }]
    const own = { id: made.id, name: 'Listed', ownerId: 'alice', ownerName: 'alice', naturalId: 'alice:listed' }
    expect(brief).toEqual({ ...short, ...own, tags: made.tags, sharing })
    expect(made.tags).toHaveLength(1)
  })

  it('runs a job', async () => {
    const receiver = await startReceiver((response) => void response.end())
    const job = { name: 'Call', type: 'api-call', data: { url: receiver.url } }
    const { id } = (await call('POST /api/jobs', job)).body
    const { status, body } = await call(`POST /api/jobs/${id}`)
    expect([status, body]).toEqual([200, { ...example('informer/run.answer.json'), duration: expect.any(Number) }])
    expect(receiver.calls).toHaveLength(1)
  })

  it('makes a draft of a job and commits it', async () => {
    const { id } = (await call('POST /api/jobs', WHOLE)).body
    const draft = await call(`POST /api/jobs/${id}/_edit`)
    expect([draft.status, draft.body]).toEqual([
      201,
      expect.objectContaining({ ...example('informer/edit.answer.json'), id: expect.any(String), editingId: id }),
    ])
    await call(`PUT /api/jobs/${draft.body.id}`, { description: 'Better' })
    const committed = await call(`POST /api/jobs/${draft.body.id}/_commit`)
    expect([committed.status, committed.body]).toEqual([
      200,
      expect.objectContaining({ ...WHOLE, id, startOn: TIME, description: 'Better', editingId: null }),
    ])
  })

  it('tells the owner of a job, and changes it', async () => {
    await makeTeam(app, 'analytics', { alice: 'MEMBER' })
    await makeTeam(app, 'data-science', { alice: 'MEMBER' })
    const { id } = (await call('POST /api/jobs', WHOLE)).body
    const owner = async () => (await call(`GET /api/jobs/${id}/owner`)).body
    expect(await owner()).toEqual({ ownerId: 'alice' })
    const shown = example('informer/owner.answer.json')
    expect([(await call(`PUT /api/jobs/${id}/owner`, shown)).status, await owner()]).toEqual([200, shown])
    const changed = await call(`PUT /api/jobs/${id}/owner`, fixture('informer/change-owner.json'))
    expect([changed.status, await owner()]).toEqual([200, example('informer/change-owner.json')])
  })

  it('makes a job a favorite, and none any more', async () => {
    const { id } = (await call('POST /api/jobs', { ...WHOLE, name: 'Liked' })).body
    const favorite = async (method: string) => {
      const { status, body } = await call(`${method} /api/jobs/${id}/favorite`)
      return [status, body]
    }
    const [yes, no] = [example('informer/favorite.answer.json'), { favorited: false }]
    const asked = ['GET', 'PUT', 'GET', 'DELETE', 'GET']
    const answers = []
    for (const method of asked) answers.push(await favorite(method))
    expect(answers).toEqual([
      [200, no],
      [200, yes],
      [200, yes],
      [204, null],
      [200, no],
    ])
  })
})
