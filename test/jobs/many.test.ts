/** Pausing and resuming many jobs at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, makeTeam, type Person, publishSite, query, signUp } from '../support/people.ts'

const PAUSE_MANY = graphql(`
  mutation PauseMany($input: PauseJobsInput!) {
    pauseJobs(input: $input) {
      ... on PausedJobs { jobs { id enabled } hasMore }
      ... on Error { __typename code }
      ... on ValidationError { issues { path } }
    }
  }
`)

const RESUME_MANY = graphql(`
  mutation ResumeMany($input: ResumeJobsInput!) {
    resumeJobs(input: $input) {
      ... on ResumedJobs { jobs { id enabled } hasMore }
      ... on Error { __typename code }
    }
  }
`)

const SHARE_ONE = graphql(`
  mutation ShareOne($input: ShareJobInput!) { shareJob(input: $input) { ... on Job { id } } }
`)

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp({ ROLE: 'api' })
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
  await makeTeam(app, 'crew', { ann: 'MEMBER' })
})
afterAll(() => app?.stop())
beforeEach(() => query(app, `delete from job_text`).then(() => query(app, 'delete from job')))

const pause = async (input: Partial<{ filter: object; limit: number }> = {}, token = ann.token) =>
  (await app.send(PAUSE_MANY, { input: { filter: {}, ...input } }, { token })).data.pauseJobs
const resume = async (input: Partial<{ filter: object; limit: number }> = {}, token = ann.token) =>
  (await app.send(RESUME_MANY, { input: { filter: {}, ...input } }, { token })).data.resumeJobs
const enabled = async () =>
  (await query<{ name: string }>(app, 'select name from job where enabled order by id')).map(({ name }) => name)

const paused = (...ids: string[]) => ids.map((id) => ({ id, enabled: false }))
const HOURLY = { every: { seconds: 3600 } }

describe('pausing many jobs', () => {
  it('pauses those that match and that one may change: own, of teams, shared to edit', async () => {
    const own = await makeJob(app, ann.token, { name: 'own', schedule: HOURLY })
    const ofTeam = await makeJob(app, ann.token, { name: 'of a team' })
    await query(
      app,
      `update job set owner_id = p.id from principal p where job.name = 'of a team' and p.handle = 'team:crew'`,
    )
    const edited = await makeJob(app, bob.token, { name: 'shared to edit' })
    const read = await makeJob(app, bob.token, { name: 'shared to read' })
    await makeJob(app, bob.token, { name: 'of another' })
    for (const [jobId, level] of [
      [edited.id, 2],
      [read.id, 1],
    ] as const) {
      await app.send(SHARE_ONE, { input: { jobId, principalHandle: 'ann', level } }, { token: bob.token })
    }
    expect(await pause()).toEqual({ jobs: paused(own.id, ofTeam.id, edited.id), hasMore: false })
    expect(await enabled()).toEqual(['shared to read', 'of another'])
    expect(await pause()).toEqual({ jobs: [], hasMore: false })
    expect(await resume()).toMatchObject({ jobs: [{ id: own.id }, { id: ofTeam.id }, { id: edited.id }] })
    const [{ next } = { next: null }] = await query<{ next: Date | null }>(
      app,
      `select next_run_at as next from job where name = 'own'`,
    )
    expect(next).toBeInstanceOf(Date)
  })

  it('takes the filter of the list, and is everything for administrators', async () => {
    const { id: artifactId } = await publishSite(app, 'on-it', ann.token)
    const on = await makeJob(app, ann.token, { name: 'on it', artifactId, tags: ['nightly'] })
    const tagged = await makeJob(app, bob.token, { name: 'tagged', tags: ['nightly'] })
    await makeJob(app, bob.token, { name: 'other' })
    expect(await pause({ filter: { enabled: false } })).toEqual({ jobs: [], hasMore: false })
    expect(await pause({ filter: { artifactId } })).toEqual({ jobs: paused(on.id), hasMore: false })
    expect(await pause({ filter: { tag: 'nightly' } }, ADMIN_TOKEN)).toEqual({
      jobs: paused(tagged.id),
      hasMore: false,
    })
    expect(await enabled()).toEqual(['other'])
  })

  it('goes on where the last call stopped', async () => {
    const jobs = []
    for (const name of ['a', 'b', 'c']) jobs.push((await makeJob(app, ann.token, { name })).id)
    expect(await pause({ limit: 2 })).toEqual({ jobs: paused(...jobs.slice(0, 2)), hasMore: true })
    expect(await pause({ limit: 2 })).toEqual({ jobs: paused(...jobs.slice(2)), hasMore: false })
  })

  it('resumes past those that cannot go on, which stay as they are', async () => {
    const { id: artifactId } = await publishSite(app, 'gone', ann.token)
    await makeJob(app, ann.token, { name: 'without its artifact', artifactId, enabled: false })
    const other = await makeJob(app, ann.token, { name: 'other', enabled: false })
    await query(app, `update artifact set deleted_at = now() where slug = 'gone'`)
    expect(await resume({ limit: 1 })).toEqual({ jobs: [{ id: other.id, enabled: true }], hasMore: false })
    expect(await enabled()).toEqual(['other'])
  })

  it.each([0, 101])('refuses a limit of %i', async (limit) => {
    await makeJob(app, ann.token)
    const before = await countRows(app)
    expect(await pause({ limit })).toEqual({
      __typename: 'ValidationError',
      code: 'VALIDATION',
      issues: [{ path: 'limit' }],
    })
    expect(await resume({ limit })).toMatchObject({ code: 'VALIDATION' })
    expect(await countRows(app)).toEqual(before)
    expect(await enabled()).toHaveLength(1)
  })
})
