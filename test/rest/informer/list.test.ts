/** Lists of Informer's jobs: the HAL collection, and the short list of all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { issueToken, makeJob, makeTeam, type Person, query, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'
import { withStatements } from '../../support/statements.ts'

let app: TestApp
let ann: Person
let bob: Person
let cyd: Person

const ids: Record<string, string> = {}

beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
  cyd = await signUp(app, 'cyd')
  await makeTeam(app, 'analytics', { bob: 'MEMBER', cyd: 'ADMIN' })
  await query(app, `update principal set name = 'Analytics Team' where handle = 'team:analytics'`)
  await make('Daily Sales Report', { description: 'Summary for management', enabled: true, interval: '0 8 * * *' })
  await make('audit', { type: 'api-call', tags: ['finance', 'eu'] })
  await make('Backup', { type: 'dataset-refresh', enabled: true, interval: '0 9 * * *' })
  await make('churn')
  await makeJob(app, ann.token, { name: 'of another surface' })
  await query(
    app,
    `update job set owner_id = (select id from principal where handle = 'team:analytics') where name = 'churn'`,
  )
  await share('Backup', 'bob', 2)
  await share('Backup', 'team:analytics', 1)
  await share('audit', 'team:analytics', 3)
  await query(app, `update job set next_run_at = next_run_at + interval '1 year' where name = 'Backup'`)
  await query(app, `update job set updated_at = now() + interval '1 hour' where name = 'audit'`)
})
afterAll(() => app?.stop())

async function make(name: string, more: object = {}, token = ann.token) {
  const { status, body } = await rest(app, 'POST /api/jobs', { token, body: { name, type: 'email', ...more } })
  expect(body.message).toBeUndefined()
  expect(status).toBe(201)
  ids[name] = body.id
  return body
}

const share = (name: string, handle: string, level: number) =>
  query(
    app,
    `insert into share (job_id, principal_id, level) select j.id, p.id, $3 from job j, principal p where j.name = $1 and p.handle = $2`,
    [name, handle, level],
  )

const get = async (path: string, token: string | null = ann.token, headers: Record<string, string> = {}) =>
  rest(app, `GET ${path}`, { token, headers })
const list = async (search = '', token = ann.token) => {
  const { status, body } = await get(`/api/jobs${search}`, token)
  expect(status).toBe(200)
  return body
}
const names = async (search = '', token = ann.token): Promise<string[]> =>
  (await list(search, token))._embedded['inf:job'].map(({ name }: { name: string }) => name)

describe('GET /api/jobs', () => {
  it('is a HAL collection of jobs as they are seen in lists, by name', async () => {
    const { status, headers, body } = await get('/api/jobs')
    expect([status, headers.get('content-type')]).toEqual([200, 'application/hal+json; charset=utf-8'])
    const {
      heartbeat,
      data,
      notes,
      source,
      sourceId,
      editingId,
      tags,
      driver,
      permissions,
      _links,
      _embedded,
      ...whole
    } = (await get(`/api/jobs/${ids['Daily Sales Report']}`)).body
    expect(body).toEqual({
      _links: { self: { href: '/api/jobs{?sort,limit,start,q}', templated: true } },
      _embedded: { 'inf:job': [expect.anything(), expect.anything(), { _links: { self: _links.self }, ...whole }] },
      ...{ start: 0, count: 3, total: 3 },
    })
    expect(await names()).toEqual(['audit', 'Backup', 'Daily Sales Report'])
  })

  it('has an empty list of jobs where there are none', async () => {
    const none = { _embedded: { 'inf:job': [] }, start: 0, count: 0, total: 0 }
    const nobody = await signUp(app, 'nobody')
    expect(await list('', nobody.token)).toMatchObject(none)
    expect(await list('?q=%21%21')).toMatchObject(none)
    expect(await list('?start=3')).toMatchObject({ ...none, start: 3, total: 3 })
    expect(await list('?limit=0')).toMatchObject({ ...none, total: 3 })
    expect(await list('?limit=0&q=report')).toMatchObject({ ...none, total: 1 })
  })

  it('has what is one’s own, of one’s teams, and shared with either; administrators see all', async () => {
    expect(await names('', bob.token)).toEqual(['audit', 'Backup', 'churn'])
    expect(await names('', cyd.token)).toEqual(['audit', 'Backup', 'churn'])
    expect((await rest(app, 'GET /api/jobs')).body.total).toBe(4)
    expect((await list('?q=a', bob.token)).total).toBe(1)
  })

  it.each<[string, string[]]>([
    ['?q=dail+rep', ['Daily Sales Report']],
    ['?q=MANAGE', ['Daily Sales Report']],
    ['?q=a', ['audit']],
    ['?q=', ['audit', 'Backup', 'Daily Sales Report']],
    ['?q=another', []],
    ['?sort=name', ['audit', 'Backup', 'Daily Sales Report']],
    ['?sort=-name', ['Daily Sales Report', 'Backup', 'audit']],
    ['?sort=type', ['audit', 'Backup', 'Daily Sales Report']],
    ['?sort=-type', ['Daily Sales Report', 'Backup', 'audit']],
    ['?sort=enabled', ['audit', 'Daily Sales Report', 'Backup']],
    ['?sort=-enabled', ['Backup', 'Daily Sales Report', 'audit']],
    ['?sort=nextRunAt', ['Daily Sales Report', 'Backup', 'audit']],
    ['?sort=-nextRunAt', ['Backup', 'Daily Sales Report', 'audit']],
    ['?sort=createdAt', ['Daily Sales Report', 'audit', 'Backup']],
    ['?sort=-createdAt', ['Backup', 'audit', 'Daily Sales Report']],
    ['?sort=updatedAt', ['Daily Sales Report', 'Backup', 'audit']],
    ['?sort=ownerId', ['Daily Sales Report', 'audit', 'Backup']],
    ['?sort=name&limit=1', ['audit']],
    ['?sort=name&limit=1&start=1', ['Backup']],
    ['?limit=999999', ['audit', 'Backup', 'Daily Sales Report']],
    ['?limit=1&start=999999999', []],
    ['?unknown=x', ['audit', 'Backup', 'Daily Sales Report']],
  ])('%s has %j', async (search, expected) => {
    expect(await names(search)).toEqual(expected)
  })

  it('sorts by the handle of the owner, whoever that is', async () => {
    expect(await names('?sort=ownerId', bob.token)).toEqual(['audit', 'Backup', 'churn'])
    expect(await names('?sort=-ownerId', bob.token)).toEqual(['churn', 'Backup', 'audit'])
  })

  it('has at most 1,000 jobs in a page, and 30 unless more are asked for; pages put together are the list', async () => {
    const many = await signUp(app, 'many')
    await query(
      app,
      `insert into job (id, surface, name, type, owner_id, created_by_id, trigger)
      select gen_random_uuid(), 'INFORMER', 'n' || n % 7, 'email', p.id, p.id, 'MANUAL'
      from principal p, generate_series(1, 1002) n where p.handle = 'many'`,
    )
    expect(await list('', many.token)).toMatchObject({ count: 30, total: 1002 })
    for (const sort of ['name', '-name', 'nextRunAt', '-type']) {
      const page = async (start: number) => list(`?limit=5000&sort=${sort}&start=${start}`, many.token)
      const first = await page(0)
      const last = await page(1000)
      expect([first.count, last.count, last.start]).toEqual([1000, 2, 1000])
      const all = [first, last].flatMap((each) => each._embedded['inf:job'].map(({ id }: { id: string }) => id))
      expect(new Set(all).size).toBe(1002)
    }
  })

  it.each([
    ['limit=-1', 'limit'],
    ['limit=x', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=', 'limit'],
    ['limit=1e9', 'limit'],
    ['start=-1', 'start'],
    ['start=ten', 'start'],
    ['start=99999999999', 'start'],
    ['sort=colour', 'sort'],
    ['sort=', 'sort'],
    ['sort=--name', 'sort'],
    ['sort=name,-type', 'sort'],
    ['sort=ownerId;drop', 'sort'],
    ['q=%00', 'q'],
    [`q=${'x'.repeat(201)}`, 'q'],
  ])('?%s is a bad request that names %s', async (search, field) => {
    const { status, body } = await get(`/api/jobs?${search}`)
    expect([status, body.statusCode, body.error]).toEqual([400, 400, 'Bad Request'])
    expect(body.message).toMatch(new RegExp(`^${field}\\b`))
  })

  it('wants a token that may read jobs', async () => {
    const { token } = await issueToken(app, ann.token, { scopes: ['artifacts:read'] })
    for (const path of ['/api/jobs', '/api/jobs-list']) {
      expect((await get(path, null)).status).toBe(401)
      expect((await get(path, token)).status).toBe(403)
    }
  })
})

describe('GET /api/jobs-list', () => {
  it('has all jobs in short, the oldest first', async () => {
    const tags = await query<{ id: string }>(app, `select id from tag order by name`)
    const { status, body } = await get('/api/jobs-list', bob.token)
    expect(status).toBe(200)
    const [audit, backup, churn] = body
    expect(body).toHaveLength(3)
    expect(audit).toEqual({
      ...{ id: ids.audit, name: 'audit', type: 'api-call', enabled: false },
      ...{ ownerId: 'ann', ownerName: 'ann', naturalId: 'ann:audit', tags: tags.map(({ id }) => id) },
      sharing: [{ principalId: 'team:analytics', accessLevel: 3 }],
      permissions: { edit: true, write: true, delete: false, share: true },
    })
    expect(backup).toMatchObject({
      enabled: true,
      permissions: { edit: true, write: true, delete: false, share: false },
    })
    expect(backup.sharing).toHaveLength(2)
    expect(churn).toMatchObject({
      ...{ ownerId: 'team:analytics', ownerName: 'Analytics Team', naturalId: 'team:analytics:churn', sharing: [] },
      permissions: { edit: true, write: true, delete: false, share: true },
    })
    const [, backupOfCyd, churnOfCyd] = (await get('/api/jobs-list', cyd.token)).body
    expect(backupOfCyd.permissions).toEqual({ edit: false, write: false, delete: false, share: false })
    expect(churnOfCyd.permissions).toEqual({ edit: true, write: true, delete: true, share: true })
    for (const { id, naturalId } of body) expect((await get(`/api/jobs/${naturalId}`, bob.token)).body.id).toBe(id)
  })

  it('is an empty array where there are none', async () => {
    const { status, body } = await get('/api/jobs-list', (await signUp(app, 'nobody-else')).token)
    expect([status, body]).toEqual([200, []])
  })

  it('has each job once, however many there are', async () => {
    const lots = await signUp(app, 'lots')
    const add = (count: number) =>
      query(
        app,
        `insert into job (id, surface, name, type, slug, owner_id, created_by_id, trigger)
        select gen_random_uuid(), 'INFORMER', 'n', 'email', gen_random_uuid()::text, p.id, p.id, 'MANUAL'
        from principal p, generate_series(1, $1::int) n where p.handle = 'lots'`,
        [count],
      )
    for (const total of [500, 1201]) {
      await add(total === 500 ? 500 : 701)
      const { body } = await get('/api/jobs-list', lots.token)
      expect(new Set(body.map(({ id }: { id: string }) => id)).size).toBe(total)
      expect(body).toHaveLength(total)
    }
  })
})

describe('SQL statements', () => {
  const counted = async (path: string, token: string) => {
    const { answer, statements } = await withStatements((headers) => get(path, token, headers))
    return { body: answer.body, count: statements.length }
  }

  it('are as many for a list of 20 jobs as for one of 2', async () => {
    const dan = await signUp(app, 'dan')
    const fill = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        await make(`dan ${n}`, { enabled: true, interval: `${n} 8 * * *`, tags: [`t${n}`] }, dan.token)
        await share(`dan ${n}`, n % 2 ? 'bob' : 'team:analytics', 1)
      }
    }
    await fill(0, 2)
    const paths = ['/api/jobs?q=dan', '/api/jobs-list']
    const few: Record<string, number> = {}
    for (const path of paths) {
      // The first request of a token also writes down that it was used.
      await get(path, dan.token)
      few[path] = (await counted(path, dan.token)).count
      expect(few[path]).toBeGreaterThan(3)
    }
    await fill(2, 20)
    for (const path of paths) {
      const many = await counted(path, dan.token)
      expect(many.count).toBe(few[path])
      expect(many.body._embedded?.['inf:job'] ?? many.body).toHaveLength(20)
    }
  })
})
