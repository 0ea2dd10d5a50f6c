/** Events of one's own, and which jobs they start. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, NOWHERE, type Person, publishSite, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'

const EMIT = graphql(`
  mutation Emit($input: EmitEventInput!) {
    emitEvent(input: $input) {
      __typename
      ... on DomainEvent { id type payload createdAt }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

let app: TestApp
let database: pg.Client
let alice: Person
let bob: Person
let siteId: string
let hiddenId: string
const jobs = new Map<string, string>()

beforeAll(async () => {
  app = await createTestApp()
  database = new pg.Client(app.databaseUrl)
  await database.connect()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
  siteId = (await publishSite(app, 'shop', alice.token)).id
  hiddenId = (await publishSite(app, 'hidden', alice.token, { visibility: 'PRIVATE' })).id
  const listen = async (name: string, token: string, more: object = {}) =>
    jobs.set(name, (await makeJob(app, token, { name, eventType: 'order.paid', ...more })).id)
  await listen('on the site', alice.token, { artifactId: siteId })
  await listen('without a site', alice.token)
  await listen('of another type', alice.token, { eventType: 'order.sent' })
  await listen('paused', alice.token, { artifactId: siteId, enabled: false })
  await listen('on the other site', alice.token, { artifactId: hiddenId })
  await listen('of bob', bob.token)
  await listen('of the administrator', ADMIN_TOKEN, { artifactId: siteId })
})
afterAll(async () => {
  await database?.end()
  await app?.stop()
})

const emit = async (input: { type: string; artifactId?: string | null; payload?: unknown }, token: string) =>
  (await app.send(EMIT, { input }, { token })).data.emitEvent

/** The names of the jobs that an event started, once it was dispatched. */
async function startedBy(answer: Awaited<ReturnType<typeof emit>>) {
  if (answer.__typename !== 'DomainEvent') throw new Error(JSON.stringify(answer))
  const id = answer.id.replace('evt_', '')
  const dispatched = 'select dispatched_at is not null as done from domain_event where id = $1::uuid'
  await expect.poll(() => query(database, dispatched, [id])).toEqual([{ done: true }])
  const started = `select j.name from run r join job j on j.id = r.job_id where r.domain_event_id = $1::uuid order by 1`
  return (await query<{ name: string }>(database, started, [id])).map(({ name }) => name)
}

describe('an event', () => {
  it('of an artifact starts the jobs that are on it and wait for its type, whoever owns them', async () => {
    const event = await emit({ type: 'order.paid', artifactId: siteId }, alice.token)
    expect(await startedBy(event)).toEqual(['of the administrator', 'on the site'])
  })

  it('without an artifact starts all jobs of whoever emits it', async () => {
    const all = ['on the other site', 'on the site', 'without a site']
    expect(await startedBy(await emit({ type: 'order.paid' }, alice.token))).toEqual(all)
    expect(await startedBy(await emit({ type: 'order.paid', artifactId: null }, bob.token))).toEqual(['of bob'])
    expect(await startedBy(await emit({ type: 'order.paid' }, ADMIN_TOKEN))).toEqual(['of the administrator'])
  })

  it('that nobody waits for is an event all the same', async () => {
    const event = await emit({ type: 'nobody-cares', payload: { a: 1 } }, alice.token)
    expect(event).toMatchObject({ id: expect.stringMatching(/^evt_/), type: 'nobody-cares', payload: { a: 1 } })
    expect(await startedBy(event)).toEqual([])
  })

  it('of an artifact may be emitted by administrators too', async () => {
    const event = await emit({ type: 'order.paid', artifactId: hiddenId }, ADMIN_TOKEN)
    expect(await startedBy(event)).toEqual(['on the other site'])
  })

  it('reaches the receiver as it was given', async () => {
    const receiver = await startReceiver()
    await makeJob(app, bob.token, { eventType: 'odd', actions: [{ webhook: { url: receiver.url } }] })
    const payload = { text: 'C:\\u0000 \\\\u0000 ☃ 𝄞', deep: [[[{ n: -1.5e10 }]]], none: null }
    await startedBy(await emit({ type: 'odd', payload }, bob.token))
    await expect.poll(() => receiver.calls.length).toBe(1)
    expect(JSON.parse(receiver.calls[0]?.body ?? '')).toMatchObject({ event: { type: 'odd', payload } })
  })

  it.each(['artifact.updated', 'comment.added', 'run.failed', 'job.paused', 'artifact.made.up'])(
    'that is called %s is not for anybody to emit',
    async (type) => {
      const before = await countRows(database)
      expect(await emit({ type, artifactId: siteId }, ADMIN_TOKEN)).toMatchObject({ issues: [{ path: 'type' }] })
      expect(await countRows(database)).toEqual(before)
    },
  )

  it.each([
    [{ type: '' }, 'type'],
    [{ type: 'Order' }, 'type'],
    [{ type: 'order paid' }, 'type'],
    [{ type: 'order..paid' }, 'type'],
    [{ type: 'order.paid\n' }, 'type'],
    [{ type: 'x'.repeat(101) }, 'type'],
    [{ type: 'ok', payload: '\0' }, 'payload'],
    [{ type: 'ok', payload: { 'a\0': 1 } }, 'payload'],
    [{ type: 'ok', payload: ['\ud800'] }, 'payload'],
    [{ type: 'ok', payload: 'x'.repeat(256 * 1024) }, 'payload'],
  ])('is refused when it is %j: %s', async (input, path) => {
    const before = await countRows(database)
    expect(await emit(input, alice.token)).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
    expect(await countRows(database)).toEqual(before)
  })

  it('is not for the artifacts of others: FORBIDDEN if one may see it, else NOT_FOUND', async () => {
    const before = await countRows(database)
    const type = 'order.paid'
    expect(await emit({ type, artifactId: siteId }, bob.token)).toMatchObject({ code: 'FORBIDDEN' })
    for (const artifactId of [hiddenId, 'x', 'art_00000000000000000000000000000000']) {
      expect(await emit({ type, artifactId }, bob.token)).toMatchObject({ code: 'NOT_FOUND' })
    }
    expect(await countRows(database)).toEqual(before)
  })

  it('starts a job once, and each event starts it again', async () => {
    const { id } = await makeJob(app, bob.token, { eventType: 'twice', overlap: 'ALLOW', actions: [NOWHERE] })
    for (const _ of [1, 2]) expect(await startedBy(await emit({ type: 'twice' }, bob.token))).toHaveLength(1)
    const runs = await query(database, 'select 1 from run where job_id = $1::uuid', [id.replace('job_', '')])
    expect(runs).toHaveLength(2)
  })
})
