/** Making, reading, changing and deleting jobs in the way of Informer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, makeTeam, type Person, query, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { costOf, withStatements } from '../../support/statements.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NINE_IN_LA = { interval: '0 9 * * *', intervalType: 'cron', timezone: 'America/Los_Angeles' }

describe('jobs of Informer', () => {
  let app: TestApp
  let ann: Person
  let bob: Person

  beforeAll(async () => {
    app = await createTestApp({ DEFAULT_TIMEZONE: 'Europe/Berlin' })
    ann = await signUp(app, 'ann')
    bob = await signUp(app, 'bob')
  })
  afterAll(() => app.stop())

  const call = (route: string, body?: unknown, more: RestOptions = {}) =>
    rest(app, route, { token: ann.token, ...(body !== undefined && { body }), ...more })
  const make = async (more: object = {}) => {
    const { status, body } = await call('POST /api/jobs', { name: 'A job', type: 'email', ...more })
    expect(body.message).toBeUndefined()
    expect(status).toBe(201)
    return body
  }
  const read = async (id: string) => (await call(`GET /api/jobs/${id}`)).body
  const put = async (id: string, change: object) => {
    const { status, body } = await call(`PUT /api/jobs/${id}`, change)
    expect(body.message).toBeUndefined()
    expect(status).toBe(200)
    return body
  }

  describe('made', () => {
    it('by two statements, of which one writes it all; a name that is taken costs a transaction more', async () => {
      const cost = async (name: string) => {
        const ask = (headers: Record<string, string>) => call('POST /api/jobs', { name, type: 'email' }, { headers })
        const { answer, statements } = await withStatements(ask)
        expect(answer.status).toBe(201)
        return costOf(statements)
      }
      await make({ name: 'Before them' })
      expect(await cost('Counted')).toEqual({ statements: 2, writes: 1 })
      expect(await cost('Counted')).toMatchObject({ writes: 3 })
    })

    it('at the same time by one name have each a slug of their own', async () => {
      const made = await Promise.all(Array.from({ length: 6 }, () => make({ name: 'At once' })))
      const slugs = made.map(({ slug }) => slug).toSorted()
      expect(slugs).toEqual(['at-once', ...[2, 3, 4, 5, 6].map((n) => `at-once-${n}`)])
    })

    it('by name and type alone are disabled and have no schedule', async () => {
      const { status, headers, body } = await call('POST /api/jobs', { name: 'Daily Sales Report', type: 'email' })
      expect([status, headers.get('location')]).toEqual([201, `/api/jobs/${body.id}`])
      expect(headers.get('content-type')).toBe('application/hal+json; charset=utf-8')
      const href = `/api/jobs/${body.id}`
      expect(body).toMatchObject({
        ...{ id: expect.stringMatching(UUID), name: 'Daily Sales Report', type: 'email', slug: 'daily-sales-report' },
        ...{ ownerId: 'ann', interval: null, intervalType: null, timezone: 'Europe/Berlin', enabled: false },
        ...{ nextRunAt: null, startOn: null, endOn: null, lockedAt: null, heartbeat: null, data: {}, tags: [] },
        ...{ description: null, notes: null, source: null, sourceId: null, editingId: null },
        driver: { type: 'email', known: true },
        permissions: { read: true, edit: true, delete: true, run: true },
        _links: {
          self: { href },
          'inf:job-history': { href: `${href}/history` },
          'inf:job-actions': { href: `${href}/actions` },
          'inf:job-datasets': { href: `${href}/datasets` },
        },
      })
      expect(body.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      expect(await read(body.id)).toEqual(body)
    })

    it('without a schedule have no next run, enabled or not', async () => {
      expect(await make({ enabled: true })).toMatchObject({ enabled: true, interval: null, nextRunAt: null })
    })

    it('keep all that is said of them', async () => {
      const said = {
        ...{ description: 'For the management', notes: 'Made by Ann', source: 'erp', sourceId: '4711' },
        ...{ startOn: '2999-01-01T00:00:00.000Z', endOn: '2999-12-31T00:00:00.000Z', enabled: true },
        ...{ ...NINE_IN_LA, data: { to: 'a@example.org', nested: { list: [1, null, 'x'] } } },
      }
      const job = await make({ ...said, tags: ['sales', 'daily', 'sales'] })
      expect(job).toMatchObject({ ...said, nextRunAt: '2999-01-01T17:00:00.000Z' })
      expect(job.tags).toHaveLength(2)
      expect((await make({ tags: job.tags })).tags).toEqual(job.tags)
      expect(await read(job.id)).toEqual(job)
    })
  })

  describe('changed', () => {
    it('keep what is not named, and lose what is null', async () => {
      const job = await make({
        ...NINE_IN_LA,
        enabled: true,
        description: 'D',
        notes: 'N',
        data: { a: 1 },
        tags: ['x'],
      })
      const renamed = await put(job.id, { name: 'Another' })
      expect({ ...renamed, name: '', updatedAt: '' }).toEqual({ ...job, name: '', updatedAt: '' })
      const cleared = { description: null, notes: null, data: null, tags: null, interval: null, timezone: null }
      expect(await put(job.id, cleared)).toMatchObject({
        ...{ name: 'Another', description: null, notes: null, data: {}, tags: [], enabled: true },
        ...{ interval: null, intervalType: null, timezone: 'Europe/Berlin', nextRunAt: null },
      })
    })

    it('stay as they are when their client sends back what it has read', async () => {
      const job = await make({
        ...NINE_IN_LA,
        enabled: true,
        startOn: '2020-01-01',
        tags: ['x'],
        data: { to: 'a@example.org' },
      })
      const stored = () => query(app, 'select * from job where id = $1::uuid', [job.id])
      const [before] = await stored()
      const same = await put(job.id, job)
      expect({ ...same, updatedAt: '' }).toEqual({ ...job, updatedAt: '' })
      const [after] = await stored()
      expect({ ...after, version: 0, updated_at: 0 }).toEqual({ ...before, version: 0, updated_at: 0 })
    })

    it('take no part in what is not theirs to say', async () => {
      const job = await make()
      const readOnly = { id: bob.id, slug: 'other', ownerId: 'bob', createdAt: '2000-01-01', nextRunAt: '2999-01-01' }
      const more = { permissions: null, driver: 1, _links: 0, _embedded: 'x', editingId: job.id, nonsense: [{}] }
      expect(await put(job.id, { ...readOnly, ...more })).toMatchObject({ ...job, updatedAt: expect.any(String) })
    })

    it('are paused and resumed', async () => {
      const job = await make({ interval: '1 day' })
      const on = await put(job.id, { enabled: true })
      expect(on.nextRunAt).not.toBeNull()
      expect(await put(job.id, { enabled: false })).toMatchObject({ enabled: false, nextRunAt: null })
    })
  })

  it('are gone when they are deleted', async () => {
    const { id } = await make()
    const { status, body } = await call(`DELETE /api/jobs/${id}`)
    expect([status, body]).toEqual([204, null])
    expect((await call(`GET /api/jobs/${id}`)).status).toBe(404)
    expect((await call(`DELETE /api/jobs/${id}`)).status).toBe(404)
  })

  it('are not there for others, nor for a token that may not read them', async () => {
    const { id } = await make()
    const before = await countRows(app)
    for (const route of [`GET /api/jobs/${id}`, `PUT /api/jobs/${id}`, `DELETE /api/jobs/${id}`]) {
      const body = route.startsWith('PUT') ? {} : undefined
      const { status, body: answer } = await call(route, body, { token: bob.token })
      expect([status, answer]).toEqual([404, { statusCode: 404, error: 'Not Found', message: 'there is no such job' }])
    }
    const { token } = await issueToken(app, ann.token, { scopes: ['artifacts:read'] })
    expect((await call(`GET /api/jobs/${id}`, undefined, { token })).status).toBe(403)
    expect((await call('POST /api/jobs', { name: 'x', type: 'email' }, { token })).status).toBe(403)
    expect(await countRows(app)).toEqual({ ...before, api_token: (before.api_token ?? 0) + 1 })
  })

  describe('by their natural ids', () => {
    const at = (id: string, token = ann.token) => call(`GET /api/jobs/${id}`, undefined, { token })

    it('are found, whatever they are called later, until they are gone', async () => {
      const { id, slug } = await make({ name: 'Evening Report: 2' })
      expect(slug).toBe('evening-report-2')
      await put(id, { name: 'Morning Report' })
      for (const natural of [`ann:${slug}`, `ann%3A${slug}`, `ann%3a${slug}`]) {
        expect((await at(natural)).body).toMatchObject({ id, slug, name: 'Morning Report' })
      }
      expect((await call(`PUT /api/jobs/ann:${slug}`, { notes: 'N' })).body).toMatchObject({ id, notes: 'N' })
      expect((await at(`ann:${slug}`, bob.token)).status).toBe(404)
      expect((await at(`bob:${slug}`)).status).toBe(404)
      expect((await call(`DELETE /api/jobs/ann:${slug}`)).status).toBe(204)
      expect((await at(`ann:${slug}`)).status).toBe(404)
      expect((await make({ name: 'Evening report 2' })).slug).toBe(slug)
    })

    it('are told apart by a number when they have one name, also when they are made at the same time', async () => {
      const jobs = await Promise.all(Array.from({ length: 5 }, () => make({ name: 'Twin' })))
      expect(jobs.map(({ slug }) => slug).sort()).toEqual(['twin', 'twin-2', 'twin-3', 'twin-4', 'twin-5'])
      const others = await rest(app, 'POST /api/jobs', { token: bob.token, body: { name: 'Twin', type: 'email' } })
      expect(others.body.slug).toBe('twin')
    })

    it('are those of a team with its prefix and without, and of a user before those of a team', async () => {
      for (const handle of ['zoo', 'ann']) {
        await makeTeam(app, `team:${handle}`, { ann: 'MEMBER' })
        const { id } = await make({ name: 'Of a team' })
        const owned = `update job set owner_id = (select id from principal where handle = $2), slug = 'of-a-team' where id = $1::uuid`
        await query(app, owned, [id, `team:${handle}`])
        expect((await at(`team:${handle}:of-a-team`)).body).toMatchObject({ id, ownerId: `team:${handle}` })
        expect((await at(`team%3A${handle}%3Aof-a-team`)).body.id).toBe(id)
        expect((await at(`${handle}:of-a-team`)).body.id).toBe(id)
      }
      const own = await make({ name: 'Of a team' })
      expect((await at('ann:of-a-team')).body).toMatchObject({ id: own.id, ownerId: 'ann' })
      expect((await at('team:ann:of-a-team')).body.ownerId).toBe('team:ann')
    })
  })

  it('show their secrets to nobody who could not change them', async () => {
    const data = {
      url: 'https://ann:hunter2@example.org/hook?token=hunter2&page=1',
      headers: { Authorization: 'Bearer hunter2', accept: 'text/plain' },
      nested: [{ apiKey: 'hunter2', note: 'seen' }],
    }
    for (const type of ['api-call', 'of-no-driver']) {
      const job = await make({ type, data })
      expect(job.data).toEqual(data)
      await query(
        app,
        'insert into share (job_id, principal_id, level) select $1::uuid, id, 1 from principal where handle = $2',
        [job.id, 'bob'],
      )
      const { token } = await issueToken(app, ann.token, { scopes: ['jobs:read'] })
      for (const reader of [bob.token, token]) {
        const { status, body } = await call(`GET /api/jobs/${job.id}`, undefined, { token: reader })
        expect(status).toBe(200)
        expect(JSON.stringify(body)).not.toContain('hunter2')
        expect(body.data).toMatchObject({ headers: { accept: 'text/plain' }, nested: [{ note: 'seen' }] })
      }
      await query(app, 'update share set level = 2 where job_id = $1::uuid', [job.id])
      expect((await call(`GET /api/jobs/${job.id}`, undefined, { token: bob.token })).body.data).toEqual(data)
    }
  })
})
