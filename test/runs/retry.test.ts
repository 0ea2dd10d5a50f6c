/** Doing runs over from the outside: what the new run has of the old one, and which ones it may be. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CreateJobInput } from '../generated/graphql.ts'
import { actions, jobOf } from '../jobs/operations.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, NOWHERE, type Person, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { only, runActions, snapshot, uuidOf } from './operations.ts'

let app: TestApp
let alice: Person
let bob: Person
let api: ReturnType<typeof runActions>
let jobs: ReturnType<typeof actions>

beforeAll(async () => {
  app = await createTestApp()
  ;[alice, bob] = [await signUp(app, 'alice'), await signUp(app, 'bob')]
  api = runActions(app, alice.token)
  jobs = actions(app, alice.token)
})
afterAll(() => app?.stop())

const soon = { timeout: 15_000 }
const retry = async (runId: string) => only(await api.retry(runId), 'Run')
const make = (more: Partial<CreateJobInput> = {}) => makeJob(app, alice.token, more)
const hook = (url: string) => ({ actions: [{ webhook: { url } }] })
const retryMany = async (input: Parameters<typeof api.retryMany>[0]) => only(await api.retryMany(input), 'RetriedRuns')

/** A run that has ended as its receiver wanted. Nobody listens where the job calls, unless it says otherwise. */
async function ended(jobId: string, more: object = {}) {
  const runId = await api.start(jobId, more)
  await api.story(runId)
  return runId
}

/** A job whose slots were missed: one run of its newest slot, and one skipped range. */
async function firedLate(more: Partial<CreateJobInput> = {}) {
  const { id } = await make({ schedule: { every: { seconds: 3600 } }, ...more })
  await query(
    app,
    `update job set anchor = anchor - interval '5 hours', next_run_at = anchor - interval '2 hours' where id = $1::uuid`,
    [uuidOf(id)],
  )
  // The update says nothing to the engine; an edit does.
  jobOf(await jobs.update({ jobId: id, name: 'late' }))
  await expect.poll(async () => (await api.runsOf(id)).length, soon).toBe(2)
  const runs = await api.runsOf(id)
  return { jobId: id, runs, fired: runs.find(({ skipReason }) => skipReason === null)?.id ?? '' }
}

describe('retrying a run', () => {
  it('that failed makes a new one that says which it does over, and leaves the old one as it was', async () => {
    const { id: jobId } = await make()
    const old = await ended(jobId, { payload: { n: 1 } })
    const before = await api.run(old)
    const run = await retry(old)
    expect(run).toMatchObject({ trigger: 'RETRY', retryOf: { id: old }, input: { n: 1 }, scheduledFor: null })
    expect(await api.story(run.id)).toEqual(['RunQueued', 'RunStarted', 'StepStarted', 'StepFinished', 'RunFailed'])
    const { job: _now, ...unchanged } = before ?? {}
    expect(await api.run(old)).toMatchObject(unchanged)
    expect(before?.retryOf).toBeNull()
  })

  it('works after every end, and more than once', async () => {
    const receiver = await startReceiver()
    const { id: jobId } = await make(hook(receiver.url))
    const succeeded = await ended(jobId)
    const slow = await startReceiver(() => {})
    const { id: slowId } = await make(hook(slow.url))
    const cancelled = await api.start(slowId)
    await expect.poll(() => slow.calls.length, soon).toBe(1)
    const skipped = await api.start(slowId, { overlap: 'SKIP' })
    await api.cancel(cancelled)
    await api.story(cancelled)
    for (const [old, status] of [
      [succeeded, 'SUCCEEDED'] as const,
      [skipped, 'SKIPPED'] as const,
      [cancelled, 'CANCELLED'] as const,
    ]) {
      expect((await api.run(old))?.status).toBe(status)
      const again = [await retry(old), await retry(old)]
      for (const run of again) expect(run).toMatchObject({ trigger: 'RETRY', retryOf: { id: old }, skipReason: null })
    }
    await api.cancelMany({ filter: { jobId: slowId } })
  })

  it('keeps the slot', async () => {
    const { jobId, runs, fired } = await firedLate()
    for (const old of runs) {
      await api.story(old.id)
      expect(old.scheduledFor).not.toBeNull()
      const run = await retry(old.id)
      expect(run).toMatchObject({ trigger: 'RETRY', scheduledFor: old.scheduledFor, retryOf: { id: old.id } })
      expect(Date.parse(run.availableAt)).toBeGreaterThan(Date.parse(old.scheduledFor ?? ''))
      await api.story(run.id)
    }
    expect((await api.runsOf(jobId)).filter(({ trigger }) => trigger === 'SCHEDULE')).toHaveLength(2)
    expect((await api.run(fired))?.status).toBe('FAILED')
  })

  it('keeps the event: the receiver gets its payload again', async () => {
    const receiver = await startReceiver(
      (response) => void response.writeHead(receiver.calls.length > 1 ? 200 : 400).end(),
    )
    const { id: jobId } = await make({ ...hook(receiver.url), eventType: 'order.paid' })
    await api.emit({ type: 'order.paid', payload: { order: 7 } })
    await expect.poll(async () => (await api.runsOf(jobId))[0]?.status, soon).toBe('FAILED')
    const [old] = await api.runsOf(jobId)
    const run = await retry(old?.id ?? '')
    expect((await api.story(run.id)).at(-1)).toBe('RunSucceeded')
    const [first, second] = receiver.calls.map(({ body }) => JSON.parse(body))
    expect(first).toMatchObject({ run: { trigger: 'EVENT' }, event: { type: 'order.paid', payload: { order: 7 } } })
    expect(second).toMatchObject({ run: { id: run.id, trigger: 'RETRY' }, event: first.event })
  })

  it('does what its job does now, not what it did then', async () => {
    const receiver = await startReceiver()
    const { id: jobId } = await make(hook(`${receiver.url}/then`))
    const old = await ended(jobId)
    jobOf(await jobs.update({ jobId, ...hook(`${receiver.url}/now`) }))
    await api.story((await retry(old)).id)
    expect(receiver.calls.map(({ url }) => url)).toEqual(['/then', '/now'])
  })

  it('waits, is skipped or takes the place of others as its job says', async () => {
    const waiting: ServerResponse[] = []
    const receiver = await startReceiver((response) => void waiting.push(response))
    const { id: jobId } = await make(hook(receiver.url))
    const old = await api.start(jobId)
    await expect.poll(() => waiting.length, soon).toBe(1)
    waiting[0]?.writeHead(400).end()
    await api.story(old)
    const busy = await api.start(jobId)
    await expect.poll(() => waiting.length, soon).toBe(2)
    const queued = await retry(old)
    expect(queued.status).toBe('QUEUED')
    jobOf(await jobs.update({ jobId, overlap: 'SKIP' }))
    expect(await retry(old)).toMatchObject({ status: 'SKIPPED', skipReason: 'OVERLAP' })
    jobOf(await jobs.update({ jobId, overlap: 'CANCEL_RUNNING' }))
    const last = await retry(old)
    for (const runId of [busy, queued.id]) expect((await api.story(runId)).at(-1)).toBe('RunCancelled')
    await expect.poll(() => waiting.length, soon).toBe(3)
    waiting[2]?.end()
    expect((await api.story(last.id)).at(-1)).toBe('RunSucceeded')
  })

  it('works while its job is paused, and does not when that is deleted', async () => {
    const { id: jobId } = await make()
    const old = await ended(jobId)
    jobOf(await jobs.pause(jobId))
    await api.story((await retry(old)).id)
    jobOf(await jobs.remove(jobId))
    const before = await snapshot(app)
    expect(await api.retry(old)).toMatchObject({ __typename: 'ConflictError', code: 'DELETED' })
    expect((await retryMany({ filter: { jobId } })).runs).toEqual([])
    expect(await snapshot(app)).toEqual(before)
  })

  it('that is not over is a conflict', async () => {
    const slow = await startReceiver(() => {})
    const { id: jobId } = await make(hook(slow.url))
    const [running, blocked] = [await api.start(jobId), await api.start(jobId)]
    await expect.poll(() => slow.calls.length, soon).toBe(1)
    const before = await snapshot(app)
    for (const runId of [running, blocked]) {
      expect(await api.retry(runId)).toMatchObject({ __typename: 'ConflictError', code: 'NOT_FINAL' })
    }
    expect(await snapshot(app)).toEqual(before)
    await api.cancelMany({ filter: { jobId } })
  })

  it('of somebody else finds none, and who lacks the scope may not', async () => {
    const { id: jobId } = await make()
    const old = await ended(jobId)
    const before = await snapshot(app)
    const notFound = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
    expect(await runActions(app, bob.token).retry(old)).toMatchObject(notFound)
    expect(await runActions(app, bob.token).retryMany({ filter: { jobId } })).toMatchObject({ runs: [] })
    for (const id of ['', 'run_', jobId, 'run_00000000000000000000000000000000']) {
      expect(await api.retry(id)).toMatchObject(notFound)
    }
    const reader = await issueToken(app, alice.token, { scopes: ['jobs:read', 'jobs:write'] })
    const refused = { __typename: 'ForbiddenError', code: 'INSUFFICIENT_SCOPE' }
    expect(await runActions(app, reader.token).retry(old)).toMatchObject(refused)
    expect(await runActions(app, reader.token).retryMany({ filter: {} })).toMatchObject(refused)
    expect(await snapshot(app)).toEqual(before)
  })
})

describe('retrying many runs', () => {
  /** A job with so many failed runs. */
  async function withFailed(count: number) {
    const { id: jobId } = await make({ overlap: 'ALLOW' })
    const ids: string[] = []
    for (let n = 0; n < count; n++) ids.push(await api.start(jobId))
    for (const id of ids) await api.story(id)
    return { jobId, ids }
  }
  const sources = (runs: { retryOf?: { id: string } | null | undefined }[]) => runs.map(({ retryOf }) => retryOf?.id)

  it('takes the failed ones, the oldest first, and goes on with the rest when it is asked again', async () => {
    const { jobId, ids } = await withFailed(5)
    // What does them over calls somebody who answers, and so fails no more.
    const receiver = await startReceiver()
    jobOf(await jobs.update({ jobId, ...hook(receiver.url) }))
    const cancelled = await api.start(jobId, { overlap: 'SKIP' })
    await api.story(cancelled)
    const filter = { jobId }
    const first = await retryMany({ filter, limit: 2 })
    expect(first.hasMore).toBe(true)
    expect(sources(first.runs)).toEqual(ids.slice(0, 2))
    const second = await retryMany({ filter })
    expect(second.hasMore).toBe(false)
    expect(sources(second.runs)).toEqual(ids.slice(2))
    for (const { id } of [...first.runs, ...second.runs]) expect((await api.story(id)).at(-1)).toBe('RunSucceeded')
    expect((await retryMany({ filter })).runs).toEqual([])
  })

  it('takes each once, also by several requests at the same time', async () => {
    const { jobId, ids } = await withFailed(6)
    const receiver = await startReceiver()
    jobOf(await jobs.update({ jobId, ...hook(receiver.url) }))
    const answers = await Promise.all([1, 2, 3, 4].map(() => retryMany({ filter: { jobId } })))
    const made = answers.flatMap(({ runs }) => runs)
    expect(sources(made).sort()).toEqual(ids.toSorted())
    for (const { id } of made) await api.story(id)
    expect(await api.runsOf(jobId)).toHaveLength(12)
  })

  it('leaves alone what somebody has done over by itself', async () => {
    const { jobId, ids } = await withFailed(2)
    const receiver = await startReceiver()
    jobOf(await jobs.update({ jobId, ...hook(receiver.url) }))
    await api.story((await retry(ids[0] ?? '')).id)
    expect(sources((await retryMany({ filter: { jobId } })).runs)).toEqual([ids[1]])
  })

  it('takes runs that ended otherwise when the filter says so', async () => {
    const receiver = await startReceiver()
    const { id: jobId } = await make(hook(receiver.url))
    const runId = await ended(jobId)
    expect((await retryMany({ filter: { jobId } })).runs).toEqual([])
    expect(sources((await retryMany({ filter: { jobId, status: 'SUCCEEDED', trigger: 'MANUAL' } })).runs)).toEqual([
      runId,
    ])
  })

  it.each(['QUEUED', 'RUNNING', 'RETRYING'] as const)('takes none that is %s: it is not over', async (status) => {
    const before = await snapshot(app)
    expect(await api.retryMany({ filter: { status } })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: 'filter.status' }],
    })
    expect(await snapshot(app)).toEqual(before)
  })

  it('queues those of one job behind each other', async () => {
    const { jobId, ids } = await withFailed(3)
    const waiting: ServerResponse[] = []
    const receiver = await startReceiver((response) => void waiting.push(response))
    jobOf(await jobs.update({ jobId, overlap: null, ...hook(receiver.url) }))
    const { runs } = await retryMany({ filter: { jobId } })
    for (const [index, run] of runs.entries()) {
      await expect.poll(() => waiting.length, soon).toBe(index + 1)
      expect(JSON.parse(receiver.calls[index]?.body ?? '').run.id).toBe(run.id)
      waiting[index]?.end()
      await api.story(run.id)
    }
    expect(sources(runs)).toEqual(ids)
  })
})

it('a run that nobody has done over names none', async () => {
  const { id: jobId } = await make({ actions: [NOWHERE] })
  expect((await api.run(await ended(jobId)))?.retryOf).toBeNull()
})
