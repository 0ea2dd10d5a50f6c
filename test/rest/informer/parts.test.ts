/** The datasets and the actions of Informer's jobs, one by one, and the datasets themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatId } from '../../../src/kernel/ids.ts'
import { graphql } from '../../generated/index.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, makeTeam, type Person, query, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { type RestOptions, rest } from '../../support/rest.ts'

const SET_DATASETS = graphql(`
  mutation SetJobDatasets($input: UpdateJobInput!) {
    updateJob(input: $input) {
      ... on Job { version datasets { alias datasetId dataset { name } snapshots { when datasetIds } } actions { kind name config } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
})
afterAll(() => app.stop())

const call = (route: string, body?: unknown, more: RestOptions = {}) =>
  rest(app, route, { token: ann.token, ...(body !== undefined && { body }), ...more })
const made = async (route: string, body: unknown) => {
  const answer = await call(route, body)
  expect([answer.status, answer.body.message]).toEqual([201, undefined])
  return answer.body
}
const makeJob = async (more: object = {}): Promise<string> =>
  (await made('POST /api/jobs', { name: 'A job', type: 'api-call', data: { url: 'http://127.0.0.1:9/' }, ...more })).id
const makeDataset = async (name: string): Promise<string> => (await made('POST /api/datasets', { name })).id
const versionOf = async (id: string) =>
  (await query<{ version: number }>(app, 'select version from job where id = $1', [id]))[0]?.version

describe('datasets of a job', () => {
  let sales: string
  let costs: string

  beforeAll(async () => {
    sales = await makeDataset('Sales 2024')
    costs = await makeDataset('Costs')
  })

  it('are given one by one, in their order, and are links away from the job', async () => {
    const job = await makeJob()
    const path = `/api/jobs/${job}/datasets`
    expect((await call(`GET ${path}`)).body).toEqual({
      ...{ _links: { self: { href: path } }, _embedded: { 'inf:dataset': [] }, start: 0, count: 0, total: 0 },
    })
    const first = await call(`POST ${path}`, {
      ...{ alias: 'this & that', datasetId: 'sales-2024' },
      snapshots: { when: 'before', snapshotDatasets: ['ann:costs', formatId('Dataset', sales)] },
    })
    expect([first.status, first.headers.get('location')]).toEqual([201, `${path}/this%20%26%20that`])
    expect(first.body).toEqual({
      _links: { self: { href: `${path}/this%20%26%20that` }, 'inf:job': { href: `/api/jobs/${job}` } },
      ...{ alias: 'this & that', jobId: job, datasetId: sales, index: 0 },
      snapshots: { when: 'before', snapshotDatasets: [costs, sales] },
    })
    const second = await made(`POST ${path}`, { alias: 'costs', datasetId: costs.toUpperCase().toLowerCase() })
    expect(second).toMatchObject({ index: 1, datasetId: costs, snapshots: null })
    const { _embedded, total } = (await call(`GET ${path}`)).body
    expect([_embedded['inf:dataset'], total]).toEqual([[first.body, second], 2])
    expect((await call(`GET ${first.body._links.self.href}`)).body).toEqual(first.body)
    expect((await call(`GET /api/jobs/${job}`)).body._embedded['inf:dataset']).toEqual([first.body, second])
  })

  it('are changed field by field, called otherwise, and taken away', async () => {
    const job = await makeJob({ datasets: { a: { datasetId: sales, snapshots: { when: 'after' } }, b: costs } })
    const path = `/api/jobs/${job}/datasets`
    const put = async (alias: string, body: object) => (await call(`PUT ${path}/${alias}`, body)).body
    expect(await put('a', { datasetId: costs })).toMatchObject({
      ...{ alias: 'a', datasetId: costs, index: 0 },
      snapshots: { when: 'after', snapshotDatasets: [sales] },
    })
    expect(await put('a', { snapshots: null, alias: 'c' })).toMatchObject({
      alias: 'c',
      datasetId: costs,
      snapshots: null,
    })
    expect((await call(`GET ${path}/a`)).status).toBe(404)
    expect((await call(`PUT ${path}/c`, { alias: 'b' })).status).toBe(409)
    expect((await call(`DELETE ${path}/c`)).status).toBe(204)
    expect((await call(`DELETE ${path}/c`)).status).toBe(404)
    expect((await call(`GET ${path}`)).body._embedded['inf:dataset']).toMatchObject([{ alias: 'b', index: 0 }])
    expect((await call(`GET /api/datasets/${costs}`)).status).toBe(200)
  })

  it('have their aliases once, also when two clients name one at the same time', async () => {
    const path = `/api/jobs/${await makeJob()}/datasets`
    const answers = await Promise.all(
      ['x', 'x', 'y', 'z'].map((alias) => call(`POST ${path}`, { alias, datasetId: sales })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409])
    expect((await call(`GET ${path}`)).body.total).toBe(3)
  })

  const bad: [string, object, string][] = [
    ['no alias', { datasetId: 'costs' }, 'alias'],
    ['an empty alias', { alias: '', datasetId: 'costs' }, 'alias'],
    ['no dataset', { alias: 'x' }, 'datasetId'],
    ['a number', { alias: 'x', datasetId: 5 }, 'datasetId'],
    ['an unknown dataset', { alias: 'x', datasetId: 'gone' }, 'datasetId'],
    ['a NUL', { alias: 'x', datasetId: 'a\0' }, 'datasetId'],
    ['a name of every object', { alias: 'x', datasetId: 'constructor' }, 'datasetId'],
    ['an unknown moment', { alias: 'x', datasetId: 'costs', snapshots: { when: 'while' } }, 'snapshots.when'],
    [
      'an unknown dataset to keep',
      { alias: 'x', datasetId: 'costs', snapshots: { when: 'after', snapshotDatasets: ['costs', 'gone'] } },
      'snapshots.snapshotDatasets.1',
    ],
  ]
  it.each(bad)('are refused with %s, and nothing changes', async (_, body, field) => {
    const job = await makeJob({ datasets: { known: costs } })
    const before = [await countRows(app), await versionOf(job)]
    const { status, body: answer } = await call(`POST /api/jobs/${job}/datasets`, body)
    expect([status, answer.error]).toEqual([400, 'Bad Request'])
    expect(answer.message.startsWith(`${field}: `), answer.message).toBe(true)
    expect([await countRows(app), await versionOf(job)]).toEqual(before)
  })

  it('are those that the owner may use, for tokens that may read them themselves', async () => {
    const path = `/api/jobs/${await makeJob()}/datasets`
    const { id } = (await call('POST /api/datasets', { name: 'Of Bob' }, { token: bob.token })).body
    for (const datasetId of [id, 'bob:of-bob']) {
      expect((await call(`POST ${path}`, { alias: 'x', datasetId })).status).toBe(400)
    }
    const narrow = (await issueToken(app, ann.token, { scopes: ['jobs:read', 'jobs:write'] as never })).token
    expect((await call(`POST ${path}`, { alias: 'x', datasetId: sales }, { token: narrow })).status).toBe(403)
    expect((await call(`POST ${path}`, { alias: 'x', datasetId: sales }, { token: bob.token })).status).toBe(404)
    expect((await call(`GET ${path}`, undefined, { token: null })).status).toBe(401)
    expect((await call(`GET ${path}`)).body.total).toBe(0)
  })

  it('are the same by GraphQL, which puts all of them in the place of those that were there', async () => {
    const id = await makeJob({ datasets: { a: { datasetId: sales, snapshots: { when: 'before' } } } })
    const set = async (datasets: object[]) =>
      (await app.send(SET_DATASETS, { input: { jobId: formatId('Job', id), datasets } as never }, { token: ann.token }))
        .data.updateJob
    const input = { alias: 'b', dataset: 'costs', snapshots: { when: 'AFTER', datasets: ['costs', 'ann:sales-2024'] } }
    expect(await set([input])).toMatchObject({
      datasets: [
        {
          ...{ alias: 'b', datasetId: formatId('Dataset', costs), dataset: { name: 'Costs' } },
          snapshots: { when: 'AFTER', datasetIds: [costs, sales].map((each) => formatId('Dataset', each)) },
        },
      ],
      actions: [{ kind: 'webhook', name: 'job', config: { url: 'http://127.0.0.1:9/' } }],
    })
    expect((await call(`GET /api/jobs/${id}/datasets`)).body._embedded['inf:dataset']).toMatchObject([{ alias: 'b' }])
    expect(await set([input, { alias: 'c', dataset: 'gone' }])).toMatchObject({
      issues: [{ path: 'datasets.1.dataset', message: expect.stringContaining('gone') }],
    })
  })
})

describe('actions of a job', () => {
  const slack = { type: 'slack', data: { webhookUrl: 'https://hooks.example/services/secret' } }
  const hook = (url: string, more: object = {}) => ({ type: 'api-call', data: { url, ...more } })
  const list = async (job: string, token = ann.token) =>
    (await call(`GET /api/jobs/${job}/actions`, undefined, { token })).body._embedded['inf:job-action']

  it('are done behind what the type says, and can use what it left', async () => {
    const receiver = await startReceiver((response) =>
      response.setHeader('content-type', 'application/json').end('{"id":7}'),
    )
    const job = await makeJob({ data: { url: `${receiver.url}/first` } })
    const path = `/api/jobs/${job}/actions`
    const answer = await call(`POST ${path}`, {
      ...hook(`${receiver.url}/second`, { body: { id: '{{ steps.job.body.id }}' } }),
      ...{ name: 'tell', conditions: [] },
    })
    const { id } = answer.body
    expect([answer.status, answer.headers.get('location')]).toEqual([201, `${path}/${id}`])
    expect(answer.body).toEqual({
      _links: { self: { href: `${path}/${id}` }, 'inf:job': { href: `/api/jobs/${job}` } },
      ...{ id, jobId: job, type: 'api-call', name: 'tell', index: 0, conditions: null },
      data: { url: `${receiver.url}/second`, body: { id: '{{ steps.job.body.id }}' } },
    })
    expect(await list(job)).toEqual([answer.body])
    expect((await call(`GET ${path}/${id}`)).body).toEqual(answer.body)
    expect((await call(`GET /api/jobs/${job}`)).body._embedded['inf:job-action']).toEqual([answer.body])
    expect((await call(`POST /api/jobs/${job}`)).body).toMatchObject({ success: true })
    expect(receiver.calls.map(({ url }) => url)).toEqual(['/first', '/second'])
    expect(JSON.parse(receiver.calls[1]?.body ?? '')).toEqual({ id: 7 })
  })

  it('are put in any place, moved and changed, keep their ids, and are taken away', async () => {
    const job = await makeJob()
    const path = `/api/jobs/${job}/actions`
    const one = await made(`POST ${path}`, slack)
    const two = await made(`POST ${path}`, { ...slack, index: 0 })
    const three = await made(`POST ${path}`, {
      type: 'dataset-refresh',
      data: { url: 'https://a.example/', datasetId: await makeDataset('Moved') },
    })
    const order = async () => (await list(job)).map(({ id }: { id: string }) => id)
    expect([one.name, two.name, three.name]).toEqual(['slack', 'slack-2', 'materialize'])
    expect(await order()).toEqual([two.id, one.id, three.id])
    expect((await call(`PUT ${path}/${three.id}`, { index: 0 })).body).toEqual({ ...three, index: 0 })
    expect(await order()).toEqual([three.id, two.id, one.id])
    const changed = await call(`PUT ${path}/${one.id}`, {
      type: 'http',
      data: { url: 'https://b.example/' },
      name: 'last',
    })
    expect(changed.body).toMatchObject({
      id: one.id,
      type: 'http',
      data: { url: 'https://b.example/' },
      name: 'last',
      index: 2,
    })
    expect((await call(`PUT ${path}/${one.id}`, changed.body)).body).toEqual(changed.body)
    expect((await call(`DELETE ${path}/${three.id}`)).status).toBe(204)
    expect((await call(`DELETE ${path}/${three.id}`)).status).toBe(404)
    expect(await order()).toEqual([two.id, one.id])
    const [{ kind } = {}] = await query<{ kind: string }>(
      app,
      'select kind from action where job_id = $1 and position = 0',
      [job],
    )
    expect(kind).toBe('webhook')
  })

  it('that another one needs stay before it', async () => {
    const job = await makeJob()
    const path = `/api/jobs/${job}/actions`
    const first = await made(`POST ${path}`, { ...slack, name: 'first' })
    const second = await made(`POST ${path}`, hook('https://a.example/', { body: '{{ steps.first.status }}' }))
    const before = await list(job)
    for (const [route, body] of [
      [`DELETE ${path}/${first.id}`],
      [`PUT ${path}/${first.id}`, { index: 1 }],
      [`PUT ${path}/${first.id}`, { name: 'other' }],
      [`PUT ${path}/${second.id}`, { index: 0 }],
    ] as [string, object?][]) {
      expect((await call(route, body)).status, route).toBe(409)
    }
    expect(await list(job)).toEqual(before)
  })

  it('of several clients at once all come in', async () => {
    const job = await makeJob()
    const answers = await Promise.all(Array.from({ length: 5 }, () => call(`POST /api/jobs/${job}/actions`, slack)))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201])
    expect((await list(job)).map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3, 4])
  })

  const bad: [string, object, string][] = [
    ['an unknown type', { type: 'sap-sync', data: {} }, 'type'],
    ['no type', { data: {} }, 'type'],
    ['no data', { type: 'slack' }, 'data'],
    ['an array as data', { type: 'slack', data: [] }, 'data'],
    ['a NUL', { type: 'slack', data: { webhookUrl: 'https://a.example/', customMessage: '\0' } }, 'data'],
    ['no url', { type: 'api-call', data: {} }, 'data.url'],
    ['a url that is none', { type: 'httpGet', data: { url: 'nowhere' } }, 'data.url'],
    ['a mail to nobody', { type: 'email', data: { to: 'nobody', body: 'x' } }, 'data.to.0'],
    ['an unknown dataset', { type: 'snapshot-cleanup', data: { datasetId: 'gone', keep: 1 } }, 'data.datasetId'],
    ['an unknown step', hook('https://a.example/', { body: '{{ steps.none.x }}' }), 'data.body'],
    ['conditions', { ...slack, conditions: [{ if: 'x' }] }, 'conditions'],
    ['a name that is none', { ...slack, name: 'a b' }, 'name'],
    ['the name of the first step', { ...slack, name: 'job' }, 'name'],
    ['a place that is none', { ...slack, index: 1 }, 'index'],
    ['a place before the first', { ...slack, index: -1 }, 'index'],
  ]
  it.each(bad)('are refused with %s, and nothing changes', async (_, body, field) => {
    const job = await makeJob()
    const before = [await countRows(app), await versionOf(job)]
    const { status, body: answer } = await call(`POST /api/jobs/${job}/actions`, body)
    expect([status, answer.error]).toEqual([400, 'Bad Request'])
    expect(answer.message.startsWith(`${field}: `), answer.message).toBe(true)
    expect([await countRows(app), await versionOf(job)]).toEqual(before)
  })

  it('show their secrets to those who may change the job, and are theirs to change', async () => {
    const job = await makeJob()
    const path = `/api/jobs/${job}/actions`
    const one = await made(`POST ${path}`, slack)
    await made(`POST ${path}`, hook('https://a.example/?token=secret'))
    const reader = (await issueToken(app, ann.token, { scopes: ['jobs:read'] as never })).token
    const shown = await list(job, reader)
    expect(JSON.stringify(shown)).not.toContain('secret')
    expect(shown).toMatchObject([
      { type: 'slack' },
      { type: 'api-call', data: { url: 'https://a.example/?token=•••' } },
    ])
    expect((await call(`DELETE ${path}/${one.id}`, undefined, { token: reader })).status).toBe(403)
    expect((await call(`DELETE ${path}/${one.id}`, undefined, { token: bob.token })).status).toBe(404)
    const writer = (await issueToken(app, ann.token, { scopes: ['jobs:read', 'jobs:write'] as never })).token
    const cleanup = { type: 'snapshot-cleanup', data: { datasetId: await makeDataset('Cleaned'), keep: 1 } }
    expect((await call(`POST ${path}`, cleanup, { token: writer })).status).toBe(403)
    expect((await call(`POST ${path}`, slack, { token: writer })).status).toBe(201)
    expect((await call(`GET ${path}/${crypto.randomUUID()}`)).status).toBe(404)
    expect((await call(`GET ${path}/none`)).status).toBe(404)
  })
})

describe('datasets', () => {
  it('are made, read by both ids, listed and deleted', async () => {
    const { status, headers, body } = await call('POST /api/datasets', {
      name: 'Tides of 2026',
      description: 'High water',
    })
    expect([status, headers.get('location')]).toEqual([201, `/api/datasets/${body.id}`])
    expect(body).toMatchObject({
      naturalId: 'ann:tides-of-2026',
      name: 'Tides of 2026',
      slug: 'tides-of-2026',
      ownerId: 'ann',
    })
    for (const id of [body.id, 'ann:tides-of-2026', 'ann%3Atides-of-2026']) {
      expect((await call(`GET /api/datasets/${id}`)).body, id).toEqual(body)
    }
    const found = (await call('GET /api/datasets?q=HIGH%20water&sort=-createdAt')).body
    expect(found).toMatchObject({
      ...{
        _links: { self: { href: '/api/datasets{?sort,limit,start,q}', templated: true } },
        start: 0,
        count: 1,
        total: 1,
      },
      _embedded: { 'inf:dataset': [body] },
    })
    expect((await call('GET /api/datasets?limit=0')).body).toMatchObject({ count: 0, _embedded: { 'inf:dataset': [] } })
    expect((await call(`GET /api/datasets/${body.id}`, undefined, { token: bob.token })).status).toBe(404)
    expect((await call('POST /api/datasets', { name: 'x', slug: 'tides-of-2026' })).status).toBe(409)
    expect((await call(`DELETE /api/datasets/${body.id}`)).status).toBe(204)
    expect((await call(`GET /api/datasets/${body.id}`)).status).toBe(404)
  })

  it('are handed to a team, whose members then fill them', async () => {
    await makeTeam(app, 'crew', { ann: 'MEMBER', bob: 'MEMBER' })
    const id = await makeDataset('Handed')
    expect((await call(`GET /api/datasets/${id}/owner`)).body).toEqual({ ownerId: 'ann' })
    const unknown = await call(`PUT /api/datasets/${id}/owner`, { ownerId: 'nobody' })
    expect([unknown.status, unknown.body.message.split(':')[0]]).toEqual([400, 'ownerId'])
    const { status, body } = await call(`PUT /api/datasets/${id}/owner`, { ownerId: 'team:crew' })
    expect([status, body]).toEqual([200, { ownerId: 'team:crew' }])
    expect((await call('GET /api/datasets/team:crew:handed')).body).toMatchObject({ id, naturalId: 'team:crew:handed' })
    expect((await call(`POST /api/datasets/crew:handed/rows`, { n: 1 }, { token: bob.token })).status).toBe(201)
  })

  it.each(['sort=colour', 'limit=-1', 'limit=x', 'start=-1'])('are not listed by %s', async (asked) => {
    const { status, body } = await call(`GET /api/datasets?${asked}`)
    expect([status, body.message.split(':')[0]]).toEqual([400, asked.split('=')[0]])
  })

  it('are filled row by row or by many at once, all or none, and read as they were filled', async () => {
    const path = `/api/datasets/${await makeDataset('Filled')}/rows`
    expect(await made(`POST ${path}`, { n: 1, id: 'mine', _links: [] })).toEqual({ inserted: 1, total: 1 })
    expect(await made(`POST ${path}`, [{ n: 2 }, { n: 3 }])).toEqual({ inserted: 2, total: 3 })
    const read = async (asked = '') => (await call(`GET ${path}${asked}`)).body
    expect(await read()).toEqual({
      ...{ _links: { self: { href: path } }, start: 0, count: 3, total: 3 },
      _embedded: { 'inf:dataset-row': [{ n: 1, id: 'mine', _links: [] }, { n: 2 }, { n: 3 }] },
    })
    expect(await read('?limit=1&start=1')).toMatchObject({
      count: 1,
      total: 3,
      _embedded: { 'inf:dataset-row': [{ n: 2 }] },
    })
    const before = await countRows(app)
    for (const body of [[{ n: 4 }, 5], [], 'text', '5', '{"n": 1e999}']) {
      expect((await call(`POST ${path}`, body)).status, JSON.stringify(body)).toBe(400)
    }
    expect((await call(`POST ${path}`, { n: 4 }, { token: bob.token })).status).toBe(404)
    expect(await countRows(app)).toEqual(before)
  })
})
