/** Jobs of Informer that run once: they are disabled when that run has ended, however it has, and not before. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatId } from '../../../src/kernel/ids.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { type Person, query, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'
import { CANCEL_INFORMER_RUN, INFORMER_RUNS, RESUME_INFORMER_JOB } from './operations.ts'

const PATIENT = { timeout: 15_000 }

describe('a job of Informer that runs once', () => {
  let app: TestApp
  let ann: Person
  /** Answers when the test says so. */
  let receiver: Server
  const calls: ServerResponse[] = []

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    receiver = createServer((_request, response) => calls.push(response))
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  })
  afterAll(async () => {
    receiver.closeAllConnections()
    receiver.close()
    await app.stop()
  })

  const call = (route: string, body?: object) => rest(app, route, { token: ann.token, body })
  /** Its time comes at once: the engine finds it due. */
  async function due(more: object = {}) {
    calls.length = 0
    const data = { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` }
    const at = { intervalType: 'once', startOn: '2999-01-01T00:00:00.000Z', enabled: true }
    const { body } = await call('POST /api/jobs', { name: 'Once', type: 'api-call', data, ...at, ...more })
    expect(body).toMatchObject({ enabled: true, nextRunAt: at.startOn })
    const moved = `with moved as (update job set next_run_at = now(), start_on = null where id = $1::uuid returning schedule_id)
      update schedule set at = date_trunc('milliseconds', now()) from moved where schedule.id = moved.schedule_id`
    await query(app, moved, [body.id])
    await query(app, `select pg_notify('runsheet', 'jobs')`)
    return String(body.id)
  }
  const read = async (id: string) => (await call(`GET /api/jobs/${id}`)).body
  const seen = async (id: string) =>
    (await app.send(INFORMER_RUNS, { id: formatId('Job', id) }, { token: ann.token })).data.job
  const runOf = async (id: string) => (await seen(id))?.runs.edges[0]?.node ?? null
  const enabled = async (id: string) => (await read(id)).enabled
  const begun = () => expect.poll(() => calls.length, PATIENT).toBe(1)

  it.each([
    [200, 'SUCCEEDED'],
    [500, 'FAILED'],
  ])('is disabled when the receiver has answered %i, and not before', async (status, outcome) => {
    const id = await due()
    await begun()
    expect(await read(id)).toMatchObject({ enabled: true, nextRunAt: null, lockedAt: expect.any(String) })
    calls[0]?.writeHead(status).end()
    await expect.poll(async () => (await runOf(id))?.status, PATIENT).toBe(outcome)
    expect(await read(id)).toMatchObject({ enabled: false, nextRunAt: null, lockedAt: null, intervalType: 'once' })
  })

  it('is disabled when its run was cancelled', async () => {
    const id = await due()
    await begun()
    const runId = (await runOf(id))?.id ?? ''
    await app.send(CANCEL_INFORMER_RUN, { input: { runId } }, { token: ann.token })
    await expect.poll(async () => (await runOf(id))?.status, PATIENT).toBe('CANCELLED')
    await expect.poll(() => enabled(id), PATIENT).toBe(false)
  })

  it('is disabled when its run was skipped, as another was under way; that one goes on', async () => {
    const { id } = (await call('POST /api/jobs', { name: 'Busy', type: 'api-call' })).body
    calls.length = 0
    const data = { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` }
    await call(`PUT /api/jobs/${id}`, { data, interval: '2999-01-01', enabled: true })
    const byHand = call(`POST /api/jobs/${id}`)
    await begun()
    const moved = `with moved as (update job set next_run_at = now() where id = $1::uuid returning schedule_id)
      update schedule set at = date_trunc('milliseconds', now()) from moved where schedule.id = moved.schedule_id`
    await query(app, moved, [id])
    await query(app, `select pg_notify('runsheet', 'jobs')`)
    const skipped = async () => (await seen(id))?.runs.edges.some(({ node }) => node.skipReason === 'OVERLAP')
    await expect.poll(skipped, PATIENT).toBe(true)
    expect(await enabled(id)).toBe(true)
    calls[0]?.writeHead(200).end()
    expect((await byHand).body.success).toBe(true)
    await expect.poll(() => enabled(id), PATIENT).toBe(false)
  })

  it('does not go on until it is given another time', async () => {
    const id = await due()
    await begun()
    calls[0]?.writeHead(200).end()
    await expect.poll(() => enabled(id), PATIENT).toBe(false)
    const job = await read(id)
    const again = await call(`PUT /api/jobs/${id}`, { enabled: true })
    expect([again.status, again.body.message]).toEqual([409, expect.stringContaining('its one time is past')])
    const { resumeJob } = (
      await app.send(RESUME_INFORMER_JOB, { input: { jobId: formatId('Job', id) } }, { token: ann.token })
    ).data
    expect(resumeJob).toMatchObject({ code: 'ENDED' })
    expect((await call(`PUT /api/jobs/${id}`, { ...job, notes: 'N' })).body).toMatchObject({
      ...job,
      notes: 'N',
      updatedAt: expect.any(String),
    })
    const next = { interval: '2999-06-01T00:00:00.000Z', enabled: true }
    expect((await call(`PUT /api/jobs/${id}`, next)).body).toMatchObject({ ...next, nextRunAt: next.interval })
  })
})
