/** What is the same for every call of Kragle: who asks, how it is asked, and the form of errors. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../../../src/kernel/log.ts'
import { errorAnswer } from '../../../src/rest/kragle/fault.ts'
import { graphql } from '../../generated/index.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { issueToken, type Person, query, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { refusal } from './client.ts'

const REVOKE = graphql(`
  mutation RevokeKragleToken($input: RevokeTokenInput!) {
    revokeToken(input: $input) {
      ... on ApiToken { id }
      ... on Error { message }
    }
  }
`)

const SCHEDULE = { config: { period: 60 } }
const BASES = ['', '/api/v1']

describe('the frame of Kragle', () => {
  const logged: string[] = []
  let app: TestApp
  let ann: Person
  let bob: Person
  let numberOfAnn: number
  let database: pg.Client

  beforeAll(async () => {
    const log = createLog('info', { write: (lines) => void logged.push(lines) })
    app = await createTestApp({ MAX_BODY_BYTES: '2048' }, log)
    database = new pg.Client(app.databaseUrl)
    await database.connect()
    ann = await signUp(app, 'ann', 'Ann@example.com')
    bob = await signUp(app, 'bob')
    const [row] = await query<{ number: number }>(database, `select number from principal where handle = 'ann'`)
    numberOfAnn = row?.number ?? 0
  })
  afterAll(async () => {
    await database.end()
    await app.stop()
  })

  const refused = (route: string, options: RestOptions = {}) =>
    refusal(app, database, route, { token: ann.token, ...options })

  const signIn = (body: unknown, headers: Record<string, string> = {}, path = '/authenticate') =>
    rest(app, `POST ${path}`, { token: null, body, headers })

  /** The cookie of whoever has this token, as it is sent back. */
  async function cookieOf({ handle, token }: { handle: string; token: string }) {
    const { headers } = await signIn({ username: handle, password: token })
    return headers.get('set-cookie')?.split(';')[0] ?? ''
  }

  describe('knows who asks', () => {
    it.each(BASES)('by a bearer token, below "%s"', async (base) => {
      expect((await rest(app, `GET ${base}/jobs`, { token: ann.token })).body.count).toBe(0)
    })

    it.each([
      ['/authenticate', () => ({ username: 'ann', password: ann.token })],
      ['/login', () => ({ email: 'ann@EXAMPLE.com', password: ann.token })],
      ['/api/v1/authenticate', () => ({ email: 'Ann@example.com', password: ann.token })],
      ['/api/v1/login', () => ({ username: 'ann', password: ann.token })],
    ])('by the cookie that %s sets', async (path, login) => {
      const { status, body, headers } = await signIn(login(), {}, path)
      expect([status, body]).toEqual([200, { code: 0, user_id: numberOfAnn }])
      const [cookie = '', ...attributes] = headers.get('set-cookie')?.split('; ') ?? []
      expect(cookie).toMatch(/^auth_tkt=[\w-]+$/)
      expect(cookie).not.toContain(ann.token)
      expect(attributes).toEqual(['Max-Age=1209600', 'Path=/', 'HttpOnly', 'SameSite=Lax'])
      const made = await rest(app, 'POST /schedules', { token: null, headers: { cookie }, body: SCHEDULE })
      expect(made.status).toBe(200)
      expect((await rest(app, 'GET /jobs', { token: null, headers: { cookie } })).status).toBe(200)
    })

    it('by what a body says beside its payload', async () => {
      for (const auth of [
        { username: 'ann', password: ann.token },
        { email: 'ann@example.com', password: ann.token },
      ]) {
        const made = await rest(app, 'POST /schedules', { token: null, body: { auth, payload: SCHEDULE } })
        expect(made.status).toBe(200)
        const [row] = await query(
          database,
          'select p.handle from schedule s join principal p on p.id = s.owner_id where s.number = $1',
          [made.body.id],
        )
        expect(row).toEqual({ handle: 'ann' })
      }
      const auth = { username: 'ann', password: ann.token }
      const { body } = await rest(app, 'POST /schedules', { token: bob.token, body: SCHEDULE })
      expect((await refused(`PUT /schedules/${body.id}`, { token: bob.token, body: { auth, payload: {} } })).code).toBe(
        3,
      )
    })

    it.each([
      ['nobody', () => ({})],
      ['a wrong token', () => ({ authorization: 'Bearer rst_wrong' })],
      ['another scheme', () => ({ authorization: `Basic ${ann.token}` })],
      ['a cookie that nobody sealed', () => ({ cookie: 'auth_tkt=abcdefghijklmnopqrstuvwxyz0123456789abcdefghijk' })],
      ['a token as a cookie', () => ({ cookie: `auth_tkt=${ann.token}` })],
      ['a cookie that is too long', () => ({ cookie: `auth_tkt=${'a'.repeat(2000)}` })],
    ])('and takes nothing from %s', async (_, headers) => {
      for (const base of BASES) {
        for (const route of [`POST ${base}/schedules`, `GET ${base}/jobs`, `DELETE ${base}/jobs/1`]) {
          const body = route.startsWith('POST') ? SCHEDULE : undefined
          const { status, code } = await refused(route, { token: null, headers: headers(), body })
          expect([status, code], route).toEqual([403, 3])
        }
      }
    })

    it.each([
      ['a wrong password', () => ({ username: 'ann', password: 'wrong' })],
      ['the token of somebody else', () => ({ username: 'ann', password: bob.token })],
      ['the address of somebody else', () => ({ email: 'ann@example.com', password: bob.token })],
      ['somebody who is not there', () => ({ username: 'nobody', password: ann.token })],
      ['no name', () => ({ username: '', password: ann.token })],
      ['no address', () => ({ email: '', password: bob.token })],
    ])('and signs nobody in with %s', async (_, login) => {
      const asked = await refused('POST /authenticate', { token: null, body: login() })
      expect([asked.status, asked.code, asked.headers.get('set-cookie')]).toEqual([500, 3, null])
      const body = { auth: login(), payload: SCHEDULE }
      const enclosed = await refused('POST /schedules', { token: null, body })
      expect([enclosed.status, enclosed.code, enclosed.msg]).toEqual([500, 3, asked.msg])
    })

    it('and takes no other credentials where those of the body are wrong', async () => {
      for (const auth of [null, 'ann', {}, { username: 'ann', password: 1 }, { username: 'ann', password: 'wrong' }]) {
        const { status, code } = await refused('POST /schedules', { body: { auth, payload: SCHEDULE } })
        expect([status, code]).toEqual([500, 3])
      }
    })

    it.each([
      [{ password: 'x' }],
      [{ username: 'ann' }],
      [{ username: 'ann', email: 'ann@example.com', password: 'x' }],
      [{ username: 'ann', password: 'x', remember: true }],
      [{ username: 1, password: 'x' }],
      [[]],
    ])('and says of a login that is none what is wrong: %j', async (body) => {
      const { status, code } = await refused('POST /authenticate', { token: null, body })
      expect([status, code]).toEqual([500, 4])
    })
  })

  describe('a cookie', () => {
    it('ends at once with its token', async () => {
      const { id, token } = await issueToken(app, ann.token)
      const cookie = await cookieOf({ handle: 'ann', token })
      const ask = async () => (await rest(app, 'GET /jobs', { token: null, headers: { cookie } })).status
      expect(await ask()).toBe(200)
      await app.send(REVOKE, { input: { tokenId: id } }, { token: ann.token })
      expect(await ask()).toBe(403)
      const again = await rest(app, 'POST /authenticate', {
        ...{ token: null, headers: { cookie }, body: { username: 'ann', password: ann.token } },
      })
      expect(again.status).toBe(200)
    })

    it('has the scopes of its token', async () => {
      const { token } = await issueToken(app, ann.token, { scopes: ['jobs:read'] })
      const headers = { cookie: await cookieOf({ handle: 'ann', token }) }
      expect((await rest(app, 'GET /jobs', { token: null, headers })).status).toBe(200)
      const { status, code, msg } = await refused('POST /schedules', { token: null, headers, body: SCHEDULE })
      expect([status, code, msg]).toEqual([403, 3, 'the token lacks the scope jobs:write'])
    })

    it('counts for nothing on the other APIs', async () => {
      const headers = { cookie: await cookieOf(ann) }
      expect((await rest(app, 'GET /api/jobs', { token: null, headers })).status).toBe(401)
      expect((await rest(app, 'GET /v1/jobs', { token: null, headers })).status).toBe(401)
    })

    it.each([
      [{ 'sec-fetch-site': 'cross-site' }],
      [{ 'sec-fetch-site': 'same-site' }],
      [{ origin: 'https://evil.example' }],
      [{ origin: 'null' }],
      [{ origin: 'https://evil.example', 'sec-fetch-site': 'none' }],
    ])('counts for nothing on pages of other origins: %j', async (from) => {
      const headers = { cookie: await cookieOf(ann), ...from } as Record<string, string>
      for (const route of ['POST /schedules', 'GET /jobs', 'PUT /jobs/1', 'DELETE /jobs/1']) {
        const body = route.startsWith('P') ? SCHEDULE : undefined
        const { status, code } = await refused(route, { token: null, headers, body })
        expect([status, code], route).toEqual([403, 3])
      }
      const login = { username: 'ann', password: ann.token }
      const signedIn = await refused('POST /authenticate', { token: null, headers: from as never, body: login })
      expect([signedIn.status, signedIn.headers.get('set-cookie')]).toEqual([403, null])
      expect((await rest(app, 'GET /schedules', { token: null, headers })).status).toBe(200)
      expect((await rest(app, 'GET /jobs', { token: ann.token, headers: from as never })).status).toBe(200)
    })

    it('counts on pages of its own', async () => {
      for (const from of [{ 'sec-fetch-site': 'same-origin', origin: app.url }, { 'sec-fetch-site': 'none' }]) {
        const headers = { cookie: await cookieOf(ann), ...from } as Record<string, string>
        expect((await rest(app, 'GET /jobs', { token: null, headers })).status).toBe(200)
      }
    })
  })

  it.each([
    ['GET /jobs?page=0', undefined, 500, 1],
    ['GET /jobs?page=x', undefined, 500, 1],
    ['GET /jobs?page=1.5', undefined, 500, 1],
    ['GET /jobs?page=999999999999', undefined, 500, 1],
    ['GET /jobs?size=3', undefined, 500, 1],
    ['GET /schedules?page=-1', undefined, 500, 1],
    ['POST /jobs', '{"schedule_id": ', 500, 2],
    ['POST /jobs', '', 500, 2],
    ['PUT /schedules/1', 'config=1', 500, 2],
    ['POST /jobs', '[]', 500, 4],
    ['POST /jobs', 'null', 500, 4],
    ['POST /schedules', '{"config": {"period": 60}, "colour": "red"}', 500, 4],
    ['POST /schedules', `{"config": {"period": 60}, "name": "${'x'.repeat(3000)}"}`, 413, 4],
    ['GET /jobs/2147483648', undefined, 500, 6],
    ['GET /jobs/byid/99999999999999999999', undefined, 500, 6],
    ['GET /jobs/byid/x', undefined, 500, 6],
    ['GET /jobs/byname/x', undefined, 500, 6],
    ['GET /jobs/byname/%00', undefined, 500, 6],
    ['DELETE /jobs/-1', undefined, 500, 6],
    ['PUT /jobs/x', '{}', 500, 6],
    ['PUT /schedules/0', '{}', 500, 6],
    ['GET /schedules/99999999999', undefined, 500, 6],
    ['PATCH /jobs/1', '{}', 405, 4],
    ['DELETE /schedules/1', undefined, 405, 4],
    ['OPTIONS /jobs', undefined, 405, 4],
    ['GET /jobs/1/2/3', undefined, 404, 6],
  ])('refuses %s %s', async (route, body, status, code) => {
    for (const base of BASES) {
      const answer = await refused(route.replace(' ', ` ${base}`), { body })
      expect([answer.status, answer.code]).toEqual([status, code])
    }
  })

  it('answers what is not there, also below /api/v1', async () => {
    for (const path of ['/api/v1', '/api/v1/', '/api/v1/nothing', '/jobs/', '/login/x']) {
      const { status, code } = await refused(`GET ${path}`, { token: null })
      expect([status, code], path).toEqual([404, 6])
    }
    expect((await refused('POST /jobs', { headers: { 'content-type': 'text/plain' }, body: '{}' })).status).toBe(415)
    expect((await refused('DELETE /jobs')).headers.get('allow')).toBe('GET, POST')
  })

  it('counts its refusals as refusals, and not as faults', async () => {
    const counted = async (method: string, status: number) => {
      const metrics = await (await fetch(`${app.url}/metrics`)).text()
      return metrics.includes(`duration_seconds_count{method="${method}",route="/login",status="${status}"}`)
    }
    const { token } = ann
    expect((await rest(app, 'POST /login', { token, body: {} })).status).toBe(500)
    await expect.poll(() => counted('POST', 400)).toBe(true)
    expect(await counted('POST', 500)).toBe(false)
    expect((await rest(app, 'GET /login', { token })).status).toBe(405)
    await expect.poll(() => counted('GET', 405)).toBe(true)
  })

  it('logs refusals as answers, and never a token or a password', async () => {
    const id = 'the-refused'
    const login = { auth: { username: 'ann', password: `${bob.token}x` }, payload: SCHEDULE }
    expect((await rest(app, 'POST /schedules', { headers: { 'x-request-id': id }, body: login })).status).toBe(500)
    const lines = () =>
      logged
        .join('')
        .split('\n')
        .filter((line) => line.includes(id))
        .map((line) => JSON.parse(line))
    const line = { level: 30, msg: 'request', path: '/schedules', status: 500, countsAs: 400 }
    await expect.poll(lines).toEqual([expect.objectContaining(line)])
    expect(logged.join('')).not.toMatch(/"level":[56]0/)
    for (const secret of [ann.token, bob.token, 'auth_tkt']) expect(logged.join('')).not.toContain(secret)
  })

  it('logs a fault of the server, tells nothing of it, and counts it as one', async () => {
    const faults: string[] = []
    const log = createLog('info', { write: (lines) => void faults.push(lines) })
    const answer = errorAnswer(new Error('secret'), log)
    expect([answer.status, await answer.json()]).toEqual([500, { code: 99, msg: 'An internal error occurred' }])
    expect(answer.headers.get('x-runsheet-counts-as')).toBeNull()
    await expect.poll(() => faults.join('')).toMatch(/"level":50.*secret/)
  })
})
