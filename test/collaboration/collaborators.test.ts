/** The list of those who work on an artifact. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, type Person, publishSite, query, signUp } from '../support/people.ts'
import { ADD_COLLABORATORS, REMOVE_COLLABORATOR, WHO_WORKS_ON } from './operations.ts'

let app: TestApp
let owner: Person

beforeAll(async () => {
  app = await createTestApp()
  owner = await signUp(app, 'owner', 'Owner@Example.org')
})
afterAll(() => app?.stop())

let sites = 0
const newSite = async () => (await publishSite(app, `site-${++sites}`, owner.token)).id

const add = async (artifactId: string, emails: string[], role: 'VIEWER' | 'EDITOR' = 'VIEWER', token = owner.token) =>
  (await app.send(ADD_COLLABORATORS, { input: { artifactId, emails, role } }, { token })).data.addCollaborators

const remove = async (artifactId: string, email: string) =>
  (await app.send(REMOVE_COLLABORATOR, { input: { artifactId, email } }, { token: owner.token })).data
    .removeCollaborator

const list = async (id: string, token: string | null) =>
  (await app.send(WHO_WORKS_ON, { id }, { token })).data.artifact?.collaborators

describe('collaborators', () => {
  it('are addresses in lower case, each once; adding one again changes the role', async () => {
    const id = await newSite()
    await add(id, ['B@example.org', 'b@EXAMPLE.org', ' a@example.org '])
    expect(await list(id, owner.token)).toEqual([
      { email: 'a@example.org', role: 'VIEWER' },
      { email: 'b@example.org', role: 'VIEWER' },
    ])
    expect(await add(id, ['b@example.org'], 'EDITOR')).toMatchObject({
      collaborators: [
        { email: 'a@example.org', role: 'VIEWER' },
        { email: 'b@example.org', role: 'EDITOR' },
      ],
    })
    expect(await remove(id, 'A@example.org')).toMatchObject({ collaborators: [{ email: 'b@example.org' }] })
  })

  it('are shown to the owner and to editors, with a token that may read artifacts, and to nobody else', async () => {
    const id = await newSite()
    const [editor, viewer, stranger] = [
      await signUp(app, 'ed', 'ed@example.org'),
      await signUp(app, 'vi', 'vi@example.org'),
      await signUp(app, 'st', 'st@example.org'),
    ]
    await add(id, ['ed@example.org'], 'EDITOR')
    await add(id, ['vi@example.org'], 'VIEWER')
    expect(await list(id, owner.token)).toHaveLength(2)
    expect(await list(id, editor.token)).toHaveLength(2)
    const narrow = await issueToken(app, owner.token, { scopes: ['jobs:read'] })
    for (const token of [viewer.token, stranger.token, narrow.token, null]) expect(await list(id, token)).toBeNull()
  })

  it('may come before the user who has the address', async () => {
    const { id } = await publishSite(app, 'before', owner.token, { visibility: 'PRIVATE' })
    await add(id, ['late@example.org'])
    const late = await signUp(app, 'late', 'Late@example.org')
    expect((await app.send(WHO_WORKS_ON, { id }, { token: late.token })).data.artifact).toMatchObject({ id })
  })

  it.each([
    [['x'], 'emails.0'],
    [['a@example.org', 'a@b@c'], 'emails.1'],
    [['a\0@example.org'], 'emails.0'],
    [[`${'a'.repeat(320)}@example.org`], 'emails.0'],
    [[], 'emails'],
    [Array.from({ length: 51 }, (_, index) => `a${index}@example.org`), 'emails'],
    [['owner@example.org'], 'emails'],
  ])('cannot be %j', async (emails, path) => {
    const id = await newSite()
    const before = await countRows(app)
    expect(await add(id, emails)).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
    expect(await countRows(app)).toEqual(before)
  })

  it('are 1,000 at most', async () => {
    const id = await newSite()
    const fill = `insert into collaborator (artifact_id, email, role)
      select $1::uuid, 'n' || n || '@example.org', 'VIEWER' from generate_series(1, 999) n`
    await query(app, fill, [id.replace('art_', '')])
    expect(await add(id, ['n1@example.org', 'last@example.org'], 'EDITOR')).toMatchObject({ __typename: 'Artifact' })
    expect(await add(id, ['more@example.org'])).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(await list(id, owner.token)).toHaveLength(1000)
  })

  it('who are none cannot be removed', async () => {
    expect(await remove(await newSite(), 'nobody@example.org')).toMatchObject({ code: 'NOT_FOUND' })
    expect(await remove('art_00000000000000000000000000000000', 'a@example.org')).toMatchObject({ code: 'NOT_FOUND' })
    expect(await remove(await newSite(), 'nobody')).toMatchObject({ issues: [{ path: 'email' }] })
  })
})
