/** How many runs of an owner's jobs may work at once: who may say so, and for whom. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SetRunLimitInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, type Person, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'

const SET = graphql(`
  mutation SetRunLimit($input: SetRunLimitInput!) {
    setRunLimit(input: $input) {
      __typename
      ... on Principal { handle runLimit }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const RUN = graphql(`
  mutation RunLimited($jobId: ID!) { runJob(input: { jobId: $jobId, overlap: ALLOW }) { ... on Run { id } ... on Error { code } } }
`)

let app: TestApp
let alice: Person

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  await query(app, `insert into principal (id, kind, handle) values (gen_random_uuid(), 'TEAM', 'team:analytics')`)
})
afterAll(() => app?.stop())

const set = async (input: SetRunLimitInput, token = ADMIN_TOKEN) =>
  (await app.send(SET, { input }, { token })).data.setRunLimit
const limits = () => query(app, 'select handle, run_limit from principal order by handle')

describe('setRunLimit', () => {
  it('sets the limit of an owner, and null or nothing lifts it', async () => {
    for (const limit of [1, 10_000]) {
      expect(await set({ handle: 'alice', limit })).toMatchObject({ handle: 'alice', runLimit: limit })
    }
    for (const lifted of [{ limit: null }, {}]) {
      await set({ handle: 'alice', limit: 5 })
      expect(await set({ handle: 'alice', ...lifted })).toMatchObject({ __typename: 'Principal', runLimit: null })
    }
  })

  it('takes a team with or without its prefix', async () => {
    expect(await set({ handle: 'team:analytics', limit: 2 })).toMatchObject({ handle: 'team:analytics', runLimit: 2 })
    expect(await set({ handle: 'analytics', limit: 3 })).toMatchObject({ handle: 'team:analytics', runLimit: 3 })
    expect(await set({ handle: 'analytics' })).toMatchObject({ runLimit: null })
  })

  it.each([0, -1, 10_001, 2 ** 31 - 1])('does not take %i', async (limit) => {
    const before = await limits()
    expect(await set({ handle: 'alice', limit })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: 'limit', message: expect.stringMatching(/\S/) }],
    })
    expect(await limits()).toEqual(before)
  })

  it.each(['', 'nobody', 'Alice', 'team:alice', '%'])('finds nobody by %j', async (handle) => {
    const before = await limits()
    expect(await set({ handle, limit: 1 })).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' })
    expect(await limits()).toEqual(before)
  })

  it.each(['al\0ice', 'x'.repeat(10_000)])('refuses what is no handle', async (handle) => {
    const issues = [{ path: 'handle', message: expect.stringMatching(/\S/) }]
    expect(await set({ handle, limit: 1 })).toMatchObject({ __typename: 'ValidationError', issues })
  })

  it('is for administrators', async () => {
    const before = await limits()
    const scoped = await issueToken(app, ADMIN_TOKEN, { scopes: ['jobs:read', 'jobs:write', 'jobs:run'] })
    for (const token of [alice.token, scoped.token]) {
      expect(await set({ handle: 'alice', limit: 1 }, token)).toMatchObject({ __typename: 'ForbiddenError' })
    }
    expect(await limits()).toEqual(before)
  })
})

it('an owner’s jobs do no more at once than the limit says, and the rest follows', async () => {
  const waiting: (() => void)[] = []
  const receiver = await startReceiver((response) => void waiting.push(() => response.end()))
  await set({ handle: 'alice', limit: 2 })
  const jobs = await Promise.all(
    [1, 2].map(() => makeJob(app, alice.token, { actions: [{ webhook: { url: receiver.url } }] })),
  )
  for (const { id } of [...jobs, ...jobs, ...jobs]) await app.send(RUN, { jobId: id }, { token: alice.token })
  const free = await makeJob(app, ADMIN_TOKEN, { actions: [{ webhook: { url: `${receiver.url}/free` } }] })
  await app.send(RUN, { jobId: free.id })
  await expect.poll(() => receiver.calls.map(({ url }) => url).sort(), { timeout: 15_000 }).toEqual(['/', '/', '/free'])
  for (let answered = 0; answered < 7; answered++) {
    await expect.poll(() => waiting.length, { timeout: 15_000 }).toBeGreaterThan(answered)
    waiting[answered]?.()
  }
  await expect.poll(() => query(app, 'select 1 from run_queue'), { timeout: 15_000 }).toEqual([])
  const ends = await query(app, 'select status, count(*)::int from run group by 1')
  expect(ends).toEqual([{ status: 'SUCCEEDED', count: 7 }])
})
