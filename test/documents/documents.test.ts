/** JSON documents of an artifact. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADD_COLLABORATORS } from '../collaboration/operations.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, type Person, publishSite, query, signUp } from '../support/people.ts'
import { documents } from './operations.ts'

let app: TestApp
let owner: Person
let editor: Person
let viewer: Person
let stranger: Person

beforeAll(async () => {
  app = await createTestApp()
  owner = await signUp(app, 'owner', 'owner@example.org')
  editor = await signUp(app, 'editor', 'editor@example.org')
  viewer = await signUp(app, 'viewer', 'viewer@example.org')
  stranger = await signUp(app, 'stranger')
})
afterAll(() => app?.stop())

let sites = 0
async function newSite(more: object = {}): Promise<string> {
  const { id } = await publishSite(app, `site-${++sites}`, owner.token, more)
  for (const [email, role] of [
    ['editor@example.org', 'EDITOR'],
    ['viewer@example.org', 'VIEWER'],
  ] as const) {
    await app.send(ADD_COLLABORATORS, { input: { artifactId: id, emails: [email], role } }, { token: owner.token })
  }
  return id
}

describe('a document', () => {
  it('holds any JSON, and its version rises with every change', async () => {
    const artifactId = await newSite()
    const { set, read, remove } = documents(app, owner.token)
    const key = 'a/b c?#%ü'
    expect(await set({ artifactId, key, value: { a: [1, null] } })).toMatchObject({ key, version: 1 })
    expect(await set({ artifactId, key, value: null })).toMatchObject({ key, value: null, version: 2 })
    expect(await set({ artifactId, key, value: false })).toMatchObject({ value: false, version: 3 })
    expect((await read(artifactId, key))?.document).toEqual({ value: false, version: 3 })
    expect(await remove({ artifactId, key })).toMatchObject({ key, value: false, version: 3 })
    expect((await read(artifactId, key))?.document).toBeNull()
    expect(await remove({ artifactId, key })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('comes back as it was given, whatever it is', async () => {
    const artifactId = await newSite()
    const { set, read } = documents(app, owner.token)
    const json = fc.jsonValue({ noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('\\u0000'))
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        const plain = JSON.parse(JSON.stringify(value))
        const answer = await set({ artifactId, key: 'any', value: plain })
        if (answer.__typename === 'ValidationError') return
        expect((await read(artifactId, 'any'))?.document?.value).toEqual(plain)
      }),
      { numRuns: 40 },
    )
  })

  it('is changed only from the version that one knows', async () => {
    const artifactId = await newSite()
    const { set, remove, read } = documents(app, owner.token)
    const conflict = { __typename: 'ConflictError', code: 'VERSION' }
    const key = 'x'
    expect(await set({ artifactId, key, value: 1, ifVersion: 1 })).toMatchObject(conflict)
    expect(await remove({ artifactId, key, ifVersion: 1 })).toMatchObject(conflict)
    expect(await set({ artifactId, key, value: 1, ifVersion: 0 })).toMatchObject({ version: 1 })
    expect(await set({ artifactId, key, value: 2, ifVersion: null })).toMatchObject(conflict)
    expect(await set({ artifactId, key, value: 2, ifVersion: 1 })).toMatchObject({ version: 2 })
    expect(await set({ artifactId, key, value: 3, ifVersion: 1 })).toMatchObject(conflict)
    expect(await remove({ artifactId, key, ifVersion: 1 })).toMatchObject(conflict)
    expect((await read(artifactId))?.document).toEqual({ value: 2, version: 2 })
    expect(await remove({ artifactId, key, ifVersion: 2 })).toMatchObject({ version: 2 })
  })

  it('is written by one of many that know the same version', async () => {
    const artifactId = await newSite()
    const { set } = documents(app, owner.token)
    const first = await Promise.all([1, 2, 3, 4, 5].map((value) => set({ artifactId, key: 'x', value, ifVersion: 0 })))
    expect(first.filter(({ __typename }) => __typename === 'JsonDocument')).toHaveLength(1)
    const next = await Promise.all([1, 2, 3, 4, 5].map((value) => set({ artifactId, key: 'x', value, ifVersion: 1 })))
    expect(next.filter(({ __typename }) => __typename === 'JsonDocument')).toHaveLength(1)
  })

  it.each([
    [{ key: '' }, 'key'],
    [{ key: 'x'.repeat(201) }, 'key'],
    [{ key: 'a\nb' }, 'key'],
    [{ key: 'a\0' }, 'key'],
    [{ key: '\ud800' }, 'key'],
    [{ key: '..' }, 'key'],
    [{ value: 'a\0' }, 'value'],
    [{ value: { '\0': 1 } }, 'value'],
    [{ value: 'ü'.repeat(128 * 1024) }, 'value'],
    [{ ifVersion: -1 }, 'ifVersion'],
  ])('cannot be %j', async (wrong, path) => {
    const artifactId = await newSite()
    const before = await countRows(app)
    const { set } = documents(app, owner.token)
    expect(await set({ artifactId, key: 'x', value: 1, ...wrong })).toMatchObject({ issues: [{ path }] })
    expect(await countRows(app)).toEqual(before)
  })

  it('is one of 1,000 at most, which are listed by key, page by page', async () => {
    const artifactId = await newSite()
    const fill = `insert into json_document (artifact_id, key, value)
      select $1::uuid, 'n' || lpad(n::text, 4, '0'), to_jsonb(n) from generate_series(1, 999) n`
    await query(app, fill, [artifactId.replace('art_', '')])
    const { set, read } = documents(app, owner.token)
    const many = await Promise.all(['a', 'b', 'c'].map((key) => set({ artifactId, key, value: 1 })))
    expect(many.map((answer) => ('code' in answer ? answer.code : null)).sort()).toEqual(
      [null, 'LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'].sort(),
    )
    expect(await set({ artifactId, key: 'n0001', value: 'new' })).toMatchObject({ version: 2 })
    const page = await read(artifactId, 'x', { first: 2, after: 'n0998' })
    expect(page?.documents.map(({ key }) => key)).toEqual(['n0999'])
    expect((await read(artifactId, 'x', { first: 2, after: 'm' }))?.documents).toEqual([
      { key: 'n0001', value: 'new', version: 2 },
      { key: 'n0002', value: 2, version: 1 },
    ])
  })
})

describe('who reads and writes documents', () => {
  const policy = { version: 1, field: 'f', default: 'allow', rules: [] }
  const everybody = () => ({ owner, editor, viewer, stranger, nobody: null })
  type Who = keyof ReturnType<typeof everybody>

  it.each<[string, object, Who[], Record<Who, string>]>([
    [
      'a public artifact',
      {},
      ['owner', 'editor', 'viewer', 'stranger', 'nobody'],
      { owner: '', editor: '', viewer: 'FORBIDDEN', stranger: 'FORBIDDEN', nobody: 'UNAUTHENTICATED' },
    ],
    [
      'a private artifact',
      { visibility: 'PRIVATE' },
      ['owner', 'editor', 'viewer'],
      { owner: '', editor: '', viewer: 'FORBIDDEN', stranger: 'NOT_FOUND', nobody: 'UNAUTHENTICATED' },
    ],
    [
      'a public artifact with an access policy',
      { accessPolicy: policy },
      ['owner', 'editor'],
      { owner: '', editor: '', viewer: 'FORBIDDEN', stranger: 'FORBIDDEN', nobody: 'UNAUTHENTICATED' },
    ],
  ])('of %s', async (_what, site, readers, writers) => {
    const artifactId = await newSite(site)
    await documents(app, owner.token).set({ artifactId, key: 'x', value: 1 })
    for (const [who, person] of Object.entries(everybody())) {
      const as = documents(app, person?.token ?? null)
      const seen = await as.read(artifactId)
      const reads = readers.includes(who as Who)
      expect(seen?.document ?? null, who).toEqual(reads ? expect.objectContaining({ value: 1 }) : null)
      expect(seen?.documents.length ?? 0, who).toBe(reads ? 1 : 0)
      const answer = await as.set({ artifactId, key: who, value: 1 })
      expect('code' in answer ? answer.code : '', who).toBe(writers[who as Who])
      await documents(app, owner.token).remove({ artifactId, key: who })
    }
  })

  it('is also up to the token', async () => {
    const artifactId = await newSite({ visibility: 'PRIVATE' })
    const { token } = await issueToken(app, owner.token, { scopes: ['artifacts:read', 'data:write'] })
    const narrow = documents(app, token)
    expect(await narrow.set({ artifactId, key: 'x', value: 1 })).toMatchObject({ version: 1 })
    expect(await narrow.read(artifactId)).toEqual({ document: null, documents: [] })
  })
})
