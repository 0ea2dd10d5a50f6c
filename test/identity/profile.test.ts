/** What principals say of themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, type Person, signUp } from '../support/people.ts'
import { rest } from '../support/rest.ts'

const UPDATE_PROFILE = graphql(`
  mutation UpdateProfile($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      __typename
      ... on Principal { name email metadata }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const PROFILE = graphql(`
  query Profile($id: ID!) { node(id: $id) { ... on Principal { name email metadata } } }
`)

let app: TestApp
let alice: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice', 'alice@example.org')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const update = async (input: object, token = alice.token) =>
  (await app.send(UPDATE_PROFILE, { input }, { token })).data.updateProfile
const see = async (token: string) => (await app.send(PROFILE, { id: alice.id }, { token })).data.node

describe('a profile', () => {
  it('is changed by its owner, part by part; null clears the name', async () => {
    const email = 'alice@example.org'
    expect(await update({ name: 'Alice', metadata: { theme: 'dark' } })).toMatchObject({ name: 'Alice', email })
    expect(await update({ metadata: {} })).toMatchObject({ name: 'Alice', metadata: {} })
    expect(await update({ metadata: { a: [1, null] } })).toMatchObject({ metadata: { a: [1, null] } })
    expect(await update({ name: null })).toMatchObject({ name: null, metadata: { a: [1, null] } })
  })

  it('shows its metadata to its owner and to administrators only', async () => {
    await update({ name: 'Alice', metadata: { secret: true } })
    const all = { name: 'Alice', email: 'alice@example.org', metadata: { secret: true } }
    expect([await see(alice.token), await see(ADMIN_TOKEN)]).toEqual([all, all])
    expect(await see(bob.token)).toEqual({ name: 'Alice', email: null, metadata: null })
  })

  it.each([
    [{ name: ' ' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ metadata: null }, 'metadata'],
    [{ metadata: [] }, 'metadata'],
    [{ metadata: 'x' }, 'metadata'],
    [{ metadata: { a: 'x\0' } }, 'metadata'],
    [{ metadata: { a: 'x'.repeat(16 * 1024) } }, 'metadata'],
  ])('cannot be %j', async (input, path) => {
    const before = await see(alice.token)
    expect(await update(input)).toMatchObject({ issues: [{ path }] })
    expect(await see(alice.token)).toEqual(before)
  })

  it('is read and changed over REST, but for its address', async () => {
    const { token } = alice
    const changed = await rest(app, 'PATCH /v1/auth/profile', { token, body: { name: 'A', metadata: { b: 1 } } })
    const profile = { id: alice.id, email: 'alice@example.org', name: 'A', metadata: { b: 1 } }
    expect([changed.status, changed.body]).toEqual([200, profile])
    const same = await rest(app, 'PATCH /v1/auth/profile', { token, body: profile })
    expect([same.status, same.body]).toEqual([200, profile])
    expect((await rest(app, 'GET /v1/auth/profile', { token })).body).toEqual(profile)
    const before = await countRows(app)
    for (const [body, param] of [
      [{ email: 'boss@example.org' }, 'email'],
      [{ name: 1 }, 'name'],
      [{ metadata: [] }, 'metadata'],
    ]) {
      const refused = await rest(app, 'PATCH /v1/auth/profile', { token, body })
      expect(refused).toMatchObject({ status: 400, body: { success: false, code: 'VALIDATION_ERROR', param } })
    }
    expect((await rest(app, 'GET /v1/auth/profile', { token })).body).toEqual(profile)
    for (const method of ['GET', 'PATCH']) {
      const refused = await rest(app, `${method} /v1/auth/profile`, {
        token: null,
        ...(method === 'PATCH' && { body: {} }),
      })
      expect(refused).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } })
    }
    expect(await countRows(app)).toEqual(before)
  })
})
