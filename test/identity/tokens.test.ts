/** Users and tokens from outside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CreateTokenInput, CreateUserInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, type Person, post, signUp } from '../support/people.ts'

const WHO = graphql(
  `query Who { viewer { id handle email isAdmin tokens { id name prefix scopes expiresAt revokedAt } } }`,
)

const CREATE_USER = graphql(`
  mutation CreateUser($input: CreateUserInput!) {
    createUser(input: $input) {
      __typename
      ... on CreatedUser { token principal { id handle name email isAdmin kind } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const CREATE_TOKEN = graphql(`
  mutation CreateToken($input: CreateTokenInput!) {
    createToken(input: $input) {
      __typename
      ... on CreatedToken { token apiToken { id name prefix scopes expiresAt } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const REVOKE_TOKEN = graphql(`
  mutation RevokeToken($id: ID!) {
    revokeToken(input: { tokenId: $id }) {
      __typename
      ... on ApiToken { id revokedAt }
      ... on Error { code message }
    }
  }
`)

const SEE = graphql(`
  query See($id: ID!) { node(id: $id) { ... on Principal { handle email } } }
`)

const SEE_TOKENS = graphql(`
  query SeeTokens($id: ID!) { node(id: $id) { ... on Principal { handle tokens { name } } } }
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

const viewer = async (token: string | null) => (await app.send(WHO, {}, { token })).data.viewer

describe('signing in', () => {
  it('shows who one is; nobody without a token', async () => {
    expect(await viewer(ADMIN_TOKEN)).toMatchObject({ handle: 'admin', isAdmin: true })
    expect(await viewer(alice.token)).toMatchObject({ handle: 'alice', isAdmin: false, email: 'alice@example.org' })
    expect(await viewer(null)).toBeNull()
  })

  it.each(['Bearer nope', 'Bearer', 'Basic YWRtaW46YWRtaW4=', ADMIN_TOKEN, `Bearer ${ADMIN_TOKEN} x`])(
    'refuses the header %j with 401 instead of passing for nobody',
    async (authorization) => {
      const answer = await post(app, { query: '{ viewer { handle } }' }, null, { authorization })
      expect(answer).toMatchObject({ status: 401, body: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } })
      expect(answer.body.data).toBeUndefined()
    },
  )

  it('takes the scheme in any case', async () => {
    const { body } = await post(app, { query: '{ viewer { handle } }' }, null, { authorization: `bearer ${bob.token}` })
    expect(body).toEqual({ data: { viewer: { handle: 'bob' } } })
  })
})

describe('createUser', () => {
  const create = async (variables: { input: CreateUserInput }, token = ADMIN_TOKEN) =>
    (await app.send(CREATE_USER, variables, { token })).data.createUser

  it('is for administrators', async () => {
    const before = await countRows(app)
    const refused = { __typename: 'ForbiddenError', code: 'INSUFFICIENT_SCOPE' }
    expect(await create({ input: { handle: 'mallory' } }, alice.token)).toMatchObject(refused)
    const { token } = await issueToken(app, ADMIN_TOKEN, { scopes: ['jobs:read', 'jobs:write'] })
    expect(await create({ input: { handle: 'mallory' } }, token)).toMatchObject(refused)
    expect({ ...(await countRows(app)), api_token: 0 }).toEqual({ ...before, api_token: 0 })
  })

  it('makes a user whose first token may do all that users may', async () => {
    const made = await create({ input: { handle: 'carol.c-1', name: ' Carol ', email: 'carol@example.org' } })
    if (made.__typename !== 'CreatedUser') throw new Error(made.__typename)
    expect(made.principal).toMatchObject({ handle: 'carol.c-1', name: 'Carol', kind: 'USER', isAdmin: false })
    const [token] = (await viewer(made.token))?.tokens ?? []
    expect(token).toMatchObject({
      prefix: made.token.slice(0, 8),
      scopes: ['artifacts:read', 'artifacts:write', 'data:read', 'data:write', 'jobs:read', 'jobs:write', 'jobs:run'],
      expiresAt: null,
    })
  })

  it('refuses a handle that is taken, and writes nothing', async () => {
    const before = await countRows(app)
    const taken = { __typename: 'ConflictError', code: 'HANDLE_TAKEN' }
    for (const handle of ['alice', 'admin']) expect(await create({ input: { handle } })).toMatchObject(taken)
    expect(await countRows(app)).toEqual(before)
  })

  it.each([
    [{ handle: '' }, 'handle'],
    [{ handle: 'Alice' }, 'handle'],
    [{ handle: 'a b' }, 'handle'],
    [{ handle: '-a' }, 'handle'],
    [{ handle: 'team:x' }, 'handle'],
    [{ handle: 'a\0' }, 'handle'],
    [{ handle: 'x'.repeat(61) }, 'handle'],
    [{ handle: 'ok1', name: '' }, 'name'],
    [{ handle: 'ok1', name: 'x'.repeat(201) }, 'name'],
    [{ handle: 'ok1', name: 'a\0b' }, 'name'],
    [{ handle: 'ok1', name: 'a\ud800b' }, 'name'],
    [{ handle: 'ok1', email: 'nobody' }, 'email'],
    [{ handle: 'ok1', email: 'a\0@example.org' }, 'email'],
    [{ handle: 'ok1', email: `${'x'.repeat(330)}@example.org` }, 'email'],
  ])('refuses %j, names %s, and writes nothing', async (input, path) => {
    const before = await countRows(app)
    expect(await create({ input })).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
    expect(await countRows(app)).toEqual(before)
  })
})

describe('createToken', () => {
  const create = async (input: Partial<CreateTokenInput>, token: string) =>
    (await app.send(CREATE_TOKEN, { input: { name: 'made', ...input } }, { token })).data.createToken

  it('gives the scopes that one has, or fewer', async () => {
    expect(await create({}, alice.token)).toMatchObject({ apiToken: { scopes: { length: 7 }, expiresAt: null } })
    const { token } = await issueToken(app, alice.token, { scopes: ['jobs:read', 'artifacts:read'] })
    expect(await create({}, token)).toMatchObject({ apiToken: { scopes: ['jobs:read', 'artifacts:read'] } })
    expect(await create({ scopes: ['jobs:read'] }, token)).toMatchObject({ apiToken: { scopes: ['jobs:read'] } })
  })

  it('gives none that the token in use lacks, whoever its owner is', async () => {
    const before = await countRows(app)
    const refused = { __typename: 'ForbiddenError', code: 'INSUFFICIENT_SCOPE' }
    expect(await create({ scopes: ['jobs:read', 'admin'] }, alice.token)).toMatchObject(refused)
    expect(await countRows(app)).toEqual(before)
    const { token } = await issueToken(app, ADMIN_TOKEN, { scopes: ['jobs:read'] })
    expect(await create({ scopes: ['admin'] }, token)).toMatchObject(refused)
    expect(await create({ scopes: ['jobs:run'] }, token)).toMatchObject(refused)
  })

  it('takes an expiry that is to come, and only that', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    expect(await create({ expiresAt }, alice.token)).toMatchObject({ apiToken: { expiresAt } })
    const past = { expiresAt: new Date(Date.now() - 1).toISOString() }
    expect(await create(past, alice.token)).toMatchObject({ issues: [{ path: 'expiresAt' }] })
  })

  it.each([
    [{ name: '' }, 'name'],
    [{ name: ' \n ' }, 'name'],
    [{ name: 'x'.repeat(10_000) }, 'name'],
    [{ name: 'a\0' }, 'name'],
    [{ scopes: [] }, 'scopes'],
    [{ scopes: ['jobs:read', 'everything'] }, 'scopes.1'],
    [{ scopes: [''] }, 'scopes.0'],
  ])('refuses %j, names %s, and writes nothing', async (input, path) => {
    const before = await countRows(app)
    expect(await create(input, alice.token)).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
    expect(await countRows(app)).toEqual(before)
  })
})

describe('revokeToken', () => {
  const revoke = async (id: string, token: string) => (await app.send(REVOKE_TOKEN, { id }, { token })).data.revokeToken

  it('ends a token at once: the next request is 401', async () => {
    const { id, token } = await issueToken(app, alice.token)
    expect(await viewer(token)).toMatchObject({ handle: 'alice' })
    const revoked = await revoke(id, token)
    expect(revoked).toMatchObject({ __typename: 'ApiToken', id, revokedAt: expect.any(String) })
    expect(await post(app, { query: '{ viewer { handle } }' }, token)).toMatchObject({
      status: 401,
      body: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    })
    expect(await revoke(id, alice.token), 'a second time it stays as it was').toEqual(revoked)
  })

  it('finds no token of others, but administrators may end any', async () => {
    const { id, token } = await issueToken(app, alice.token)
    expect(await revoke(id, bob.token)).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' })
    const { token: narrow } = await issueToken(app, ADMIN_TOKEN, { scopes: ['jobs:read'] })
    expect(await revoke(id, narrow)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await viewer(token)).toMatchObject({ handle: 'alice' })
    expect(await revoke(id, ADMIN_TOKEN)).toMatchObject({ __typename: 'ApiToken', id })
  })

  it.each(['', 'x', 'tok_00000000000000000000000000000000', 'job_00000000000000000000000000000000'])(
    'finds none by %j',
    async (id) => {
      expect(await revoke(id, ADMIN_TOKEN)).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' })
    },
  )
})

describe('what is shown of others', () => {
  it('is no e-mail address and no token, but to administrators', async () => {
    const see = (token: string) => app.send(SEE, { id: alice.id }, { token })
    expect((await see(alice.token)).data.node).toEqual({ handle: 'alice', email: 'alice@example.org' })
    expect((await see(ADMIN_TOKEN)).data.node).toEqual({ handle: 'alice', email: 'alice@example.org' })
    expect((await see(bob.token)).data.node).toEqual({ handle: 'alice', email: null })

    const names = async (token: string) => (await app.send(SEE_TOKENS, { id: alice.id }, { token })).data.node
    expect(await names(ADMIN_TOKEN)).toMatchObject({
      handle: 'alice',
      tokens: expect.arrayContaining([{ name: 'first token' }]),
    })
    expect(await names(alice.token)).toEqual(await names(ADMIN_TOKEN))
    const refused = await app.send(SEE_TOKENS, { id: alice.id }, { token: bob.token })
    expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    expect(JSON.stringify(refused.data)).not.toContain('first token')
  })

  it('is nothing to somebody who is not signed in', async () => {
    expect(await app.send(SEE, { id: alice.id }, { token: null })).toEqual({ data: { node: null } })
  })
})
