/** What each of the people around an artifact may ask of its data, comments and collaborators, route by route. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, type Person, publishSite, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

type Who = 'nobody' | 'stranger' | 'viewer' | 'editor' | 'owner'
const WHO: Who[] = ['nobody', 'stranger', 'viewer', 'editor', 'owner']

let app: TestApp
const people = new Map<Who, Person>()
const sites = { public: '', private: '' }

const tokenOf = (who: Who) => people.get(who)?.token ?? null

beforeAll(async () => {
  app = await createTestApp()
  for (const who of WHO.slice(1)) people.set(who, await signUp(app, who, `${who}@example.org`))
  const owner = { token: tokenOf('owner') }
  for (const visibility of ['public', 'private'] as const) {
    const more = { visibility: visibility === 'public' ? ('PUBLIC' as const) : ('PRIVATE' as const) }
    const { id } = await publishSite(app, visibility, owner.token ?? '', more)
    sites[visibility] = id
    for (const role of ['viewer', 'editor']) {
      const body = { emails: [`${role}@example.org`], role }
      await rest(app, `POST /v1/artifacts/${id}/collaborators`, { ...owner, body })
    }
  }
})
afterAll(() => app?.stop())

beforeEach(async () => {
  const token = tokenOf('owner')
  for (const id of Object.values(sites)) {
    await rest(app, `POST /v1/data/${id}/tables/t`, { token, body: { n: 1 } })
    await rest(app, `PUT /v1/data/${id}/json/k`, { token, body: '1' })
  }
})

/** For nobody, a stranger, a viewer, an editor and the owner. */
type Statuses = [number, number, number, number, number]
const READ: Record<keyof typeof sites, Statuses> = {
  public: [200, 200, 200, 200, 200],
  private: [404, 404, 200, 200, 200],
}
const write = (status: number): Record<keyof typeof sites, Statuses> => ({
  public: [401, 403, 403, status, status],
  private: [401, 404, 403, status, status],
})

describe.each(['public', 'private'] as const)('of a %s artifact', (visibility) => {
  const routes: [string, unknown, Record<keyof typeof sites, Statuses>][] = [
    ['GET /v1/data/ID/tables', undefined, READ],
    ['POST /v1/data/ID/tables/t/query', {}, READ],
    ['POST /v1/data/ID/tables/t/count', {}, READ],
    ['POST /v1/data/ID/tables/t/distinct', { field: 'n' }, READ],
    ['GET /v1/data/ID/tables/t/ROW', undefined, READ],
    ['GET /v1/data/ID/json', undefined, READ],
    ['GET /v1/data/ID/json/k', undefined, READ],
    ['GET /v1/artifacts/ID/comments', undefined, READ],
    ['POST /v1/data/ID/tables/t', { n: 2 }, write(201)],
    ['POST /v1/data/ID/tables/new', { n: 2 }, write(201)],
    ['PATCH /v1/data/ID/tables/t/ROW', { n: 2 }, write(200)],
    ['PATCH /v1/data/ID/tables/t', { filter: { n: 1 }, set: { n: 2 } }, write(200)],
    ['DELETE /v1/data/ID/tables/t', { filter: { n: 1 } }, write(200)],
    ['PUT /v1/data/ID/json/k', { a: 1 }, write(200)],
    [
      'POST /v1/artifacts/ID/comments',
      { text: 'x' },
      { public: [401, 201, 201, 201, 201], private: [401, 404, 201, 201, 201] },
    ],
    [
      'GET /v1/artifacts/ID/collaborators',
      undefined,
      { public: [401, 403, 403, 200, 200], private: [401, 404, 403, 200, 200] },
    ],
    [
      'POST /v1/artifacts/ID/collaborators',
      { emails: ['new@example.org'], role: 'viewer' },
      { public: [401, 403, 403, 403, 200], private: [401, 404, 403, 403, 200] },
    ],
  ]

  it.each(routes)('%s', async (route, body, expected) => {
    for (const [index, who] of WHO.entries()) {
      const before = await countRows(app)
      const path = route.replace('ID', sites[visibility]).replace('ROW', await someRow(sites[visibility]))
      const answer = await rest(app, path, { token: tokenOf(who), body })
      expect(answer.status, `${who}: ${JSON.stringify(answer.body)}`).toBe(expected[visibility][index])
      if (answer.status < 400) continue
      expect(answer.body).toMatchObject({ success: false, error: expect.any(String), code: expect.any(String) })
      expect(await countRows(app), who).toEqual(before)
    }
  })

  it.each([
    ['DELETE /v1/data/ID/tables/t/ROW', write(200)],
    ['DELETE /v1/data/ID/tables/t?confirm=true', write(200)],
    ['DELETE /v1/data/ID/json/k', write(200)],
  ] as const)('%s', async (route, expected) => {
    const token = tokenOf('owner')
    for (const [index, who] of WHO.entries()) {
      const id = sites[visibility]
      await rest(app, `POST /v1/data/${id}/tables/t`, { token, body: { n: 1 } })
      await rest(app, `PUT /v1/data/${id}/json/k`, { token, body: '1' })
      const path = route.replace('ID', id).replace('ROW', await someRow(id))
      const answer = await rest(app, path, { token: tokenOf(who) })
      expect(answer.status, `${who}: ${JSON.stringify(answer.body)}`).toBe(expected[visibility][index])
    }
  })
})

async function someRow(id: string): Promise<string> {
  const { body } = await rest(app, `POST /v1/data/${id}/tables/t/query`, {
    token: tokenOf('owner'),
    body: { limit: 1 },
  })
  return body.data.rows[0].id
}
