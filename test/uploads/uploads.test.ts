/** Publishing by digest: what is there already is not sent again. */

import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PrepareUploadInput } from '../generated/graphql.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, type Person, publishSite, query, signUp } from '../support/people.ts'
import { digestOf, fileOf, PREPARE_UPLOAD, PUBLISH_UPLOADED, put } from './operations.ts'

const MAX_FILE_BYTES = 3_000_000

let app: TestApp
let alice: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp({
    MAX_FILE_BYTES: `${MAX_FILE_BYTES}`,
    MAX_VERSION_BYTES: '5000000',
    MAX_VERSION_FILES: '5',
    MAX_BODY_BYTES: '100000',
  })
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const prepare = async (files: PrepareUploadInput['files'], token = alice.token) =>
  (await app.send(PREPARE_UPLOAD, { input: { files } }, { token })).data.prepareUpload
const missing = async (files: PrepareUploadInput['files'], token = alice.token) => {
  const answer = await prepare(files, token)
  return answer.__typename === 'PreparedUpload' ? answer.missing : answer
}
const publish = async (slug: string, uploaded: { path: string; digest: string }[], token = alice.token) => {
  const uploadedFiles = uploaded.map(({ path, digest }) => ({ path, digest }))
  const input = { name: slug, slug, files: [], uploadedFiles }
  return (await app.send(PUBLISH_UPLOADED, { input }, { token })).data.publishArtifact
}
const blobs = async (digest: string) => (await query(app, 'select 1 from blob where digest = $1', [digest])).length
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('runsheet-upload-'))
const largeObjects = async () => (await query(app, 'select 1 from pg_largeobject_metadata')).length

describe('an upload', () => {
  it('is of what is missing, and can be published by digest; it is larger than a body may be', async () => {
    const page = '<h1>by digest</h1>'
    const large = randomBytes(MAX_FILE_BYTES)
    const files = [fileOf('index.html', page), fileOf('large.bin', large), fileOf('copy.html', page)]
    const [one, two] = [digestOf(page), digestOf(large)]
    expect(await prepare(files)).toEqual({
      ...{ __typename: 'PreparedUpload', missing: [one, two], uploadUrl: `${app.url}/uploads/` },
    })
    expect(await put(app, one, page, alice.token)).toMatchObject({ status: 201, body: { digest: one, sizeBytes: 18 } })
    expect(await put(app, two, large, alice.token)).toMatchObject({ status: 201 })
    expect(await missing(files)).toEqual([])
    expect(await publish('by-digest', files)).toMatchObject({
      liveVersion: { versionNo: 1, files: expect.arrayContaining(files) },
    })
    const site = await fetch(`${app.url}/a/by-digest/large.bin`)
    expect(digestOf(Buffer.from(await site.arrayBuffer()))).toBe(two)
    expect([leftovers(), await largeObjects()]).toEqual([[], 0])
  })

  it('of a bundle that has not changed sends no content at all', async () => {
    await publishSite(app, 'unchanged', alice.token, { files: [{ path: 'index.html', content: 'the same' }] })
    const files = [fileOf('index.html', 'the same')]
    const before = await countRows(app)
    expect(await missing(files)).toEqual([])
    expect(await publish('unchanged', files)).toMatchObject({ liveVersion: { versionNo: 2 } })
    expect(await countRows(app)).toMatchObject({ artifact_version: (before.artifact_version ?? 0) + 1 })
    expect(await blobs(digestOf('the same'))).toBe(1)
  })

  it('may be sent again, in pieces or without a length, and be empty', async () => {
    const content = 'again'
    const digest = digestOf(content)
    await prepare([fileOf('a', content), fileOf('b', '')])
    const pieces = () => new Response(content).body as ReadableStream
    expect(await put(app, digest, pieces(), alice.token)).toMatchObject({ status: 201, body: { sizeBytes: 5 } })
    expect(await put(app, digest, pieces(), alice.token)).toMatchObject({ status: 200, body: { sizeBytes: 5 } })
    const both = await Promise.all([1, 2, 3].map(() => put(app, digestOf(''), '', alice.token)))
    expect(both.map(({ status }) => status).every((status) => status === 200 || status === 201)).toBe(true)
    expect(await blobs(digestOf(''))).toBe(1)
  })

  it('that is something else is refused, and nothing of it is kept', async () => {
    const digest = digestOf('promised')
    await prepare([fileOf('a', 'promised')])
    for (const content of ['other', 'promise', 'promised!', '']) {
      const answer = await put(app, digest, content, alice.token)
      expect(answer).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION', error: expect.stringContaining('digest') },
      })
      expect(await blobs(digestOf(content))).toBe(content === '' ? 1 : 0)
    }
    expect([await blobs(digest), leftovers(), await largeObjects()]).toEqual([0, [], 0])
    expect(await put(app, digest, 'promised', alice.token)).toMatchObject({ status: 201 })
  })

  it('of more bytes than a file may have is refused, announced or not', async () => {
    const digest = digestOf('small')
    await prepare([fileOf('a', 'small')])
    const large = Buffer.alloc(MAX_FILE_BYTES + 1)
    for (const body of [large, new Response(large).body as ReadableStream]) {
      const answer = await put(app, digest, body, alice.token)
      expect(answer).toMatchObject({ status: 413, body: { error: expect.stringContaining('MAX_FILE_BYTES') } })
    }
    expect([await blobs(digest), leftovers()]).toEqual([0, []])
  })

  it('that breaks off leaves nothing behind', async () => {
    const content = randomBytes(500_000)
    const digest = digestOf(content)
    await prepare([fileOf('a', content)])
    const before = await largeObjects()
    await new Promise<void>((resolve) => {
      const headers = { authorization: `Bearer ${alice.token}`, 'content-length': content.length }
      const request = http.request(`${app.url}/uploads/${digest}`, { method: 'PUT', headers })
      request.on('error', () => resolve())
      request.write(content.subarray(0, 200_000), () => request.destroy())
      request.on('close', () => resolve())
    })
    await expect.poll(leftovers).toEqual([])
    expect([await blobs(digest), await largeObjects()]).toEqual([0, before])
  })

  it('is for those who prepared it in the last 24 hours', async () => {
    const digest = digestOf('mine')
    await prepare([fileOf('a', 'mine')])
    expect(await put(app, digest, 'mine', bob.token)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    expect(await put(app, digest, 'mine', null)).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } })
    expect(await put(app, digest, 'mine', 'wrong')).toMatchObject({ status: 401 })
    const { token: narrow } = await issueToken(app, alice.token, { scopes: ['artifacts:read'] })
    expect(await put(app, digest, 'mine', narrow)).toMatchObject({ status: 403, body: { code: 'INSUFFICIENT_SCOPE' } })
    await query(app, `update pending_upload set expires_at = now() where digest = $1`, [digest])
    expect(await put(app, digest, 'mine', alice.token)).toMatchObject({ status: 404 })
    expect(await blobs(digest)).toBe(0)
  })

  it.each(['', 'x', `${'0'.repeat(64)}/x`, '%00', '0'.repeat(64)])(
    'to %j, which nobody prepared, is 404',
    async (path) => {
      expect(await put(app, path, 'x', alice.token)).toMatchObject({ status: 404 })
    },
  )

  it('is a PUT', async () => {
    const answer = await put(app, digestOf('x'), 'x', alice.token, { method: 'POST' })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'PUT, OPTIONS'])
  })
})

describe('preparing', () => {
  const valid = fileOf('a', 'a')
  it.each([
    [[], 'files'],
    [Array.from({ length: 6 }, () => valid), 'files'],
    [[{ ...valid, path: '../a' }], 'files.0.path'],
    [[{ ...valid, digest: 'x' }], 'files.0.digest'],
    [[{ ...valid, digest: valid.digest.toUpperCase() }], 'files.0.digest'],
    [[valid, { ...valid, sizeBytes: -1 }], 'files.1.sizeBytes'],
    [[{ ...valid, sizeBytes: MAX_FILE_BYTES + 1 }], 'files.0.sizeBytes'],
    [
      [
        { ...valid, sizeBytes: MAX_FILE_BYTES },
        { ...valid, sizeBytes: MAX_FILE_BYTES },
      ],
      'files',
    ],
  ])('%j is refused', async (files, path) => {
    const before = await countRows(app)
    expect(await prepare(files)).toMatchObject({ issues: [{ path }] })
    expect(await countRows(app)).toEqual(before)
  })

  it('says nothing of what others have', async () => {
    await publishSite(app, 'of-bob', bob.token, { files: [{ path: 'index.html', content: 'of bob' }] })
    const files = [fileOf('index.html', 'of bob')]
    expect(await missing(files)).toEqual([digestOf('of bob')])
    expect(await publish('stolen', files)).toMatchObject({ issues: [{ path: 'uploadedFiles.0.digest' }] })
  })
})
