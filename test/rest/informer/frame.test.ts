/** What is the same for every call of Informer, beside what all dialects share: who asks, and the form of errors. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, type Person, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'

const basic = (handle: string, token: string) => ({
  authorization: `Basic ${Buffer.from(`${handle}:${token}`).toString('base64')}`,
})

describe('the frame of Informer', () => {
  let app: TestApp
  let ann: Person
  let bob: Person
  let jobId: string
  let database: pg.Client

  beforeAll(async () => {
    app = await createTestApp()
    database = new pg.Client(app.databaseUrl)
    await database.connect()
    ann = await signUp(app, 'ann')
    bob = await signUp(app, 'bob')
    jobId = (await rest(app, 'POST /api/jobs', { token: ann.token, body: { name: 'A job', type: 'email' } })).body.id
  })
  afterAll(async () => {
    await database.end()
    await app.stop()
  })

  const NEW = { name: 'Another', type: 'email' }

  /** The answer of a call that writes nothing, an error in the dialect's form. */
  async function refused(route: string, options: RestOptions) {
    const before = await countRows(database)
    const { status, body, headers } = await rest(app, route, { token: ann.token, ...options })
    expect(await countRows(database)).toEqual(before)
    expect(Object.keys(body)).toEqual(['statusCode', 'error', 'message'])
    expect(body.statusCode).toBe(status)
    expect(headers.get('content-type')).toContain('application/json')
    return { status, error: body.error, message: String(body.message), headers }
  }

  describe('knows who asks', () => {
    it('by a bearer token, or by a handle with a token of whoever has it', async () => {
      const { token } = await issueToken(app, ann.token)
      for (const options of [{ token: ann.token }, { token: null, headers: basic('ann', token) }]) {
        const { status, body } = await rest(app, `GET /api/jobs/${jobId}`, options)
        expect([status, body.id]).toEqual([200, jobId])
      }
      const made = await rest(app, 'POST /api/jobs', { token: null, headers: basic('ann', ann.token), body: NEW })
      expect([made.status, made.body.ownerId]).toEqual([201, 'ann'])
    })

    it.each([
      ['nobody', () => ({})],
      ['a wrong token', () => ({ authorization: 'Bearer rst_wrong' })],
      ['another scheme', () => ({ authorization: `Digest ${ann.token}` })],
      ['a wrong password', () => basic('ann', 'wrong')],
      ['no password', () => basic('ann', '')],
      ['the token of somebody else', () => basic('ann', bob.token)],
      ['no handle', () => basic('', ann.token)],
      ['no pair at all', () => ({ authorization: 'Basic !!!' })],
    ])('and takes nothing from %s', async (_, headers) => {
      for (const route of ['POST /api/jobs', `GET /api/jobs/${jobId}`, 'GET /api/job-fire-times?interval=1+day']) {
        const body = route.startsWith('POST') ? NEW : undefined
        const answer = await refused(route, { token: null, headers: headers(), body })
        expect([answer.status, answer.error]).toEqual([401, 'Unauthorized'])
        expect(answer.headers.get('www-authenticate')).toBe('Bearer, Basic realm="Runsheet"')
      }
    })
  })

  it('answers HAL, and plain JSON to those who ask for that alone', async () => {
    const typeFor = async (accept?: string) => {
      const options = { token: ann.token, headers: accept ? { accept } : {} }
      return (await rest(app, `GET /api/jobs/${jobId}`, options)).headers.get('content-type')
    }
    expect(await typeFor()).toBe('application/hal+json; charset=utf-8')
    expect(await typeFor('application/hal+json, application/json')).toBe('application/hal+json; charset=utf-8')
    expect(await typeFor('application/json')).toBe('application/json')
  })

  it.each([
    ['POST /api/jobs', '[]', 400, 'must be an object'],
    ['POST /api/jobs', 'null', 400, 'must be an object'],
    ['GET /api', undefined, 404, 'There is nothing at /api'],
    ['POST /api/jobs/ID/x/y', JSON.stringify(NEW), 404, 'There is nothing'],
    ['PATCH /api/jobs/ID', JSON.stringify(NEW), 405, 'PATCH is not allowed here; DELETE, GET'],
    ['DELETE /api/jobs', undefined, 405, 'DELETE is not allowed here'],
    ['GET /api/jobs/nobody:nothing', undefined, 404, 'there is no such job'],
    ['GET /api/jobs/00000000-0000-7000-8000-000000000000', undefined, 404, 'there is no such job'],
    ['GET /api/jobs/%00', undefined, 404, ''],
    ['GET /api/jobs/ann:%00', undefined, 404, ''],
  ])('%s with %j is refused in its own form', async (route, body, status, message) => {
    const answer = await refused(route.replace('ID', jobId), { ...(body !== undefined && { body }) })
    expect([answer.status, answer.message]).toEqual([status, expect.stringContaining(message)])
  })

  it('says what is allowed where a method is not', async () => {
    const { headers } = await refused('PATCH /api/job-fire-times', { body: {} })
    expect(headers.get('allow')).toBe('GET')
  })

  it.each([
    [{ name: null }, 'name: '],
    [{ name: '' }, 'name: must not be empty'],
    [{ name: '  ' }, 'name: must not be empty'],
    [{ name: 1 }, 'name: must be a text'],
    [{ name: 'x'.repeat(201) }, 'name: must have at most 200 characters'],
    [{ name: 'a\0b' }, 'name: must not hold a NUL character'],
    [{ type: null }, 'type: must be a text'],
    [{ type: '' }, 'type: must not be empty'],
    [{ type: {} }, 'type: must be a text'],
    [{ enabled: 'yes' }, 'enabled: must be true or false'],
    [{ enabled: 1 }, 'enabled: must be true or false'],
    [{ data: [] }, 'data: must be an object'],
    [{ data: 'x' }, 'data: must be an object'],
    [{ data: { deep: 'a\0b' } }, 'data: must not hold a NUL character'],
    [{ tags: 'sales' }, 'tags: must be a list of texts'],
    [{ tags: [1] }, 'tags.0: must be a text'],
    [{ tags: [''] }, 'tags.0: must not be empty'],
    [{ description: 1 }, 'description: must be a text'],
    [{ description: 'x'.repeat(1001) }, 'description: must have at most 1000 characters'],
    [{ notes: {} }, 'notes: must be a text'],
    [{ startOn: 5 }, 'startOn: must be a date'],
    [{ interval: 5 }, 'interval: must be a text'],
    [{ timezone: false }, 'timezone: must be a text'],
    [{ sourceId: 4711 }, 'sourceId: must be a text'],
    [{ datasets: ['sales'] }, 'datasets: '],
    [{ datasets: { sales: 5 } }, 'datasets.sales: '],
    [{ datasets: { sales: 'nowhere' } }, 'datasets.sales.datasetId: there is no dataset'],
    [{ datasets: { sales: { datasetId: 'nobody:nothing' } } }, 'datasets.sales.datasetId: there is no dataset'],
    [{ interval: '0 8 * * *', timezone: 'Mars/Olympus', datasets: {} }, 'timezone: '],
  ])('a job of %j is not made, and none becomes so', async (flaw, message) => {
    const made = await refused('POST /api/jobs', { body: { ...NEW, ...flaw } })
    expect([made.status, made.message]).toEqual([400, expect.stringContaining(message)])
    const { body: before } = await rest(app, `GET /api/jobs/${jobId}`, { token: ann.token })
    const changed = await refused(`PUT /api/jobs/${jobId}`, { body: { description: 'Other', ...flaw } })
    expect([changed.status, changed.message]).toEqual([400, expect.stringContaining(message)])
    expect((await rest(app, `GET /api/jobs/${jobId}`, { token: ann.token })).body).toEqual(before)
  })

  it.each([['name'], ['type']])('a job without %s is not made', async (field) => {
    const { status, message } = await refused('POST /api/jobs', { body: { ...NEW, [field]: undefined } })
    expect([status, message]).toEqual([400, `${field}: must be a text`])
  })

  it('a lock is for administrators to set', async () => {
    const { status, message } = await refused(`PUT /api/jobs/${jobId}`, { body: { lockedAt: '2999-01-01' } })
    expect([status, message]).toEqual([403, expect.stringContaining('lockedAt')])
  })
})
