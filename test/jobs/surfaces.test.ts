/** What GraphQL makes of jobs of Kragle and of Boozles, and what it may not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UpdateJobInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeStack, type Person, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { rest } from '../support/rest.ts'
import { actions, jobOf } from './operations.ts'

const LIFE = graphql(`
  query LifeOfJob($id: ID!) {
    job(id: $id) { deletionQueued enabled nextRunAt upcoming(count: 2) schedule { id name once kind intervalSeconds } }
  }
`)
const DRAFT = graphql(`
  mutation DraftOfSurface($id: ID!) {
    makeDraft: editJob(input: { jobId: $id }) { __typename ... on Job { id name } ... on Error { code message } }
  }
`)
const COMMIT = graphql(`
  mutation CommitOfSurface($id: ID!) {
    commitJob(input: { jobId: $id }) { __typename ... on Job { id name } ... on Error { code message } }
  }
`)
const GONE = graphql(`
  query GoneOfSurface($id: ID!, $runs: ID!) {
    job(id: $id) { id }
    runs(filter: { jobId: $runs }) { edges { node { status job { id deletedAt surface } } } }
  }
`)

let app: TestApp
let ann: Person
let api: ReturnType<typeof actions>
beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  api = actions(app, ann.token)
})
afterAll(() => app?.stop())

const call = async (route: string, body?: object) => {
  const answer = await rest(app, route, { token: ann.token, body })
  if (answer.status >= 300) throw new Error(JSON.stringify(answer.body))
  return answer.body
}
const life = async (id: string) => (await app.send(LIFE, { id }, { token: ann.token })).data.job

/** Refused with this code, and nothing is changed. */
async function refused(input: UpdateJobInput, code: string, message: string) {
  const before = [await countRows(app), await api.job(input.jobId)]
  expect(await api.update(input)).toMatchObject({ code, message: expect.stringContaining(message) })
  expect([await countRows(app), await api.job(input.jobId)]).toEqual(before)
}

describe('a job of Boozles', () => {
  const url = 'http://127.0.0.1:9/'
  const cron = (expression: string, more: object = {}) => ({
    cron: { expression, dialect: 'QUARTZ' as const, timezone: 'UTC', ...more },
  })

  async function make(fields: object = { when: '2999-01-01T00:00:00Z' }): Promise<string> {
    const { id } = await call('POST /1/jobs', { url, data: 'testing', ...fields })
    return `job_${id.replaceAll('-', '')}`
  }

  it.each<[string, Partial<UpdateJobInput>, string]>([
    ['an interval', { schedule: { every: { seconds: 3600 } } }, 'an instant or a cron'],
    ['a cron of five fields', { schedule: { cron: { expression: '0 * * * *', timezone: 'UTC' } } }, 'of Quartz in UTC'],
    ['another zone', { schedule: cron('0 0 12 * * ?', { timezone: 'Europe/Berlin' }) }, 'of Quartz in UTC'],
    ['slots of less than ten minutes', { schedule: cron('0 0,55 * ? * *') }, 'every 600 s, and not after 300 s'],
    ['those over midnight', { schedule: cron('1 0,51 0,23 * * ?') }, 'every 600 s, and not after 540 s'],
    ['a window', { startOn: '2998-01-01T00:00:00Z' }, 'knows no startOn'],
    ['an event', { schedule: null, eventType: 'order.paid' }, 'not started by events'],
    ['no schedule', { schedule: null }, 'an instant or a cron'],
    ['another action', { actions: [{ webhook: { url } }] }, 'a callback'],
    ['two actions', { actions: [{ callback: { url } }, { callback: { url, name: 'again' } }] }, 'exactly one action'],
  ])('cannot have %s', async (_, change, message) => {
    await refused({ jobId: await make(), ...change }, 'SURFACE', message)
  })

  it('takes what its clients can be shown', async () => {
    const jobId = await make()
    const data = Buffer.from('new').toString('base64')
    const changed = jobOf(
      await api.update({
        jobId,
        name: 'mine',
        schedule: cron('0 0/10 * * * ?'),
        actions: [{ callback: { url: 'http://127.0.0.1:9/b', data, contentType: 'text/plain', signature: 's' } }],
      }),
    )
    expect(changed).toMatchObject({ surface: 'BOOZLES', name: 'mine', enabled: true })
    expect(await call(`GET /1/jobs/${jobId.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`)).toEqual({
      id: expect.any(String),
      account: 'ann',
      url: 'http://127.0.0.1:9/b',
      signature: 's',
      contentType: 'text/plain',
      data: 'new',
      cron: '0 0/10 * * * ?',
      next: changed.nextRunAt?.replace('.000Z', 'Z'),
    })
  })

  it('runs once, sends back what it was given, and is gone with that; its run is still there', async () => {
    const receiver = await startReceiver(undefined, { encoding: 'latin1' })
    const id = await make({ url: receiver.url, signature: 'ours', when: '2999-01-01T00:00:00Z', data: '{{ run.id }}' })
    await query(app, `update job set next_run_at = now() where id = $1::uuid`, [id.slice(4)])
    await query(app, `select pg_notify('runsheet', 'jobs')`)
    await expect.poll(async () => life(id), { timeout: 10_000 }).toBeNull()
    expect(receiver.calls).toMatchObject([
      { body: '{{ run.id }}', headers: { 'x-content-signature': 'ours', 'content-type': 'application/octet-stream' } },
    ])
    const { job, runs } = (await app.send(GONE, { id, runs: id }, { token: ann.token })).data
    expect(job).toBeNull()
    expect(runs.edges).toMatchObject([
      { node: { status: 'SUCCEEDED', job: { id, surface: 'BOOZLES', deletedAt: expect.any(String) } } },
    ])
  })
})

describe('a job of Kragle', () => {
  const numberOf = async (table: 'stack' | 'job', id: string) =>
    (await query<{ number: number }>(app, `select number from ${table} where id = $1::uuid`, [id.slice(4)]))[0]?.number
  const newStack = async () => (await makeStack(app, ann.token, { name: crypto.randomUUID() })).id
  const newSchedule = async (config: object = { period: 3600 }, more: object = {}) =>
    (await call('POST /schedules', { config, ...more })).id as number

  /** Its id in GraphQL, and those of its parts in Kragle. */
  async function make(fields: { schedule?: number; stack?: string; name?: string; enabled?: boolean } = {}) {
    const { schedule = await newSchedule(), stack = await newStack(), name, enabled = true } = fields
    const stack_id = await numberOf('stack', stack)
    const { id: number } = await call('POST /jobs', { schedule_id: schedule, stack_id, enabled, ...(name && { name }) })
    const [row] = await query<{ id: string }>(app, 'select id from job where number = $1', [number])
    return { id: `job_${row?.id.replaceAll('-', '')}`, number: number as number, schedule, stack }
  }

  it.each<[string, Partial<UpdateJobInput>, string]>([
    ['an interval of less than a minute', { schedule: { every: { seconds: 59 } } }, 'at least 60 s'],
    ['a cron of Quartz', { schedule: { cron: { expression: '0 0 12 * * ?', dialect: 'QUARTZ' } } }, 'Quartz'],
    ['no schedule', { schedule: null }, 'has a schedule'],
    ['an event', { schedule: null, eventType: 'order.paid' }, 'not started by events'],
    ['a window', { endOn: '2999-01-01T00:00:00Z' }, 'knows no startOn'],
    ['actions of its own', { actions: [{ webhook: { url: 'http://127.0.0.1:9/' } }] }, 'what a stack says'],
  ])('cannot have %s', async (_, change, message) => {
    await refused({ jobId: (await make()).id, ...change }, 'SURFACE', message)
  })

  it('has no name and no stack and schedule that another job of its owner has', async () => {
    const [one, other] = [await make({ name: 'first' }), await make({ name: 'second' })]
    await refused({ jobId: other.id, name: 'first' }, 'NAME_TAKEN', 'called so')
    const third = await make({ schedule: one.schedule })
    await refused({ jobId: third.id, stackId: one.stack }, 'SCHEDULE_TAKEN', 'has this schedule')
    expect(jobOf(await api.update({ jobId: other.id, name: 'third' }))).toMatchObject({ name: 'third' })
  })

  it('gets a schedule of its own that all can see, and leaves alone the one that it shared', async () => {
    const shared = await newSchedule({ period: 3600 }, { name: 'hourly' })
    const [one, other] = [await make({ schedule: shared }), await make({ schedule: shared })]
    expect(await life(one.id)).toMatchObject({ schedule: { name: 'hourly', once: false, intervalSeconds: 3600 } })
    jobOf(await api.update({ jobId: one.id, schedule: { every: { seconds: 7200 } } }))
    const seen = await call(`GET /jobs/${one.number}`)
    expect(seen.schedule).not.toBe(shared)
    expect(await call(`GET /schedules/byid/${seen.schedule}`)).toMatchObject({ config: { period: 7200 } })
    expect(await call(`GET /schedules/byid/${shared}`)).toMatchObject({ name: 'hourly', config: { period: 3600 } })
    expect((await call(`GET /jobs/${other.number}`)).schedule).toBe(shared)
    // one that is its own already is changed in its place by nobody: others may have come to use it
    jobOf(await api.update({ jobId: one.id, schedule: { every: { seconds: 60 } } }))
    expect(await call(`GET /schedules/byid/${seen.schedule}`)).toMatchObject({ config: { period: 7200 } })
  })

  it('begins its interval anew when it is resumed', async () => {
    const { id } = await make()
    await query(
      app,
      `update job set anchor = now() - interval '30 minutes', next_run_at = now() + interval '30 minutes'
      where id = $1::uuid`,
      [id.slice(4)],
    )
    jobOf(await api.pause(id))
    const before = Date.now()
    const { nextRunAt } = jobOf(await api.resume(id))
    expect(Date.parse(nextRunAt ?? '')).toBeGreaterThanOrEqual(before + 3600_000 - 1000)
  })

  it('that has had its one time cannot be resumed, and says so', async () => {
    const { id, number } = await make({ schedule: await newSchedule({ timestamp: 1_000_000_000 }), enabled: true })
    expect(await life(id)).toMatchObject({ enabled: false, nextRunAt: null, schedule: { kind: 'ONCE' } })
    expect(await api.resume(id)).toMatchObject({ code: 'ENDED' })
    expect(await call(`PUT /jobs/${number}`, { enabled: true })).toMatchObject({ do_run: false, next_run: null })
  })

  it('that is to be deleted says so, and shows no slots to come', async () => {
    const once = await newSchedule({ period: 3600 }, { once: true })
    const { id, number } = await make({ schedule: once })
    expect(await life(id)).toMatchObject({
      deletionQueued: false,
      upcoming: [expect.any(String)],
      schedule: { once: true },
    })
    expect(await call(`DELETE /jobs/${number}`)).toEqual({ queued_for_deletion: number })
    expect(await life(id)).toMatchObject({
      deletionQueued: true,
      enabled: true,
      nextRunAt: expect.any(String),
      upcoming: [],
    })
  })

  it('has drafts, which stand in no other job’s way and never fire', async () => {
    const { id, number, schedule } = await make({ name: 'drafted' })
    await call(`DELETE /jobs/${number}`)
    const { makeDraft } = (await app.send(DRAFT, { id }, { token: ann.token })).data
    if (makeDraft.__typename !== 'Job') throw new Error(JSON.stringify(makeDraft))
    expect(await life(makeDraft.id)).toMatchObject({ deletionQueued: false, nextRunAt: null })
    await make({ name: makeDraft.name ?? '' })
    jobOf(await api.update({ jobId: makeDraft.id, name: 'redrawn', schedule: { every: { seconds: 600 } } }))
    expect((await call(`GET /jobs/${number}`)).schedule).toBe(schedule)
    expect((await app.send(COMMIT, { id: makeDraft.id }, { token: ann.token })).data.commitJob).toMatchObject({
      id,
      name: 'redrawn',
    })
    const seen = await call(`GET /jobs/${number}`)
    expect(seen).toMatchObject({ name: 'redrawn', do_del: true })
    expect(await call(`GET /schedules/byid/${seen.schedule}`)).toMatchObject({ config: { period: 600 } })
    expect(await call(`GET /schedules/byid/${schedule}`)).toMatchObject({ config: { period: 3600 } })
  })
})
