/** The history of jobs of Informer: what their clients read of it, and make forgotten. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { runActions } from '../../runs/operations.ts'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, makeJob, type Person, query, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { hookedJob, jobIdOf } from './hooked.ts'

const UPDATE = graphql(`
  mutation AddStepsToInformer($input: UpdateJobInput!) {
    updateJob(input: $input) { ... on Job { id } ... on Error { message } }
  }
`)
const WATCH = graphql(`
  subscription WatchForgotten($jobId: ID!, $after: String) { runEvents(jobId: $jobId, after: $after) { cursor __typename } }
`)

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())
afterEach(() => {
  vi.restoreAllMocks()
})

const call = (route: string, options: RestOptions = {}) => rest(app, route, { token: ann.token, ...options })
const make = (url: string, more: object = {}) => hookedJob(app, url, more, ann.token)
const history = (id: string, more = '') => call(`GET /api/jobs/${id}/history${more}`)
type Entry = { id: string; success: boolean; createdAt: string }
const entriesOf = async (id: string, more = ''): Promise<Entry[]> =>
  (await history(id, more)).body._embedded['inf:job-history']

/** A job that has run so often, and the ids of its runs from the first. */
async function ranJob(count: number) {
  const receiver = await startReceiver()
  const id = await make(receiver.url)
  for (let index = 0; index < count; index++) await call(`POST /api/jobs/${id}`)
  const runs = await query<{ id: string }>(app, 'select id from run where job_id = $1 order by id', [id])
  return { id, runs: runs.map((run) => run.id) }
}

describe('the history of a job', () => {
  it('is empty before it has run, and still a collection', async () => {
    const id = await make('http://127.0.0.1:9/')
    const { status, body, headers } = await history(id)
    expect([status, headers.get('content-type')]).toEqual([200, 'application/hal+json; charset=utf-8'])
    expect(body).toEqual({
      _links: { self: { href: `/api/jobs/${id}/history{?sort,limit,start}`, templated: true } },
      _embedded: { 'inf:job-history': [] },
      ...{ start: 0, count: 0, total: 0 },
    })
  })

  it('has an entry for each run that ended, with what became of its steps', async () => {
    let status = 200
    const receiver = await startReceiver((response) => response.writeHead(status).end('no'))
    const id = await make(receiver.url)
    const webhook = { webhook: { url: receiver.url } }
    const { updateJob } = (
      await app.send(UPDATE, { input: { jobId: jobIdOf(id), actions: [webhook, webhook] } }, { token: ann.token })
    ).data
    expect(updateJob).toEqual({ id: jobIdOf(id) })
    await call(`POST /api/jobs/${id}`)
    status = 500
    await call(`POST /api/jobs/${id}`)
    const [failed, succeeded] = await entriesOf(id)
    const [first] = await query<{ id: string; started_at: Date; finished_at: Date; queued_at: Date; names: string[] }>(
      app,
      `select r.id, started_at, finished_at, queued_at,
        (select array_agg(s.name order by position) from run_step s where s.run_id = r.id) as names
      from run r where job_id = $1 order by id limit 1`,
      [id],
    )
    const step = (key: string) => ({
      task: { key, opts: { kind: 'webhook' } },
      result: { key: 'job:status.success', success: true, status: 'success' },
    })
    expect(succeeded).toEqual({
      _links: {
        self: { href: `/api/jobs/${id}/history/${first?.id}` },
        'inf:job': { href: `/api/jobs/${id}` },
      },
      ...{ id: first?.id, jobId: id, ownerId: 'ann', success: true, warnings: [] },
      duration: [first?.started_at.toISOString(), first?.finished_at.toISOString()],
      data: {
        ...{ status: 'SUCCEEDED', trigger: 'MANUAL', scheduledFor: null, attempts: 1, error: null },
        output: expect.anything(),
      },
      progress: [step('job:progress.invoking_job'), step(first?.names[1] ?? '')],
      createdAt: first?.queued_at.toISOString(),
    })
    expect(failed).toMatchObject({
      ...{ success: false, data: { status: 'FAILED', error: expect.stringContaining('500') } },
      progress: [
        {
          task: { key: 'job:progress.invoking_job' },
          result: {
            ...{ key: 'job:status.error', success: false, status: 'error' },
            message: expect.stringContaining('500'),
          },
        },
      ],
    })
    expect((await call(`GET /api/jobs/${id}/history/${first?.id}`)).body).toEqual(succeeded)
    const { slug } = (await call(`GET /api/jobs/${id}`)).body
    expect((await call(`GET /api/jobs/ann:${slug}/history/${first?.id.toUpperCase()}`)).status).toBe(200)
  })

  it('has no run that is skipped or not over, and one that was cancelled before it began took no time', async () => {
    const receiver = await startReceiver(() => {})
    const id = await make(receiver.url)
    const hand = runActions(app, ann.token)
    const running = await hand.start(jobIdOf(id))
    const skipped = await hand.start(jobIdOf(id), { overlap: 'SKIP' })
    const waiting = await hand.start(jobIdOf(id))
    expect((await history(id)).body).toMatchObject({ count: 0, total: 0 })
    await hand.cancel(waiting)
    const [entry, ...others] = (await history(id)).body._embedded['inf:job-history']
    expect(others).toEqual([])
    expect(entry).toMatchObject({ success: false, progress: [], data: { status: 'CANCELLED', attempts: 0 } })
    expect(entry.duration[0]).toBe(entry.duration[1])
    for (const other of [running, skipped]) {
      const uuid = other.slice(4)
      expect((await call(`GET /api/jobs/${id}/history/${dashed(uuid)}`)).status).toBe(404)
    }
    await hand.cancel(running)
    await expect.poll(async () => (await history(id)).body.total).toBe(2)
  })

  it('is given page by page, the newest first or the oldest', async () => {
    const { id, runs } = await ranJob(5)
    const ids = async (more: string) => (await entriesOf(id, more)).map((entry) => entry.id)
    expect(await ids('')).toEqual(runs.toReversed())
    expect(await ids('?sort=-createdAt&limit=2&start=1')).toEqual(runs.toReversed().slice(1, 3))
    expect(await ids('?sort=createdAt&limit=1000000')).toEqual(runs)
    expect(await ids('?sort=createdAt&start=4')).toEqual(runs.slice(4))
    const { body } = await history(id, '?limit=0')
    expect(body).toMatchObject({ start: 0, count: 0, total: 5, _embedded: { 'inf:job-history': [] } })
    expect((await history(id, '?start=7')).body).toMatchObject({ start: 7, count: 0, total: 5 })
  })

  it.each([
    ['?sort=duration', 'sort'],
    ['?sort=', 'sort'],
    ['?limit=-1', 'limit'],
    ['?limit=ten', 'limit'],
    ['?limit=', 'limit'],
    ['?start=-1', 'start'],
    ['?start=1.5', 'start'],
    ['?start=99999999999999999999', 'start'],
  ])('refuses %s', async (more, field) => {
    const id = await make('http://127.0.0.1:9/')
    const { status, body } = await history(id, more)
    expect([status, body.message]).toEqual([400, expect.stringContaining(field)])
  })

  it('takes as many statements for one entry as for many', async () => {
    const [few, many] = [await ranJob(1), await ranJob(6)]
    const asked = vi.spyOn(pg.Client.prototype, 'query')
    const statements = async (id: string) => {
      asked.mockClear()
      await history(id)
      const texts = asked.mock.calls.map(([first]) => String((first as { text?: string }).text ?? first))
      return texts.filter((text) => /"run"|"run_step"/.test(text)).length
    }
    await statements(few.id)
    expect(await statements(many.id)).toBe(await statements(few.id))
  })

  it('is for whoever may read the job, and an entry is of its own job only', async () => {
    const { id, runs } = await ranJob(1)
    const other = await make('http://127.0.0.1:9/')
    const noReading = (await issueToken(app, ann.token, { scopes: ['jobs:run'] })).token
    for (const path of ['history', `history/${runs[0]}`]) {
      const statusOf = async (token: string | null) => (await call(`GET /api/jobs/${id}/${path}`, { token })).status
      expect([await statusOf(null), await statusOf(bob.token), await statusOf(noReading)]).toEqual([401, 404, 403])
    }
    expect((await call(`GET /api/jobs/${other}/history/${runs[0]}`)).status).toBe(404)
    expect((await call(`GET /api/jobs/${id}/history/nothing`)).status).toBe(404)
    const { id: elsewhere } = await makeJob(app, ann.token)
    expect((await call(`GET /api/jobs/${dashed(elsewhere.slice(4))}/history`)).status).toBe(404)
  })
})

describe('an entry that is forgotten', () => {
  it('is gone with all that the run left; the others and the job stay as they are', async () => {
    const { id, runs } = await ranJob(3)
    const [, second] = runs
    const job = (await call(`GET /api/jobs/${id}`)).body
    const answer = await call(`DELETE /api/jobs/${id}/history/${second}`)
    expect([answer.status, answer.body]).toEqual([204, null])
    expect((await entriesOf(id, '?sort=createdAt')).map((entry) => entry.id)).toEqual([runs[0], runs[2]])
    for (const table of ['run_event', 'run_attempt', 'run_step', 'delivery']) {
      expect(await query(app, `select from ${table} where run_id = $1`, [second]), table).toEqual([])
      expect(await query(app, `select from ${table} where run_id = $1`, [runs[0]]), table).not.toEqual([])
    }
    expect((await call(`GET /api/jobs/${id}`)).body).toEqual(job)
    expect((await call(`DELETE /api/jobs/${id}/history/${second}`)).status).toBe(404)
  })

  it('is not forgotten in silence by the log: a cursor before it is expired, a later one goes on', async () => {
    const { id, runs } = await ranJob(2)
    const cursors = await query<{ run_id: string; position: string }>(
      app,
      'select run_id, max(position)::text as position from run_event where job_id = $1 group by run_id order by 2::bigint',
      [id],
    )
    const jobId = jobIdOf(id)
    const live = app.watch(WATCH, { jobId }, { token: ann.token })
    const next = live.next()
    await call(`DELETE /api/jobs/${id}/history/${runs[0]}`)
    const behind = app.watch(WATCH, { jobId, after: '1' }, { token: ann.token })
    await expect(behind.next()).rejects.toThrow('CURSOR_EXPIRED')
    const after = cursors[0]?.position ?? ''
    const kept = await app.watch(WATCH, { jobId, after }, { token: ann.token }).next()
    expect(kept.value.runEvents.__typename).toBe('RunQueued')
    await call(`POST /api/jobs/${id}`)
    expect((await next).value.runEvents.__typename).toBe('RunQueued')
    await live.return?.()
  })

  it('must be over, of this job, and whose job the viewer may change', async () => {
    const receiver = await startReceiver(() => {})
    const { id, runs } = await ranJob(1)
    const busy = await make(receiver.url)
    const hand = runActions(app, ann.token)
    const running = await hand.start(jobIdOf(busy))
    const skipped = await hand.start(jobIdOf(busy), { overlap: 'SKIP' })
    await query(
      app,
      `insert into share (job_id, principal_id, level) select $1, id, 1 from principal where handle = 'bob'`,
      [id],
    )
    const noWriting = (await issueToken(app, ann.token, { scopes: ['jobs:read', 'jobs:run'] })).token
    const before = [await countRows(app), await query(app, 'select count(*) from run_event')]
    const statusOf = async (job: string, run: string | undefined, token: string | null = ann.token) =>
      (await call(`DELETE /api/jobs/${job}/history/${run}`, { token })).status
    expect([
      await statusOf(busy, dashed(running.slice(4))),
      await statusOf(busy, dashed(skipped.slice(4))),
      await statusOf(busy, runs[0]),
      await statusOf(id, 'x'),
      await statusOf(id, runs[0], null),
      await statusOf(id, runs[0], bob.token),
      await statusOf(id, runs[0], noWriting),
    ]).toEqual([409, 404, 404, 404, 401, 403, 403])
    await hand.cancel(running)
    await expect.poll(async () => (await hand.run(running))?.status).toBe('CANCELLED')
    const [rows] = before
    expect(await countRows(app)).toEqual(rows)
  })
})

const dashed = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
