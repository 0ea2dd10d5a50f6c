/** Schedules that are made by themselves, for jobs of anybody to share. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { UpdateScheduleInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, type Person, post, signUp } from '../support/people.ts'

const CREATE_SHARED = graphql(`
  mutation CreateShared($input: CreateScheduleInput!) {
    createSchedule(input: $input) {
      ... on Schedule { id name kind expression intervalSeconds version }
      ... on Error { __typename code }
      ... on ValidationError { issues { path } }
    }
  }
`)

const UPDATE_SHARED = graphql(`
  mutation UpdateShared($input: UpdateScheduleInput!) {
    updateSchedule(input: $input) {
      ... on Schedule { id name kind expression intervalSeconds version }
      ... on Error { __typename code }
    }
  }
`)

const LIST_SHARED = graphql(`
  query ListShared($id: ID!, $first: Int) {
    schedule(id: $id) { id }
    schedules(first: $first, orderBy: OLDEST) { totalCount edges { node { id } } }
  }
`)

const SHARING_JOB = graphql(`
  query SharingJob($id: ID!) { job(id: $id) { schedule { id } nextRunAt } }
`)

const MOVE_JOB = graphql(`
  mutation MoveJob($input: UpdateJobInput!) {
    updateJob(input: $input) {
      ... on Job { schedule { id intervalSeconds } }
      ... on Error { __typename code }
      ... on ValidationError { issues { path } }
    }
  }
`)

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp({ ROLE: 'api' })
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
})
afterAll(() => app?.stop())

const NIGHTLY = { cron: { expression: '0 3 * * *' } }
const create = async (input = {}) =>
  (await app.send(CREATE_SHARED, { input: { schedule: NIGHTLY, ...input } }, { token: ann.token })).data.createSchedule
const made = async (input = {}) => {
  const schedule = await create(input)
  if (!('version' in schedule)) throw new Error(JSON.stringify(schedule))
  return schedule
}
const update = async (input: UpdateScheduleInput, token = ann.token) =>
  (await app.send(UPDATE_SHARED, { input }, { token })).data.updateSchedule

it('is made, seen by everybody, and changed by its owner', async () => {
  const schedule = await made({ name: 'nightly' })
  expect(schedule).toMatchObject({ name: 'nightly', kind: 'CRON', expression: '0 3 * * *', version: 1 })
  await made({ name: 'another' })
  const { data } = await app.send(LIST_SHARED, { id: schedule.id, first: 1 }, { token: bob.token })
  expect(data).toEqual({
    schedule: { id: schedule.id },
    schedules: { totalCount: 2, edges: [{ node: { id: schedule.id } }] },
  })
  expect(await update({ scheduleId: schedule.id, name: 'mine now' }, bob.token)).toMatchObject({ code: 'FORBIDDEN' })
  const hourly = await update({ scheduleId: schedule.id, schedule: { every: { seconds: 3600 } } })
  expect(hourly).toMatchObject({ name: 'nightly', kind: 'INTERVAL', intervalSeconds: 3600, version: 2 })
  expect(await update({ scheduleId: schedule.id, name: null })).toMatchObject({ name: null, version: 3 })
})

it('is shared by jobs of others, and stays as it is as long as they have it', async () => {
  const { id } = await made()
  const job = await makeJob(app, bob.token, { scheduleId: id })
  const { data } = await app.send(SHARING_JOB, { id: job.id }, { token: bob.token })
  expect(data.job).toEqual({ schedule: { id }, nextRunAt: expect.stringMatching(/T03:00:00/) })
  expect(await update({ scheduleId: id, name: 'x' })).toMatchObject({ code: 'IN_USE' })
  const { updateJob: own } = (
    await app.send(MOVE_JOB, { input: { jobId: job.id, schedule: { every: { seconds: 60 } } } }, { token: bob.token })
  ).data
  expect(own).toEqual({ schedule: { id: expect.not.stringMatching(id), intervalSeconds: 60 } })
  expect(await update({ scheduleId: id, name: 'x' })).toMatchObject({ name: 'x' })
  const { updateJob: shared } = (
    await app.send(MOVE_JOB, { input: { jobId: job.id, scheduleId: id } }, { token: bob.token })
  ).data
  expect(shared).toMatchObject({ schedule: { id } })
})

it('that is none changes nothing, and a job has one schedule only', async () => {
  const { id } = await made()
  const { id: jobId } = await makeJob(app, bob.token)
  const before = await countRows(app)
  const wrong = (path: string) => ({ __typename: 'ValidationError', code: 'VALIDATION', issues: [{ path }] })
  expect(await create({ schedule: { every: { seconds: 59 } } })).toEqual(wrong('schedule'))
  expect(await create({ once: true })).toEqual(wrong('once'))
  expect(await create({ name: 'x'.repeat(201) })).toEqual(wrong('name'))
  expect(await update({ scheduleId: `sch_${'0'.repeat(32)}` })).toMatchObject({ code: 'NOT_FOUND' })
  const move = async (input: object) =>
    (await app.send(MOVE_JOB, { input: { jobId, ...input } }, { token: bob.token })).data.updateJob
  expect(await move({ scheduleId: id, schedule: NIGHTLY })).toEqual(wrong('scheduleId'))
  expect(await move({ scheduleId: `sch_${'0'.repeat(32)}` })).toMatchObject({ code: 'NOT_FOUND' })
  expect((await post(app, { query: '{ schedules { totalCount } }' }, null)).body.errors[0].extensions.code).toBe(
    'UNAUTHENTICATED',
  )
  expect(await countRows(app)).toEqual(before)
})
