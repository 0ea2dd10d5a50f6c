/** Mutations that are sent again with the same key: one effect, one answer, and nobody learns more by it than they may. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, issueToken, makeJob, type Person, post, query, signUp } from '../support/people.ts'
import { TRANSPORTS } from './transports.ts'

const RUN_KEYED = graphql(`
  mutation RunKeyed($input: RunJobInput!) {
    runJob(input: $input) {
      ... on Run { id status input }
      ... on Error { __typename code }
      ... on ValidationError { issues { path } }
    }
  }
`)

const SHARE_KEYED = graphql(`
  mutation ShareKeyed($input: ShareJobInput!) { shareJob(input: $input) { ... on Job { id } } }
`)
const UNSHARE_KEYED = graphql(`
  mutation UnshareKeyed($input: UnshareJobInput!) { unshareJob(input: $input) { ... on Job { id } } }
`)
const HOLD_KEYED = graphql(`mutation HoldKeyed($input: HoldJobInput!) { holdJob(input: $input) { __typename } }`)
const RELEASE_KEYED = graphql(`
  mutation ReleaseKeyed($input: ReleaseJobInput!) { releaseJob(input: $input) { __typename } }
`)

let app: TestApp
let ann: Person
let bob: Person
let jobId: string

beforeAll(async () => {
  app = await createTestApp({ ROLE: 'api' })
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
  jobId = (await makeJob(app, ann.token)).id
})
afterAll(() => app?.stop())

let keys = 0
const newKey = () => `key ${++keys}`
const run = async (input: object, token = ann.token, headers = {}) => {
  const body = { query: RUN_KEYED.toString(), variables: { input: { jobId, ...input } } }
  const answer = await post(app, body, token, headers)
  return { ...answer.body.data.runJob, replayed: answer.headers.get('x-idempotent-replayed') }
}
const ask = async (text: string, headers = {}, token = ann.token) =>
  (await post(app, { query: text }, token, headers)).body.data

describe('a mutation with a key', () => {
  it('has one effect, and the answer of the first time, whatever has become of it and whatever is selected now', async () => {
    const idempotencyKey = newKey()
    const first = await run({ idempotencyKey, payload: { a: 1, b: 2 } })
    expect(first).toMatchObject({ status: 'QUEUED', replayed: null })
    const before = await countRows(app)
    await query(app, `update run set status = 'CANCELLED', finished_at = now() where id::text = $1`, [uuidOf(first.id)])
    expect(await run({ idempotencyKey, payload: { b: 2, a: 1 } })).toEqual({ ...first, replayed: 'true' })
    const other = `mutation { runJob(input: { jobId: "${jobId}", idempotencyKey: "${idempotencyKey}", payload: { b: 2, a: 1 } }) { ... on Run { trigger queuedAt job { id } } } }`
    expect(await ask(other)).toEqual({
      runJob: { trigger: 'MANUAL', queuedAt: expect.any(String), job: { id: jobId } },
    })
    expect(await countRows(app)).toEqual(before)
  })

  it('takes the key of the header too, and that of its field first', async () => {
    const [inHeader, inField] = [newKey(), newKey()]
    const first = await run({ idempotencyKey: inField }, ann.token, { 'idempotency-key': inHeader })
    expect(await run({ idempotencyKey: inField })).toEqual({ ...first, replayed: 'true' })
    expect(await run({}, ann.token, { 'idempotency-key': inField })).toEqual({ ...first, replayed: 'true' })
    const second = await run({ idempotencyKey: null }, ann.token, { 'idempotency-key': inHeader })
    expect(second).toMatchObject({ status: 'QUEUED', replayed: null })
    expect(second.id).not.toBe(first.id)
  })

  it('is a conflict with the key of another request, and changes nothing', async () => {
    const idempotencyKey = newKey()
    await run({ idempotencyKey, payload: 1 })
    const before = await countRows(app)
    const reused = { __typename: 'ConflictError', code: 'IDEMPOTENCY_KEY_REUSED', replayed: null }
    expect(await run({ idempotencyKey, payload: 2 })).toEqual(reused)
    expect(await run({ payload: '1' }, ann.token, { 'idempotency-key': idempotencyKey })).toEqual(reused)
    const pause = `mutation { pauseJob(input: { jobId: "${jobId}" }) { ... on Error { code } } }`
    expect(await ask(pause, { 'idempotency-key': idempotencyKey })).toEqual({ pauseJob: { code: reused.code } })
    expect(await countRows(app)).toEqual(before)
  })

  it('has one effect, though many are sent at once: the others wait for their turn to ask again', async () => {
    const idempotencyKey = newKey()
    const client = new pg.Client(app.databaseUrl)
    await client.connect()
    await client.query('begin')
    await client.query('select 1 from job for update')
    const before = await countRows(app)
    const sent = Array.from({ length: 8 }, () => run({ idempotencyKey }))
    const refused: string[] = []
    for (const each of sent) each.then(({ code }) => code && refused.push(code))
    await expect.poll(() => refused).toEqual(Array(7).fill('IDEMPOTENCY_KEY_IN_USE'))
    await client.query('commit')
    await client.end()
    const [done] = (await Promise.all(sent)).filter(({ id }) => id)
    expect(await run({ idempotencyKey })).toEqual({ ...done, replayed: 'true' })
    const more = (table: string) => ({ [table]: (before[table] ?? 0) + 1 })
    expect(await countRows(app)).toEqual({ ...before, ...more('run'), ...more('idempotency_record') })
  })

  it('that fails leaves the key free', async () => {
    const idempotencyKey = newKey()
    const admin = { token: ADMIN_TOKEN }
    await app.send(HOLD_KEYED, { input: { jobId } }, admin)
    expect(await run({ idempotencyKey })).toMatchObject({ code: 'HELD', replayed: null })
    await app.send(RELEASE_KEYED, { input: { jobId } }, admin)
    expect(await run({ idempotencyKey })).toMatchObject({ status: 'QUEUED', replayed: null })
    expect(await run({ idempotencyKey })).toMatchObject({ status: 'QUEUED', replayed: 'true' })
  })

  it.each(['', 'x'.repeat(256), 'naïve', 'a\nb'])('refuses %j, which is none', async (idempotencyKey) => {
    const before = await countRows(app)
    const wrong = (path: string) => ({
      __typename: 'ValidationError',
      code: 'VALIDATION',
      issues: [{ path }],
      replayed: null,
    })
    expect(await run({ idempotencyKey })).toEqual(wrong('idempotencyKey'))
    if (!idempotencyKey.includes('\n')) {
      expect(await run({}, ann.token, { 'idempotency-key': idempotencyKey })).toEqual(wrong('Idempotency-Key'))
    }
    expect(await countRows(app)).toEqual(before)
  })
})

describe('an operation with several mutations', () => {
  it('has under one header each of them once, by its place', async () => {
    const key = { 'idempotency-key': newKey() }
    const one = `runJob(input: { jobId: "${jobId}", payload: 1 }) { ... on Run { id input } ... on Error { code } }`
    const both = `mutation { a: ${one} ...More } fragment More on Mutation { b: ${one} }`
    const first = await ask(both, key)
    expect(first.a.id).not.toBe(first.b.id)
    expect(await ask(both, key)).toEqual(first)
    expect(await ask(`mutation { a: ${one} }`, key)).toEqual({ a: first.a })
    const others = `mutation { a: ${one} b: ${one.replace('payload: 1', 'payload: 2')} }`
    expect(await ask(others, key)).toEqual({ a: first.a, b: { code: 'IDEMPOTENCY_KEY_REUSED' } })
  })

  it('goes on where it was interrupted', async () => {
    const key = { 'idempotency-key': newKey() }
    const one = (job: string) => `runJob(input: { jobId: "${job}" }) { ... on Run { id } ... on Error { code } }`
    const theirs = (await makeJob(app, bob.token)).id
    const both = `mutation { a: ${one(jobId)} b: ${one(theirs)} }`
    const first = await ask(both, key)
    expect(first).toEqual({ a: { id: expect.any(String) }, b: { code: 'NOT_FOUND' } })
    await app.send(SHARE_KEYED, { input: { jobId: theirs, principalHandle: 'ann', level: 2 } }, { token: bob.token })
    expect(await ask(both, key)).toEqual({ a: first.a, b: { id: expect.any(String) } })
  })
})

// GET asks and changes nothing.
it.each(TRANSPORTS.filter(({ name }) => name !== 'HTTP GET'))('has one effect over $name', async (transport) => {
  const idempotencyKey = newKey()
  const question = { query: RUN_KEYED.toString(), variables: { input: { jobId, idempotencyKey } }, token: ann.token }
  const first = await transport.ask(app, question)
  const before = await countRows(app)
  expect((await transport.ask(app, question)).data).toEqual(first.data)
  expect(first.data).toMatchObject({ runJob: { id: expect.any(String) } })
  expect(await countRows(app)).toEqual(before)
})

describe('an answer that is given again', () => {
  it('is that of one principal: the key of another is another, and nobody’s is none', async () => {
    const idempotencyKey = newKey()
    const theirs = (await makeJob(app, bob.token)).id
    await app.send(SHARE_KEYED, { input: { jobId: theirs, principalHandle: 'ann', level: 2 } }, { token: bob.token })
    const first = await run({ idempotencyKey, jobId: theirs })
    const second = await run({ idempotencyKey, jobId: theirs }, bob.token)
    expect(second).toMatchObject({ status: 'QUEUED', replayed: null })
    expect(second.id).not.toBe(first.id)
    const before = await countRows(app)
    const nobodys = { query: RUN_KEYED.toString(), variables: { input: { jobId, idempotencyKey } } }
    expect((await post(app, nobodys, null)).body.data.runJob).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await countRows(app)).toEqual(before)
  })

  it('is given to other tokens of the principal, but to none with fewer scopes', async () => {
    const idempotencyKey = newKey()
    const first = await run({ idempotencyKey })
    const { token: same } = await issueToken(app, ann.token)
    expect(await run({ idempotencyKey }, same)).toEqual({ ...first, replayed: 'true' })
    const { token: fewer } = await issueToken(app, ann.token, { scopes: ['jobs:read', 'jobs:run'] })
    expect(await run({ idempotencyKey }, fewer)).toMatchObject({ code: 'INSUFFICIENT_SCOPE', replayed: null })
  })

  it('is not given to whoever may not read it any more', async () => {
    const idempotencyKey = newKey()
    const theirs = (await makeJob(app, bob.token)).id
    const share = { jobId: theirs, principalHandle: 'ann', level: 2 }
    await app.send(SHARE_KEYED, { input: share }, { token: bob.token })
    const first = await run({ idempotencyKey, jobId: theirs })
    await app.send(UNSHARE_KEYED, { input: { jobId: theirs, principalHandle: 'ann' } }, { token: bob.token })
    expect(await run({ idempotencyKey, jobId: theirs })).toMatchObject({ code: 'NOT_FOUND', replayed: null })
    await app.send(SHARE_KEYED, { input: share }, { token: bob.token })
    expect(await run({ idempotencyKey, jobId: theirs })).toEqual({ ...first, replayed: 'true' })
  })

  it('has the secret of the first time, which the database never shows', async () => {
    const text = `mutation { createToken(input: { name: "lost", idempotencyKey: "${newKey()}" }) { ... on CreatedToken { token apiToken { id } } } }`
    const first = await ask(text)
    const before = await countRows(app)
    expect(await ask(text)).toEqual(first)
    expect(await countRows(app)).toEqual(before)
    const { token } = first.createToken
    const kept = await query<{ answer: string }>(app, 'select answer::text from idempotency_record')
    const forms = [token, Buffer.from(token).toString('hex'), Buffer.from(token).toString('base64').slice(4, -4)]
    for (const { answer } of kept) {
      const plain = `${answer}${Buffer.from(answer, 'base64').toString('latin1')}`
      for (const form of forms) expect(plain).not.toContain(form)
    }
  })

  it('tells of what was deleted what it was', async () => {
    const { id } = await makeJob(app, ann.token, { name: 'short-lived' })
    const text = `mutation { deleteJob(input: { jobId: "${id}", idempotencyKey: "${newKey()}" }) { ... on Job { id name } ... on Error { code } } }`
    const first = await ask(text)
    expect(first).toEqual({ deleteJob: { id, name: 'short-lived' } })
    expect(await ask(text)).toEqual(first)
  })
})

it('leaves queries alone', async () => {
  const headers = { 'idempotency-key': newKey() }
  const before = await countRows(app)
  expect(await ask('{ viewer { handle } }', headers)).toEqual({ viewer: { handle: 'ann' } })
  expect(await ask('{ viewer { id } }', headers)).toEqual({ viewer: { id: ann.id } })
  expect(await countRows(app)).toEqual(before)
})

const uuidOf = (id: string) => id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
