/** Running jobs of Informer, waiting for their ends, and what an administrator does about those that hang. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { actions } from '../../jobs/operations.ts'
import { runActions } from '../../runs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, type Person, query, signUp } from '../../support/people.ts'
import { deferred, startReceiver } from '../../support/receiver.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { hookedJob, jobIdOf } from './hooked.ts'

const WATCH = graphql(`
  subscription WatchJobOfInformer($jobId: ID!) { runEvents(jobId: $jobId) { __typename run { id status } } }
`)
const HOLD = graphql(`
  mutation HoldAnyJob($jobId: ID!, $at: DateTime) {
    holdJob(input: { jobId: $jobId, at: $at }) {
      __typename ... on Job { heldAt nextRunAt } ... on Error { code }
    }
  }
`)
const RELEASE = graphql(`
  mutation ReleaseAnyJob($jobId: ID!) {
    releaseJob(input: { jobId: $jobId }) {
      __typename ... on Job { heldAt nextRunAt } ... on Error { code }
    }
  }
`)
const RUNS = graphql(`
  query RunsOfInformer($jobId: ID!) {
    runs(filter: { jobId: $jobId }, orderBy: OLDEST, first: 20) {
      edges { node { id status trigger skipReason error { code message } attempts { attempt status } } }
    }
  }
`)

const SUCCEEDED = {
  success: true,
  duration: expect.any(Number),
  history: [{ task: { key: 'job:progress.invoking_job' }, result: { key: 'job:status.success', success: true } }],
}
const FAILED = {
  success: false,
  duration: expect.any(Number),
  history: [{ task: { key: 'job:progress.invoking_job' }, result: { key: 'job:status.error', success: false } }],
}

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp({ LEASE_SECONDS: '5' })
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const call = (route: string, options: RestOptions = {}) => rest(app, route, { token: ann.token, ...options })
const asAdmin = (route: string, options: RestOptions = {}) => rest(app, route, { ...options, token: ADMIN_TOKEN })
const make = (url: string, more: object = {}) => hookedJob(app, url, more, ann.token)
const read = async (id: string) => (await call(`GET /api/jobs/${id}`)).body
const runsOf = async (id: string) =>
  (await app.send(RUNS, { jobId: jobIdOf(id) })).data.runs.edges.map(({ node }) => node)

/** A receiver that answers each call when the test says so. */
async function startHolding() {
  const held: (() => void)[] = []
  const receiver = await startReceiver((response) => held.push(() => response.end('ok')))
  return {
    url: receiver.url,
    /** Resolves when so many calls are there. */
    called: (count: number) => expect.poll(() => held.length, { timeout: 10_000 }).toBe(count),
    answer: (index = 0) => held[index]?.(),
  }
}

describe('a run that is waited for', () => {
  it('is answered as the contract says, whether it succeeded or not, and also of a job that is disabled', async () => {
    let status = 200
    const receiver = await startReceiver((response) => response.writeHead(status).end('no'))
    const id = await make(receiver.url, { enabled: false })
    const done = await call(`POST /api/jobs/${id}`)
    expect([done.status, done.body, done.headers.get('content-type')]).toEqual([
      ...[200, SUCCEEDED, 'application/hal+json; charset=utf-8'],
    ])
    status = 500
    expect((await call(`POST /api/jobs/ann%3Areport`, { body: {} })).body).toEqual(FAILED)
    expect(receiver.calls).toHaveLength(2)
  })

  it('of a type that nobody knows, or with data that lack something, fails and says why', async () => {
    for (const [type, data, message] of [
      ['teleport', {}, /teleport/],
      ['email', { subject: 'x' }, /recipients/],
    ] as const) {
      const made = await call('POST /api/jobs', { body: { name: 'Odd', type, data } })
      expect((await call(`POST /api/jobs/${made.body.id}`)).body).toEqual(FAILED)
      const [run] = await runsOf(made.body.id)
      expect(run).toMatchObject({ status: 'FAILED', error: { message: expect.stringMatching(message) } })
    }
  })

  it('can be watched while the connection hangs, and has the lock of its job until it ends', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url)
    expect(await read(id)).toMatchObject({ lockedAt: null, heartbeat: null })
    const events = app.watch(WATCH, { jobId: jobIdOf(id) }, { token: ann.token })
    const first = events.next()
    await expect.poll(async () => (await metric('runsheet_subscribers')) > 0).toBe(true)
    let isAnswered = false
    const waiting = call(`POST /api/jobs/${id}`).finally(() => {
      isAnswered = true
    })
    const seen: string[] = []
    const next = async (event = events.next()) => {
      const { value } = await event
      seen.push(value.runEvents.__typename)
      return value.runEvents
    }
    await next(first)
    while (seen.at(-1) !== 'RunStarted') await next()
    expect(isAnswered).toBe(false)
    await receiver.called(1)

    const locked = await read(id)
    const [run] = await query<{ started_at: Date }>(app, 'select started_at from run where job_id = $1', [id])
    expect(locked.lockedAt).toBe(run?.started_at.toISOString())
    expect(Date.parse(locked.heartbeat)).toBeGreaterThanOrEqual(Date.parse(locked.lockedAt))
    await expect
      .poll(async () => Date.parse((await read(id)).heartbeat), { timeout: 10_000 })
      .toBeGreaterThan(Date.parse(locked.heartbeat))
    expect(isAnswered).toBe(false)

    receiver.answer()
    while (seen.at(-1) !== 'RunSucceeded') await next()
    expect((await waiting).body).toEqual(SUCCEEDED)
    expect(await read(id)).toMatchObject({ lockedAt: null, heartbeat: null })
    await events.return?.()
  })

  it('has no limit of time', async () => {
    const id = await make('http://127.0.0.1:9/')
    await call(`POST /api/jobs/${id}`)
    const [run] = await query<{ timeout: null }>(app, `select plan->'timeout' as timeout from run where job_id = $1`, [
      id,
    ])
    expect(run).toEqual({ timeout: null })
  })

  it('is not begun beside another of its job, by whatever that was started', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url)
    const first = call(`POST /api/jobs/${id}`)
    await receiver.called(1)
    const before = await countRows(app)
    const second = await call(`POST /api/jobs/${id}`)
    expect([second.status, second.body]).toEqual([
      409,
      { statusCode: 409, error: 'Conflict', message: expect.stringContaining('under way') },
    ])
    expect(await countRows(app)).toEqual(before)
    receiver.answer()
    expect((await first).body.success).toBe(true)
    const byHand = await runActions(app, ann.token).start(jobIdOf(id))
    await receiver.called(2)
    expect((await call(`POST /api/jobs/${id}`)).status).toBe(409)
    receiver.answer(1)
    await runActions(app, ann.token).story(byHand)
    expect(await runsOf(id)).toMatchObject([{ status: 'SUCCEEDED' }, { status: 'SUCCEEDED' }])
  })

  it('is begun once by a hundred who ask at the same time', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url)
    const statuses: number[] = []
    const asked = Array.from({ length: 100 }, async () => statuses.push((await call(`POST /api/jobs/${id}`)).status))
    await expect.poll(() => statuses.length, { timeout: 10_000 }).toBe(99)
    await receiver.called(1)
    receiver.answer()
    await Promise.all(asked)
    expect(statuses).toEqual([...Array.from({ length: 99 }, () => 409), 200])
    expect(await runsOf(id)).toHaveLength(1)
  })

  it('goes on when its client leaves, and nobody listens for it any more', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url)
    const leaving = new AbortController()
    const headers = { authorization: `Bearer ${ann.token}` }
    const before = await metric('runsheet_subscribers')
    const waiting = fetch(`${app.url}/api/jobs/${id}`, { method: 'POST', headers, signal: leaving.signal })
    await receiver.called(1)
    expect(await metric('runsheet_subscribers')).toBe(before + 1)
    leaving.abort()
    await expect(waiting).rejects.toThrow()
    await expect.poll(() => metric('runsheet_subscribers')).toBe(before)
    expect(await runsOf(id)).toMatchObject([{ status: 'RUNNING' }])
    receiver.answer()
    await expect.poll(async () => (await runsOf(id))[0]?.status).toBe('SUCCEEDED')
  })

  it('is for whoever may run the job', async () => {
    const id = await make('http://127.0.0.1:9/')
    const withoutRun = (await issueToken(app, ann.token, { scopes: ['jobs:read', 'jobs:write'] })).token
    const before = await countRows(app)
    const statusOf = async (token: string | null, job = id) => (await call(`POST /api/jobs/${job}`, { token })).status
    expect([await statusOf(null), await statusOf(bob.token), await statusOf(withoutRun)]).toEqual([401, 404, 403])
    expect(await statusOf(ann.token, '00000000-0000-0000-0000-000000000000')).toBe(404)
    await share(id, bob, 1)
    expect(await statusOf(bob.token)).toBe(403)
    expect({ ...(await countRows(app)), share: 0 }).toEqual({ ...before, share: 0 })
    await share(id, bob, 2)
    expect(await statusOf(bob.token)).toBe(200)
  })

  it('is answered like one that failed when somebody cancels it', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url)
    const waiting = call(`POST /api/jobs/${id}`)
    await receiver.called(1)
    const [run] = await runsOf(id)
    await runActions(app, ann.token).cancel(run?.id ?? '')
    expect((await waiting).body).toEqual(FAILED)
  })

  it('is not waited for by a node that stops: the connection closes, and the run goes on elsewhere', async () => {
    const node = await createTestApp()
    const asked = deferred()
    const receiver = await startReceiver(() => asked.resolve())
    const id = await hookedJob(node, receiver.url)
    const waiting = rest(node, `POST /api/jobs/${id}`).then(
      () => 'answered',
      () => 'closed',
    )
    await asked.promise
    await node.stop()
    expect(await waiting).toBe('closed')
    expect(await query(node, 'select status, attempt from run')).toEqual([{ status: 'QUEUED', attempt: 0 }])
  })
})

describe('the lock', () => {
  const lock = (id: string, lockedAt: unknown, more: object = {}) =>
    asAdmin(`PUT /api/jobs/${id}`, { body: { lockedAt, ...more } })

  it('is taken from a run that hangs by an administrator’s null, and what waits behind it goes on', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url)
    const waiting = call(`POST /api/jobs/${id}`)
    await receiver.called(1)
    const behind = await runActions(app, ann.token).start(jobIdOf(id))
    const released = await lock(id, null)
    expect(released.status).toBe(200)
    expect((await waiting).body).toEqual(FAILED)
    await receiver.called(2)
    receiver.answer(1)
    expect((await runActions(app, ann.token).story(behind)).at(-1)).toBe('RunSucceeded')
    receiver.answer(0)
    const [first, second] = await runsOf(id)
    expect(first).toMatchObject({
      ...{ status: 'FAILED', attempts: [{ attempt: 1, status: 'LOST' }] },
      error: { code: 'LOST', message: expect.stringContaining('administrator') },
    })
    expect(second).toMatchObject({ status: 'SUCCEEDED', attempts: [{ attempt: 1, status: 'SUCCEEDED' }] })
    expect(await read(id)).toMatchObject({ lockedAt: null, heartbeat: null })
  })

  it('of an administrator keeps a job from its slots and from hands, until it is taken back', async () => {
    const receiver = await startReceiver()
    const id = await make(receiver.url, { interval: '1 hour' })
    const { nextRunAt } = await read(id)
    for (const lockedAt of ['2001-02-03T04:05:06.789Z', '2099-01-01T00:00:00.000Z']) {
      const held = await lock(id, lockedAt)
      expect([held.status, held.body.lockedAt, held.body.heartbeat, held.body.nextRunAt]).toEqual([
        ...[200, lockedAt, null, null],
      ])
      const refused = await call(`POST /api/jobs/${id}`)
      expect([refused.status, refused.body.message]).toEqual([409, expect.stringContaining('administrator')])
    }
    const hand = actions(app, ann.token)
    expect(await hand.run(jobIdOf(id))).toMatchObject({ __typename: 'ConflictError', code: 'HELD' })
    const past = { from: '2024-01-01T00:00:00Z', to: '2024-01-02T00:00:00Z' }
    const backfill = await runActions(app, ann.token).backfill({ jobId: jobIdOf(id), ...past })
    expect(backfill).toMatchObject({ __typename: 'ConflictError', code: 'HELD' })
    expect(await hand.pause(jobIdOf(id))).toMatchObject({ enabled: false })
    expect(await hand.resume(jobIdOf(id))).toMatchObject({ enabled: true, nextRunAt: null })
    expect((await call(`PUT /api/jobs/${id}`, { body: { interval: '2 hours' } })).body).toMatchObject({
      ...{ nextRunAt: null, lockedAt: '2099-01-01T00:00:00.000Z' },
    })
    expect(await runsOf(id)).toEqual([])
    expect((await lock(id, null, { interval: '1 hour' })).body).toMatchObject({ lockedAt: null, nextRunAt })
    expect((await call(`POST /api/jobs/${id}`)).body.success).toBe(true)
  })

  it('of an administrator skips what waits, makes up for nothing, and leaves a run at work alone', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url, { interval: '1 second' })
    await receiver.called(1)
    await lock(id, '2001-01-01T00:00:00Z')
    receiver.answer()
    await expect.poll(async () => (await runsOf(id))[0]?.status, { timeout: 10_000 }).toBe('SUCCEEDED')
    const count = (await runsOf(id)).length
    expect((await runsOf(id)).slice(1).every(({ status }) => status === 'SKIPPED')).toBe(true)
    const released = await lock(id, null, { interval: '1 day' })
    expect(Date.parse(released.body.nextRunAt)).toBeGreaterThan(Date.now())
    expect(await runsOf(id)).toHaveLength(count)
  })

  it('is left alone by others who send back what they have read, and not theirs to set', async () => {
    const receiver = await startHolding()
    const id = await make(receiver.url)
    const put = (lockedAt: unknown, token = ann.token) =>
      call(`PUT /api/jobs/${id}`, { body: { lockedAt, notes: 'new' }, token })
    const waiting = call(`POST /api/jobs/${id}`)
    await receiver.called(1)
    const { lockedAt } = await read(id)
    for (const same of [null, lockedAt]) expect((await put(same)).body).toMatchObject({ lockedAt, notes: 'new' })
    // An administrator’s client sends back what it has read, too.
    expect((await put(lockedAt, ADMIN_TOKEN)).body).toMatchObject({ lockedAt })
    expect((await query(app, 'select held_at from job where id = $1', [id]))[0]).toEqual({ held_at: null })
    receiver.answer()
    expect((await waiting).body.success).toBe(true)
    expect((await put(lockedAt)).body).toMatchObject({ lockedAt: null })

    await asAdmin(`PUT /api/jobs/${id}`, { body: { lockedAt: '2030-01-01T00:00:00Z' } })
    for (const same of [null, '2030-01-01T00:00:00.000Z', lockedAt]) {
      expect([(await put(same)).status, (await read(id)).lockedAt]).toEqual([200, '2030-01-01T00:00:00.000Z'])
    }
    const before = await query(app, 'select to_json(j) as job from job j where id = $1', [id])
    const refused = await call(`PUT /api/jobs/${id}`, { body: { lockedAt: '2030-01-01T00:00:01Z', notes: 'other' } })
    expect([refused.status, refused.body.message]).toEqual([403, expect.stringContaining('lockedAt')])
    const wrong = await asAdmin(`PUT /api/jobs/${id}`, { body: { lockedAt: 'yesterday', notes: 'other' } })
    expect([wrong.status, wrong.body.message]).toEqual([400, expect.stringContaining('lockedAt')])
    const withoutAdmin = (await issueToken(app, ADMIN_TOKEN, { scopes: ['jobs:read', 'jobs:write'] })).token
    expect(
      (await call(`PUT /api/jobs/${id}`, { body: { lockedAt: '2031-01-01' }, token: withoutAdmin })).status,
    ).not.toBe(200)
    expect(await query(app, 'select to_json(j) as job from job j where id = $1', [id])).toEqual(before)
  })

  it('is turned by administrators through GraphQL, too, and keeps events, retries and backfills away', async () => {
    const receiver = await startReceiver()
    const webhook = { webhook: { url: receiver.url } }
    const { createJob } = {
      createJob: await actions(app, ann.token).create({ actions: [webhook], eventType: 'order.paid' }),
    }
    const jobId = 'id' in createJob ? createJob.id : ''
    const hand = runActions(app, ann.token)
    const runId = await hand.start(jobId)
    await hand.story(runId)
    const at = '2030-01-01T00:00:00.000Z'
    expect((await app.send(HOLD, { jobId, at }, { token: ann.token })).data.holdJob).toMatchObject({
      ...{ __typename: 'ForbiddenError' },
    })
    expect((await app.send(HOLD, { jobId, at })).data.holdJob).toMatchObject({ heldAt: at })
    expect((await app.send(HOLD, { jobId })).data.holdJob).toMatchObject({ heldAt: at })
    expect(await hand.retry(runId)).toMatchObject({ code: 'HELD' })
    await hand.emit({ type: 'order.paid' })
    await expect
      .poll(() => query(app, `select from domain_event where type = 'order.paid' and dispatched_at is null`))
      .toEqual([])
    expect(await hand.runsOf(jobId)).toHaveLength(1)
    expect((await app.send(RELEASE, { jobId }, { token: ann.token })).data.releaseJob).toMatchObject({
      ...{ __typename: 'ForbiddenError' },
    })
    expect((await app.send(RELEASE, { jobId })).data.releaseJob).toMatchObject({ heldAt: null, nextRunAt: null })
    expect((await app.send(RELEASE, { jobId })).data.releaseJob).toMatchObject({ heldAt: null })
    await hand.emit({ type: 'order.paid' })
    await expect.poll(async () => (await hand.runsOf(jobId)).length).toBe(2)
  })
})

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

const share = (jobId: string, { handle }: Person, level: number) =>
  query(
    app,
    `insert into share (job_id, principal_id, level) select $1, id, $3 from principal where handle = $2
    on conflict (job_id, principal_id) do update set level = $3`,
    [jobId, handle, level],
  )
