/** Collaborators and comments as ShareOut's clients see them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, type Person, publishSite, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

let app: TestApp
let owner: Person
let path: string

beforeAll(async () => {
  app = await createTestApp()
  owner = await signUp(app, 'owner', 'owner@example.org')
  path = `/v1/artifacts/${(await publishSite(app, 'shop', owner.token)).id}`
})
afterAll(() => app?.stop())

const ask = (route: string, body?: unknown) => {
  const [method, rest_] = route.split(' ')
  return rest(app, `${method} ${path}/${rest_}`, { token: owner.token, body })
}

describe('collaborators', () => {
  it('are added with a role, listed, and removed by their address', async () => {
    const added = await ask('POST collaborators', { emails: ['B@example.org', 'a+x@example.org'], role: 'viewer' })
    const all = {
      collaborators: [
        { email: 'a+x@example.org', role: 'viewer' },
        { email: 'b@example.org', role: 'viewer' },
      ],
    }
    expect([added.status, added.body]).toEqual([200, all])
    await ask('POST collaborators', { emails: ['b@example.org'], role: 'EDITOR' })
    const removed = await ask(`DELETE collaborators/${encodeURIComponent('a+x@example.org')}`)
    expect([removed.status, removed.body]).toEqual([200, { success: true }])
    expect((await ask('GET collaborators')).body).toEqual({
      collaborators: [{ email: 'b@example.org', role: 'editor' }],
    })
    expect(await ask('DELETE collaborators/a@example.org')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
  })

  it.each([
    ['POST collaborators', { emails: ['x'], role: 'viewer' }, 'emails.0'],
    ['POST collaborators', { emails: [], role: 'viewer' }, 'emails'],
    ['POST collaborators', { emails: ['c@example.org'], role: 'owner' }, 'role'],
    ['POST collaborators', { emails: ['c@example.org'] }, 'role'],
    ['POST collaborators', { emails: ['owner@example.org'], role: 'viewer' }, 'emails'],
    ['DELETE collaborators/x', undefined, 'email'],
    ['POST comments', { text: '' }, 'text'],
    ['POST comments', {}, 'text'],
    ['GET comments?limit=101', undefined, 'limit'],
    ['GET comments?cursor=x', undefined, 'after'],
  ])('and comments are refused: %s %j', async (route, body, param) => {
    const before = await countRows(app)
    const answer = await ask(route, body)
    expect(answer).toMatchObject({ status: 400, body: { success: false, code: 'VALIDATION_ERROR', param } })
    expect(await countRows(app)).toEqual(before)
  })
})

it('comments are listed page by page, the newest first, with who said them when', async () => {
  for (const text of ['one', 'two', 'three']) {
    const said = await ask('POST comments', { text })
    const author = { id: owner.id, handle: 'owner', name: null }
    expect([said.status, said.body]).toEqual([
      201,
      { id: expect.stringMatching(/^cmt_/), text, author, created_at: expect.any(Number) },
    ])
    expect(Number.isInteger(said.body.created_at)).toBe(true)
  }
  const first = (await ask('GET comments?limit=2')).body
  expect(first.comments.map(({ text }: { text: string }) => text)).toEqual(['three', 'two'])
  const rest_ = (await ask(`GET comments?limit=2&cursor=${first.next_cursor}`)).body
  expect(rest_).toMatchObject({ comments: [{ text: 'one' }], next_cursor: null })
})
