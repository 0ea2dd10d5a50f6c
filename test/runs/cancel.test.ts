/** Cancelling from the outside: what waits, what works, what is over, and who may. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actions, jobOf } from '../jobs/operations.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, type Person, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { only, runActions, snapshot, uuidOf } from './operations.ts'

let app: TestApp
let alice: Person
let bob: Person
let api: ReturnType<typeof runActions>

beforeAll(async () => {
  app = await createTestApp()
  ;[alice, bob] = [await signUp(app, 'alice'), await signUp(app, 'bob')]
  api = runActions(app, alice.token)
})
afterAll(() => app?.stop())

const soon = { timeout: 15_000 }
const cancel = async (runId: string) => only(await api.cancel(runId), 'Run')
const statusesOf = async (jobId: string) => (await api.runsOf(jobId)).map(({ status }) => status)

/** A receiver that answers when it is told to. */
async function startSlow() {
  const waiting: ServerResponse[] = []
  const receiver = await startReceiver((response) => void waiting.push(response))
  const called = async (count: number) => {
    await expect.poll(() => receiver.calls.length, soon).toBe(count)
    return waiting[count - 1] as ServerResponse
  }
  return { receiver, called, action: { webhook: { url: receiver.url } } }
}

/** A job whose webhooks fail, and are tried again in an hour. */
async function makeRetrying() {
  const receiver = await startReceiver((response) => void response.writeHead(503).end())
  return makeJob(app, alice.token, {
    actions: [{ webhook: { url: receiver.url } }],
    retry: { maxAttempts: 9, initialDelay: 3600 },
  })
}

describe('cancelling a run', () => {
  it('that waits behind another ends it at once, and leaves the other alone', async () => {
    const { called, action } = await startSlow()
    const { id: jobId } = await makeJob(app, alice.token, { actions: [action] })
    const first = await api.start(jobId)
    const response = await called(1)
    const [second, third] = [await api.start(jobId), await api.start(jobId)]
    const ended = await cancel(second)
    expect(ended).toMatchObject({ status: 'CANCELLED', attempt: 0, startedAt: null, error: { code: 'CANCELLED' } })
    expect(ended.finishedAt).not.toBeNull()
    expect(ended.cancelRequestedAt).not.toBeNull()
    expect(ended.steps).toEqual([])
    expect(await api.story(second)).toEqual(['RunQueued', 'RunCancelled'])
    response.end()
    ;(await called(2)).end()
    expect((await api.story(third)).at(-1)).toBe('RunSucceeded')
    expect(await statusesOf(jobId)).toEqual(['SUCCEEDED', 'CANCELLED', 'SUCCEEDED'])
    expect((await api.run(first))?.cancelRequestedAt).toBeNull()
  })

  it('that waits to be tried again ends it at once', async () => {
    const { id: jobId } = await makeRetrying()
    const runId = await api.start(jobId)
    await api.reached(runId, 'RunRetrying')
    const waiting = await api.start(jobId)
    const ended = await cancel(runId)
    expect(ended).toMatchObject({ status: 'CANCELLED', attempt: 1, error: { code: 'CANCELLED' } })
    expect(ended.job).toMatchObject({ lastStatus: 'CANCELLED', lastRunAt: ended.startedAt })
    await api.reached(waiting, 'RunRetrying')
    await cancel(waiting)
  })

  it('that works closes its connection, and whoever watches sees it end', async () => {
    const { receiver, called, action } = await startSlow()
    const { id: jobId } = await makeJob(app, alice.token, { actions: [action, action] })
    const runId = await api.start(jobId)
    const story = api.story(runId)
    const response = await called(1)
    const closed = once(response, 'close')
    const [asked] = await Promise.all([cancel(runId), closed])
    expect(asked.cancelRequestedAt).not.toBeNull()
    expect(await story).toEqual(['RunQueued', 'RunStarted', 'StepStarted', 'StepFinished', 'RunCancelled'])
    const run = await api.run(runId)
    expect(run).toMatchObject({ status: 'CANCELLED', attempt: 1, error: { code: 'CANCELLED' } })
    expect(run?.steps).toMatchObject([{ position: 0, status: 'FAILED', error: { code: 'CANCELLED' } }])
    expect(run?.job).toMatchObject({ lastStatus: 'CANCELLED', lastRunAt: run?.startedAt })
    expect(receiver.calls).toHaveLength(1)
  })

  it('lets what waited behind it go on', async () => {
    const { called, action } = await startSlow()
    const { id: jobId } = await makeJob(app, alice.token, { actions: [action] })
    const [first, second] = [await api.start(jobId), await api.start(jobId)]
    await called(1)
    await cancel(first)
    ;(await called(2)).end()
    expect((await api.story(second)).at(-1)).toBe('RunSucceeded')
    expect(await statusesOf(jobId)).toEqual(['CANCELLED', 'SUCCEEDED'])
  })

  it('twice is no error as long as it works, and the first time counts', async () => {
    const { called, action } = await startSlow()
    const { id: jobId } = await makeJob(app, alice.token, { actions: [action] })
    const runId = await api.start(jobId)
    await called(1)
    const answers = await Promise.all([1, 2, 3].map(() => api.cancel(runId)))
    const asked = answers.flatMap((answer) => (answer.__typename === 'Run' ? [answer.cancelRequestedAt] : []))
    expect(asked.length).toBeGreaterThan(0)
    expect(new Set(asked).size).toBe(1)
    expect(await api.story(runId)).toHaveLength(5)
    expect((await api.run(runId))?.cancelRequestedAt).toBe(asked[0])
  })

  it('that is over is a conflict, and changes nothing', async () => {
    const receiver = await startReceiver(
      (response, { url }) => void response.writeHead(url === '/ok' ? 200 : 400).end(),
    )
    const ended = ['ok', 'bad'].map(async (path) => {
      const { id } = await makeJob(app, alice.token, { actions: [{ webhook: { url: `${receiver.url}/${path}` } }] })
      const runId = await api.start(id)
      await api.story(runId)
      return runId
    })
    const runIds = await Promise.all(ended)
    const { id: jobId } = await makeRetrying()
    const open = await api.start(jobId)
    await api.reached(open, 'RunRetrying')
    runIds.push(await api.start(jobId, { overlap: 'SKIP' }))
    await cancel(open)
    const before = await snapshot(app)
    for (const runId of [...runIds, open]) {
      expect(await api.cancel(runId)).toMatchObject({ __typename: 'ConflictError', code: 'FINAL' })
    }
    expect(await snapshot(app)).toEqual(before)
  })

  it('of somebody else finds none; an administrator may, and who lacks the scope may not', async () => {
    const { id: jobId } = await makeRetrying()
    const runId = await api.start(jobId)
    await api.reached(runId, 'RunRetrying')
    const before = await snapshot(app)
    const notFound = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
    expect(await runActions(app, bob.token).cancel(runId)).toMatchObject(notFound)
    for (const id of ['', 'run_', 'run_00000000000000000000000000000000', jobId]) {
      expect(await api.cancel(id)).toMatchObject(notFound)
    }
    const reader = await issueToken(app, alice.token, { scopes: ['jobs:read', 'jobs:write'] })
    const refused = { __typename: 'ForbiddenError', code: 'INSUFFICIENT_SCOPE' }
    expect(await runActions(app, reader.token).cancel(runId)).toMatchObject(refused)
    expect(await runActions(app, reader.token).cancelMany({ filter: {} })).toMatchObject(refused)
    expect(await snapshot(app)).toEqual(before)
    expect(only(await runActions(app, 'test-administrator-token').cancel(runId), 'Run').status).toBe('CANCELLED')
  })

  it('of a job that is deleted meanwhile still works', async () => {
    const { called, action } = await startSlow()
    const { id: jobId } = await makeJob(app, alice.token, { actions: [action] })
    const runId = await api.start(jobId)
    await called(1)
    jobOf(await actions(app, alice.token).remove(jobId))
    await cancel(runId)
    expect((await api.story(runId)).at(-1)).toBe('RunCancelled')
  })
})

describe('cancelling many runs', () => {
  it('takes those that are open and match, the oldest first, and says whether there are more', async () => {
    const { id: jobId } = await makeRetrying()
    const { id: other } = await makeRetrying()
    const ids: string[] = []
    for (let n = 0; n < 6; n++) ids.push(await api.start(jobId))
    const [first = '', second = '', ...later] = ids
    await api.reached(first, 'RunRetrying')
    await cancel(second)
    const kept = await api.start(other)
    await api.reached(kept, 'RunRetrying')

    const some = only(await api.cancelMany({ filter: { jobId }, limit: 2 }), 'CancelledRuns')
    expect(some).toMatchObject({ hasMore: true, runs: [first, later[0]].map((id) => ({ id, status: 'CANCELLED' })) })
    const byStatus = only(await api.cancelMany({ filter: { jobId, status: 'SUCCEEDED' } }), 'CancelledRuns')
    expect(byStatus).toMatchObject({ hasMore: false, runs: [] })
    const rest = only(await api.cancelMany({ filter: { jobId }, limit: 3 }), 'CancelledRuns')
    expect(rest).toMatchObject({ hasMore: false, runs: later.slice(1).map((id) => ({ id })) })
    expect(only(await api.cancelMany({ filter: { jobId } }), 'CancelledRuns').runs).toEqual([])
    // One that worked when it was asked to stop may be tried again for a moment, until the sweep ends it.
    await expect.poll(async () => new Set(await statusesOf(jobId)), soon).toEqual(new Set(['CANCELLED']))
    expect((await api.run(kept))?.status).toBe('RETRYING')
    await cancel(kept)
  })

  it('takes nobody else’s; an administrator’s reaches everybody’s', async () => {
    const { id: jobId } = await makeRetrying()
    const runId = await api.start(jobId)
    await api.reached(runId, 'RunRetrying')
    const none = { runs: [], hasMore: false }
    expect(await runActions(app, bob.token).cancelMany({ filter: {} })).toMatchObject(none)
    expect(await runActions(app, bob.token).cancelMany({ filter: { jobId } })).toMatchObject(none)
    const admin = runActions(app, 'test-administrator-token')
    expect(await admin.cancelMany({ filter: { jobId, trigger: 'MANUAL' } })).toMatchObject({ runs: [{ id: runId }] })
  })

  it('asks those that work to stop, and does not name them a second time', async () => {
    const { called, action } = await startSlow()
    const { id: jobId } = await makeJob(app, alice.token, { actions: [action], overlap: 'ALLOW' })
    const ids = [await api.start(jobId), await api.start(jobId)]
    await called(2)
    const asked = only(await api.cancelMany({ filter: { jobId, status: 'RUNNING' } }), 'CancelledRuns')
    expect(asked.runs.map(({ id }) => id)).toEqual(ids)
    for (const { cancelRequestedAt } of asked.runs) expect(cancelRequestedAt).not.toBeNull()
    expect(only(await api.cancelMany({ filter: { jobId } }), 'CancelledRuns').runs).toEqual([])
    for (const id of ids) expect((await api.story(id)).at(-1)).toBe('RunCancelled')
  })

  it('lets the runs behind them go on, also when only a part was taken', async () => {
    const { called, action } = await startSlow()
    const { id: jobId } = await makeJob(app, alice.token, { actions: [action] })
    const ids = [await api.start(jobId), await api.start(jobId), await api.start(jobId)]
    await called(1)
    await api.cancelMany({ filter: { jobId }, limit: 2 })
    ;(await called(2)).end()
    expect((await api.story(ids[2] ?? '')).at(-1)).toBe('RunSucceeded')
    expect(await statusesOf(jobId)).toEqual(['CANCELLED', 'CANCELLED', 'SUCCEEDED'])
  })

  it('goes by when they were made', async () => {
    const { id: jobId } = await makeRetrying()
    const ids = [await api.start(jobId), await api.start(jobId)]
    const [old = '', young = ''] = ids
    await query(app, `update run set queued_at = '2020-01-01' where id = $1::uuid`, [uuidOf(old)])
    const filter = { jobId, until: '2020-01-02T00:00:00Z' }
    expect(await api.cancelMany({ filter })).toMatchObject({ runs: [{ id: old }], hasMore: false })
    const since = { jobId, since: '2020-01-02T00:00:00Z' }
    expect(await api.cancelMany({ filter: since })).toMatchObject({ runs: [{ id: young }], hasMore: false })
  })

  it.each([0, -1, 101])('does not take a limit of %i', async (limit) => {
    const issues = [{ path: 'limit', message: expect.stringMatching(/\S/) }]
    expect(await api.cancelMany({ filter: {}, limit })).toMatchObject({ __typename: 'ValidationError', issues })
    expect(await api.retryMany({ filter: {}, limit })).toMatchObject({ __typename: 'ValidationError', issues })
  })
})
