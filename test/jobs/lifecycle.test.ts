/** Pausing, resuming, deleting and running by hand, beside runs that wait, work and retry. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { type Person, post, publishSite, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { actions, jobOf } from './operations.ts'

const RUNS_OF = graphql(`
  query RunsOf($jobId: ID!) {
    runs(filter: { jobId: $jobId }, orderBy: OLDEST) {
      edges { node { id status trigger skipReason job { id name deletedAt enabled } } }
    }
  }
`)

const EVENTS_OF = graphql(`
  subscription EventsOf($jobId: ID!) { runEvents(jobId: $jobId, after: "") { __typename run { id status trigger } } }
`)

const LISTED = graphql(`query Listed { jobs(first: 100) { totalCount edges { node { id } } } }`)
const NODE_OF = graphql(`query NodeOf($id: ID!) { node(id: $id) { id } }`)

let app: TestApp
let alice: Person
let api: ReturnType<typeof actions>

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  api = actions(app, alice.token)
})
afterAll(() => app?.stop())

const everyDay = { cron: { expression: '0 0 * * *' } }
const everySecond = { cron: { expression: '* * * * * *' } }
const runsOf = async (jobId: string) =>
  (await app.send(RUNS_OF, { jobId }, { token: alice.token })).data.runs.edges.map(({ node }) => node)

/** Reads the log of a job until as many events of each kind are in it. */
async function until(jobId: string, wanted: Record<string, number>) {
  const missing = { ...wanted }
  for await (const { runEvents } of app.watch(EVENTS_OF, { jobId }, { token: alice.token })) {
    const { __typename: kind } = runEvents
    if (missing[kind]) missing[kind] -= 1
    if (Object.values(missing).every((count) => count === 0)) return
  }
}

/** A receiver that answers when it is told to. */
async function startSlow() {
  const waiting: ServerResponse[] = []
  const receiver = await startReceiver((response) => void waiting.push(response))
  const answer = (status = 200) => {
    for (const response of waiting.splice(0)) response.writeHead(status).end()
  }
  return { answer, action: { webhook: { url: receiver.url } } }
}

describe('pausing', () => {
  it('takes the next slot away, and resuming goes on with the first one after now', async () => {
    const { action } = await startSlow()
    const job = jobOf(await api.create({ actions: [action], schedule: everyDay }))
    const paused = jobOf(await api.pause(job.id))
    expect(paused).toMatchObject({ enabled: false, nextRunAt: null, upcoming: [], version: 2 })
    expect(jobOf(await api.pause(job.id)), 'a second time changes nothing').toEqual(paused)
    expect(await api.job(job.id)).toEqual(paused)
    const resumed = jobOf(await api.resume(job.id))
    expect(resumed).toMatchObject({ enabled: true, nextRunAt: job.nextRunAt, version: 3 })
    expect(jobOf(await api.resume(job.id))).toEqual(resumed)
    expect(await runsOf(job.id)).toEqual([])
  })

  it('skips slots that wait, lets the running one finish, and a run by hand still works', async () => {
    const { answer, action } = await startSlow()
    const job = jobOf(await api.create({ actions: [action], schedule: everySecond, overlap: 'QUEUE_ALL' }))
    await until(job.id, { RunStarted: 1, RunQueued: 2 })
    jobOf(await api.pause(job.id))
    const [first, ...others] = await runsOf(job.id)
    expect(first).toMatchObject({ status: 'RUNNING', trigger: 'SCHEDULE' })
    expect(others.length).toBeGreaterThan(0)
    for (const run of others) expect(run).toMatchObject({ status: 'SKIPPED', skipReason: 'PAUSED' })

    const byHand = await api.run(job.id, { payload: { by: 'hand' } })
    expect(byHand).toMatchObject({ __typename: 'Run', status: 'QUEUED', trigger: 'MANUAL', input: { by: 'hand' } })
    answer()
    await until(job.id, { RunSucceeded: 1, RunStarted: 2 })
    answer()
    await until(job.id, { RunSucceeded: 2 })
    expect(await api.job(job.id)).toMatchObject({ enabled: false, nextRunAt: null, lastStatus: 'SUCCEEDED' })
  })

  it('leaves retries alone', async () => {
    const receiver = await startReceiver(
      (response) => void response.writeHead(receiver.calls.length > 1 ? 200 : 503).end(),
    )
    const retry = { maxAttempts: 2, initialDelay: 1, jitter: false }
    const actions = [{ webhook: { url: receiver.url } }]
    const job = jobOf(await api.create({ actions, schedule: everyDay, retry }))
    await api.run(job.id)
    await until(job.id, { RunRetrying: 1 })
    jobOf(await api.pause(job.id))
    await until(job.id, { RunSucceeded: 1 })
  })
})

describe('deleting', () => {
  it('skips what waits, lets the running one finish, and leaves the job to be seen by its runs only', async () => {
    const { answer, action } = await startSlow()
    const job = jobOf(await api.create({ name: 'doomed', actions: [action], schedule: everyDay }))
    await api.run(job.id)
    await until(job.id, { RunStarted: 1 })
    await api.run(job.id)
    const deleted = jobOf(await api.remove(job.id))
    expect(deleted).toMatchObject({ enabled: false, nextRunAt: null, upcoming: [], deletedAt: expect.any(String) })

    expect(await api.job(job.id)).toBeNull()
    expect((await app.send(NODE_OF, { id: job.id }, { token: alice.token })).data.node).toBeNull()
    const { jobs } = (await app.send(LISTED, {}, { token: alice.token })).data
    expect(jobs.edges.map(({ node }) => node.id)).not.toContain(job.id)
    expect(jobs.totalCount).toBe(jobs.edges.length)

    const shown = { id: job.id, name: 'doomed', deletedAt: deleted.deletedAt, enabled: false }
    expect(await runsOf(job.id)).toEqual([
      expect.objectContaining({ status: 'RUNNING', job: shown }),
      expect.objectContaining({ status: 'SKIPPED', skipReason: 'DELETED', job: shown }),
    ])
    answer()
    await until(job.id, { RunSucceeded: 1 })
    expect((await runsOf(job.id))[0]).toMatchObject({ status: 'SUCCEEDED', job: shown })
  })

  it('ends what would be tried again', async () => {
    const receiver = await startReceiver((response) => void response.writeHead(503).end())
    const retry = { maxAttempts: 9, initialDelay: 3600 }
    const job = jobOf(await api.create({ actions: [{ webhook: { url: receiver.url } }], retry }))
    await api.run(job.id)
    await until(job.id, { RunRetrying: 1 })
    jobOf(await api.remove(job.id))
    expect(await runsOf(job.id)).toMatchObject([{ status: 'SKIPPED', skipReason: 'DELETED' }])
  })

  it('is for good: nothing can be done with the job any more', async () => {
    const { action } = await startSlow()
    const job = jobOf(await api.create({ actions: [action] }))
    jobOf(await api.remove(job.id))
    const gone = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
    for (const change of [api.pause, api.resume, api.remove, api.run]) expect(await change(job.id)).toMatchObject(gone)
    expect(await api.update({ jobId: job.id, name: 'back' })).toMatchObject(gone)
    expect(await runsOf(job.id)).toEqual([])
  })
})

describe('on an artifact that is deleted at the same moment', () => {
  const remove = (id: string) =>
    post(app, { query: `mutation { deleteArtifact(input: { artifactId: "${id}" }) { __typename } }` }, alice.token)
  const enabledOn = (id: string) =>
    query(app, 'select id from job where artifact_id = $1::uuid and enabled and deleted_at is null', [
      id.replace('art_', ''),
    ])

  it('no job is made or resumed that would go on calling out', async () => {
    const { action } = await startSlow()
    const input = { actions: [action], schedule: everyDay }
    for (let round = 0; round < 8; round++) {
      const { id } = await publishSite(app, `brief-${round}`, alice.token)
      const paused = jobOf(await api.create({ ...input, artifactId: id, enabled: false }))
      const doomed = jobOf(await api.create({ ...input, artifactId: id }))
      const [made, resumed, , removed] = await Promise.all([
        api.create({ ...input, artifactId: id }),
        api.resume(paused.id),
        api.remove(doomed.id),
        remove(id),
      ])
      expect(removed.body).toEqual({ data: { deleteArtifact: { __typename: 'Artifact' } } })
      expect(['Job', 'NotFoundError']).toContain(made.__typename)
      expect(['Job', 'ConflictError']).toContain(resumed?.__typename)
      expect(await enabledOn(id)).toEqual([])
    }
  })
})

describe('running by hand', () => {
  it('is decided by the job’s overlap policy, or by the one of the request', async () => {
    const { answer, action } = await startSlow()
    const job = jobOf(await api.create({ actions: [action], overlap: 'SKIP' }))
    await api.run(job.id)
    await until(job.id, { RunStarted: 1 })
    expect(await api.run(job.id)).toMatchObject({ status: 'SKIPPED', skipReason: 'OVERLAP' })
    expect(await api.run(job.id, { overlap: null })).toMatchObject({ status: 'SKIPPED' })
    expect(await api.run(job.id, { overlap: 'QUEUE_ONE' })).toMatchObject({ status: 'QUEUED' })
    expect(await api.run(job.id, { overlap: 'QUEUE_ONE' })).toMatchObject({ status: 'SKIPPED', skipReason: 'OVERLAP' })
    expect(await api.run(job.id, { overlap: 'ALLOW' })).toMatchObject({ skipReason: null })
    await until(job.id, { RunStarted: 2 })
    answer()
    await until(job.id, { RunSucceeded: 2, RunStarted: 3 })
    answer()
    await until(job.id, { RunSucceeded: 3 })
  })
})
