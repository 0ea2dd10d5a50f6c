/** Jobs that do what a stack says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CreateJobInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { actions, jobOf } from '../jobs/operations.ts'
import { only } from '../runs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, makeStack, NOWHERE, type Person, publishSite, query, signUp } from '../support/people.ts'
import { stackActions } from './operations.ts'

const USERS = graphql(`
  query UsersOfStack($id: ID!, $first: Int, $after: String) {
    stack(id: $id) {
      jobs(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } edges { node { name } } }
    }
  }
`)

const DELETE_VERSION = graphql(`
  mutation DeleteVersionOfStack($artifactId: ID!) {
    deleteVersion(input: { artifactId: $artifactId, versionNo: 1 }) { __typename }
  }
`)

let app: TestApp
let alice: Person
let bob: Person
let jobs: ReturnType<typeof actions>
let stacks: ReturnType<typeof stackActions>

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
  jobs = actions(app, alice.token)
  stacks = stackActions(app, alice.token)
})
afterAll(() => app?.stop())

const hook = (path: string) => ({ webhook: { url: `http://127.0.0.1:9/${path}` } })
const stackOf = async (...paths: string[]) => (await makeStack(app, alice.token, { actions: paths.map(hook) })).id
const jobOn = async (stackId: string, more: Partial<CreateJobInput> = {}) =>
  (await makeJob(app, alice.token, { actions: null, stackId, ...more })).id
const urlsOf = async (jobId: string) =>
  (await stacks.job(jobId))?.actions.map(({ config }) => (config as { url: string }).url.split('/').at(-1))
const ownActions = async (jobId: string) =>
  (await query(app, 'select 1 from action where job_id = $1::uuid', [jobId.replace('job_', '')])).length

describe('a job', () => {
  it('takes its steps from a stack, and has none of its own', async () => {
    const stackId = await stackOf('a', 'b')
    const jobId = await jobOn(stackId)
    expect(await stacks.job(jobId)).toMatchObject({
      ...{ hidden: false, stack: { id: stackId, name: 'a stack' } },
      displayName: expect.stringMatching(/^webhook #\d+$/),
    })
    expect(await urlsOf(jobId)).toEqual(['a', 'b'])
    expect(await ownActions(jobId)).toBe(0)
    await stacks.update({ stackId, actions: [hook('c')] })
    expect(await urlsOf(jobId)).toEqual(['c'])
    expect(await stacks.job(await makeJob(app, alice.token).then(({ id }) => id))).toMatchObject({ stack: null })
  })

  it('has either actions or a stack', async () => {
    const stackId = await stackOf('a')
    const before = await countRows(app)
    for (const [input, path] of [
      [{}, 'actions'],
      [{ actions: null, stackId: null }, 'actions'],
      [{ actions: [NOWHERE], stackId }, 'stackId'],
      [{ actions: [], stackId }, 'stackId'],
    ] as const) {
      expect(await jobs.create({ ...input, actions: input.actions && [...input.actions] })).toMatchObject({
        __typename: 'ValidationError',
        issues: [{ path, message: expect.stringMatching(/actions|stackId/) }],
      })
    }
    expect(await countRows(app)).toEqual(before)
  })

  it('goes from its own steps to a stack, to another, and back', async () => {
    const [first, second] = [await stackOf('a'), await stackOf('b')]
    const jobId = (await makeJob(app, alice.token, { actions: [hook('own'), hook('own-2')] })).id
    const update = async (input: object) => jobOf(await jobs.update({ jobId, ...input })).version
    expect(await update({ stackId: first })).toBe(2)
    expect([await urlsOf(jobId), await ownActions(jobId)]).toEqual([['a'], 0])
    expect(await update({ stackId: second, actions: null })).toBe(3)
    expect(await urlsOf(jobId)).toEqual(['b'])
    expect(await update({ name: 'renamed' })).toBe(4)
    expect(await urlsOf(jobId)).toEqual(['b'])
    expect(await update({ actions: [hook('new')] })).toBe(5)
    expect([await urlsOf(jobId), (await stacks.job(jobId))?.stack]).toEqual([['new'], null])
    await update({ stackId: first })
    expect(await update({ stackId: null, actions: [hook('newer')] })).toBe(7)
    expect([await urlsOf(jobId), await ownActions(jobId)]).toEqual([['newer'], 1])
    expect(await update({ stackId: null })).toBe(8)
    expect(await urlsOf(jobId)).toEqual(['newer'])
  })

  it('stays as it was when it can take neither', async () => {
    const stackId = await stackOf('a')
    const jobId = await jobOn(stackId)
    const before = await stacks.job(jobId)
    for (const [input, path] of [
      [{ stackId: null }, 'actions'],
      [{ actions: null }, 'actions'],
      [{ actions: [] }, 'actions'],
      [{ stackId, actions: [NOWHERE] }, 'stackId'],
    ] as const) {
      const answer = await jobs.update({ jobId, name: 'half', ...(input as object) })
      expect(answer, JSON.stringify(input)).toMatchObject({ __typename: 'ValidationError', issues: [{ path }] })
    }
    expect(await stacks.job(jobId)).toEqual(before)
  })

  it('takes only a stack of its owner', async () => {
    const mine = await stackOf('a')
    const his = (await makeStack(app, bob.token)).id
    const administrators = (await makeStack(app, ADMIN_TOKEN)).id
    const jobId = (await makeJob(app, alice.token)).id
    const missing = { __typename: 'NotFoundError', code: 'NOT_FOUND' }
    for (const stackId of [his, administrators, '', `stk_${'0'.repeat(32)}`, jobId]) {
      expect(await jobs.create({ stackId }), stackId).toMatchObject(missing)
      expect(await jobs.update({ jobId, stackId }), stackId).toMatchObject(missing)
    }
    const admin = actions(app)
    for (const stackId of [his, administrators]) {
      expect(await admin.update({ jobId, stackId })).toMatchObject({ __typename: 'ForbiddenError', code: 'FORBIDDEN' })
    }
    expect(await admin.create({ stackId: mine })).toMatchObject({ __typename: 'ForbiddenError', code: 'FORBIDDEN' })
    expect(await admin.update({ jobId, stackId: mine })).toMatchObject({ __typename: 'Job' })
    expect(await stacks.job(jobId)).toMatchObject({ stack: { id: mine } })
  })

  it('does not take a stack one of whose steps can no longer work', async () => {
    const { id: artifactId } = await publishSite(app, 'thinned', alice.token)
    const stack = await stacks.create({ name: 's', actions: [NOWHERE, { publish: { artifactId, versionNo: 1 } }] })
    const stackId = only(stack, 'Stack').id
    await publishSite(app, 'thinned', alice.token)
    await app.send(DELETE_VERSION, { artifactId }, { token: alice.token })
    const before = await countRows(app)
    const message = 'does not fit the job, actions.1.publish.versionNo: the artifact has no version 1'
    expect(await jobs.create({ stackId })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: 'stackId', message }],
    })
    expect(await countRows(app)).toEqual(before)
  })
})

describe('a stack that jobs use', () => {
  it('lists them, the newest first, without the deleted ones and its own', async () => {
    const stackId = await stackOf('a')
    const ids: string[] = []
    for (const name of ['one', 'two', 'three', 'four']) ids.push(await jobOn(stackId, { name }))
    await jobs.remove(ids[2] ?? '')
    const page = async (more: object) =>
      (await app.send(USERS, { id: stackId, ...more }, { token: alice.token })).data.stack?.jobs
    const first = await page({ first: 2 })
    expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } })
    expect(first?.edges.map(({ node }) => node.name)).toEqual(['four', 'two'])
    const rest = await page({ first: 2, after: first?.pageInfo.endCursor })
    expect(rest).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: false }, edges: [{ node: { name: 'one' } }] })
  })

  it('cannot be deleted before they are, or have other actions', async () => {
    const stackId = await stackOf('a')
    const [first, second] = [await jobOn(stackId), await jobOn(stackId)]
    const inUse = { __typename: 'ConflictError', code: 'IN_USE' }
    expect(await stacks.remove(stackId)).toMatchObject({ ...inUse, message: expect.stringContaining('(2)') })
    await jobs.update({ jobId: first, actions: [hook('own')] })
    expect(await stacks.remove(stackId)).toMatchObject(inUse)
    expect(await urlsOf(second)).toEqual(['a'])
    await jobs.remove(second)
    expect(await stacks.remove(stackId)).toMatchObject({ __typename: 'Stack' })
    expect(await urlsOf(first)).toEqual(['own'])
  })

  it('is taken or deleted, never both, by those who do so at the same time', async () => {
    for (let round = 0; round < 8; round++) {
      const stackId = await stackOf('a')
      const jobId = (await makeJob(app, alice.token, { actions: [hook('own')] })).id
      const [created, updated, removed] = await Promise.all([
        jobs.create({ stackId }),
        jobs.update({ jobId, stackId }),
        stacks.remove(stackId),
      ])
      const taken = [created, updated].filter(({ __typename }) => __typename === 'Job').length
      const kinds = [created, updated].map(({ __typename }) => __typename)
      if (removed.__typename === 'Stack') expect(kinds).toEqual(['NotFoundError', 'NotFoundError'])
      else
        expect([removed.__typename, taken > 0, kinds.includes('NotFoundError')]).toEqual(['ConflictError', true, false])
      expect(await urlsOf(jobId)).toEqual([updated.__typename === 'Job' ? 'a' : 'own'])
    }
  })
})
