/** Comments on artifacts, and the jobs that they start. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, type Person, publishSite, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { ADD_COMMENT, COMMENTS_OF, DELETE_COMMENT } from './operations.ts'

let app: TestApp
let owner: Person
let reader: Person
let shownId: string
let hiddenId: string

beforeAll(async () => {
  app = await createTestApp()
  owner = await signUp(app, 'owner', 'owner@example.org')
  reader = await signUp(app, 'reader')
  shownId = (await publishSite(app, 'shown', owner.token)).id
  hiddenId = (await publishSite(app, 'hidden', owner.token, { visibility: 'PRIVATE' })).id
})
afterAll(() => app?.stop())

const say = async (artifactId: string, text: string, token: string | null) =>
  (await app.send(ADD_COMMENT, { input: { artifactId, text } }, { token })).data.addComment
const remove = async (commentId: string, token: string) =>
  (await app.send(DELETE_COMMENT, { input: { commentId } }, { token })).data.deleteComment
const commentsOf = async (id: string, token: string | null, page: { first?: number; after?: string } = {}) =>
  (await app.send(COMMENTS_OF, { id, ...page }, { token })).data.artifact?.comments

async function sayAs(person: Person, artifactId = shownId) {
  const comment = await say(artifactId, 'hello', person.token)
  if (comment.__typename !== 'Comment') throw new Error(JSON.stringify(comment))
  return comment.id
}

describe('a comment', () => {
  it('is made by whoever is signed in and may read the artifact; the newest comes first', async () => {
    const { id } = await publishSite(app, 'talk', owner.token)
    for (const text of ['one', 'two', '  three\n']) {
      expect(await say(id, text, reader.token)).toMatchObject({ text, author: { handle: 'reader' } })
    }
    expect(await commentsOf(id, null)).toMatchObject({
      totalCount: 3,
      edges: [{ node: { text: '  three\n' } }, { node: { text: 'two' } }, { node: { text: 'one' } }],
    })
    const first = await commentsOf(id, null, { first: 2 })
    const after = first?.pageInfo.endCursor ?? ''
    expect(await commentsOf(id, null, { after })).toMatchObject({ edges: [{ node: { text: 'one' } }] })
  })

  it('is not for those who are not signed in, or may not read the artifact', async () => {
    const before = await countRows(app)
    expect(await say(shownId, 'x', null)).toMatchObject({ code: 'UNAUTHENTICATED' })
    for (const id of [hiddenId, 'art_00000000000000000000000000000000', 'x']) {
      expect(await say(id, 'x', reader.token)).toMatchObject({ code: 'NOT_FOUND' })
    }
    expect(await countRows(app)).toEqual(before)
  })

  it.each(['', ' \n', 'a\0', '\ud800', 'x'.repeat(10_001)])('cannot be %j', async (text) => {
    const before = await countRows(app)
    expect(await say(shownId, text, reader.token)).toMatchObject({ issues: [{ path: 'text' }] })
    expect(await countRows(app)).toEqual(before)
  })

  it('may have 10,000 characters', async () => {
    expect(await say(shownId, 'x'.repeat(10_000), reader.token)).toMatchObject({ __typename: 'Comment' })
  })

  it('is deleted by its author or the owner of the artifact, once', async () => {
    const [own, other] = [await sayAs(reader), await sayAs(reader)]
    expect(await remove(own, reader.token)).toMatchObject({ id: own, text: 'hello' })
    expect(await remove(own, reader.token)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await remove(other, owner.token)).toMatchObject({ id: other })
  })

  it('is not deleted by others: FORBIDDEN if they may read it, else NOT_FOUND', async () => {
    expect(await remove(await sayAs(owner), reader.token)).toMatchObject({ code: 'FORBIDDEN' })
    expect(await remove(await sayAs(owner, hiddenId), reader.token)).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('starts the jobs that wait for comment.added, which hear who said what', async () => {
    const receiver = await startReceiver()
    const actions = [{ webhook: { url: receiver.url } }]
    await makeJob(app, owner.token, { artifactId: shownId, eventType: 'comment.added', actions })
    const comment = await say(shownId, 'well done', reader.token)
    await expect.poll(() => receiver.calls.length).toBe(1)
    const author = { id: reader.id, handle: 'reader', name: null }
    expect(JSON.parse(receiver.calls[0]?.body ?? '').event).toMatchObject({
      type: 'comment.added',
      payload: { comment: { id: 'id' in comment && comment.id, author, text: 'well done' } },
    })
  })

  it('and its event are there together or not at all', async () => {
    await query(app, `alter table domain_event add constraint no_comments check (type <> 'comment.added') not valid`)
    const before = await countRows(app)
    expect(await app.send(ADD_COMMENT, { input: { artifactId: shownId, text: 'x' } })).toHaveProperty('errors')
    expect(await countRows(app)).toEqual(before)
    await query(app, 'alter table domain_event drop constraint no_comments')
  })
})
