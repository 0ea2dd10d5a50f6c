/** Runs of stacks, by themselves and by jobs; and the hidden job that the former belong to. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { actions } from '../jobs/operations.ts'
import { only, runActions } from '../runs/operations.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, makeStack, type Person, query, signUp } from '../support/people.ts'
import { type Answer, startReceiver } from '../support/receiver.ts'
import { stackActions } from './operations.ts'

const JOBS = graphql(`
  query JobsBeside($search: String) { jobs(filter: { search: $search }) { totalCount edges { node { name } } } }
`)

const RUNS = graphql(`
  query RunsOfStack($id: ID!, $status: RunStatus) {
    stack(id: $id) { runs(status: $status) { totalCount edges { node { id status job { id hidden } } } } }
  }
`)

let app: TestApp
let alice: Person
let jobs: ReturnType<typeof actions>
let runs: ReturnType<typeof runActions>
let stacks: ReturnType<typeof stackActions>

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  jobs = actions(app, alice.token)
  runs = runActions(app, alice.token)
  stacks = stackActions(app, alice.token)
})
afterAll(() => app?.stop())

/** A stack that calls a receiver at these paths, one after the other. */
async function stackCalling(paths: string[], answer?: Answer) {
  const receiver = await startReceiver(answer)
  const hooks = (...to: string[]) => to.map((path) => ({ webhook: { url: `${receiver.url}/${path}` } }))
  const { id } = await makeStack(app, alice.token, { name: 'a stack', actions: hooks(...paths) })
  return { id, hooks, receiver, paths: () => receiver.calls.map(({ url }) => url.slice(1)) }
}

const start = async (stackId: string, more: object = {}) => only(await stacks.run({ stackId, ...more }), 'Run')
const done = (runId: string) => runs.story(runId)
const ownJobOf = async (stackId: string) => (await start(stackId)).job.id

describe('runStack', () => {
  it('does all steps in order, as a run of the stack’s own job', async () => {
    const { id, paths } = await stackCalling(['a', 'b', 'c'])
    const run = await start(id, { payload: { why: 'a test' } })
    expect(run).toMatchObject({
      ...{ trigger: 'MANUAL', input: { why: 'a test' } },
      job: { name: 'a stack', hidden: true },
    })
    await done(run.id)
    expect(paths()).toEqual(['a', 'b', 'c'])
    expect(await runs.run(run.id)).toMatchObject({ status: 'SUCCEEDED', steps: { length: 3 } })
  })

  it('signs with a secret of its own, which its owner can see', async () => {
    const { id, receiver } = await stackCalling(['a'])
    const run = await start(id)
    await done(run.id)
    expect(receiver.calls[0]?.headers['webhook-signature']).toMatch(/^v1,/)
    expect((await stacks.job(run.job.id))?.signingSecret).toMatch(/^whsec_/)
  })

  it('lists its runs with the stack, all of one job, and not those of other jobs', async () => {
    const { id } = await stackCalling(['a'])
    const { id: jobId } = await makeJob(app, alice.token, { actions: null, stackId: id })
    for (const runId of [(await start(id)).id, await runs.start(jobId), (await start(id)).id]) await done(runId)
    const list = async (status?: 'FAILED') =>
      (await app.send(RUNS, { id, status: status ?? null }, { token: alice.token })).data.stack?.runs
    const all = await list()
    expect(all).toMatchObject({ totalCount: 2, edges: { length: 2 } })
    expect(new Set(all?.edges.map(({ node }) => node.job.id)).size).toBe(1)
    expect(all?.edges.every(({ node }) => node.job.hidden && node.status === 'SUCCEEDED')).toBe(true)
    expect(await list('FAILED')).toMatchObject({ totalCount: 0 })
  })

  it('takes the overlap and the priority of this run, and refuses what is none', async () => {
    const waiting: ServerResponse[] = []
    const { id, receiver } = await stackCalling(['a'], (response) => void waiting.push(response))
    const first = await start(id)
    await expect.poll(() => receiver.calls.length).toBe(1)
    expect(await start(id, { overlap: 'SKIP' })).toMatchObject({ status: 'SKIPPED', skipReason: 'OVERLAP' })
    const second = await start(id, { priority: -5 })
    const [entry] = await query(app, 'select priority, blocked from run_queue where run_id = $1::uuid', [
      second.id.replace('run_', ''),
    ])
    expect(entry).toEqual({ priority: -5, blocked: true })
    expect(await stacks.run({ stackId: id, priority: 101 })).toMatchObject({ issues: [{ path: 'priority' }] })
    expect(await stacks.run({ stackId: id, payload: 'a\0' })).toMatchObject({ issues: [{ path: 'payload' }] })
    await runs.cancel(second.id)
    for (const response of waiting) response.end()
    await done(first.id)
  })
})

describe('a run', () => {
  it('keeps the steps that the stack had when it was queued; the next has the new ones', async () => {
    const waiting: ServerResponse[] = []
    let isOpen = false
    const { id, hooks, receiver, paths } = await stackCalling(['old'], (response) => {
      if (isOpen) response.end()
      else waiting.push(response)
    })
    const { id: jobId } = await makeJob(app, alice.token, { actions: null, stackId: id })
    const working = [(await start(id)).id, await runs.start(jobId)]
    await expect.poll(() => receiver.calls.length).toBe(2)
    const queued = [(await start(id)).id, await runs.start(jobId)]
    only(await stacks.update({ stackId: id, actions: hooks('new') }), 'Stack')
    const next = [(await start(id)).id, await runs.start(jobId)]
    isOpen = true
    for (const response of waiting) response.end()
    for (const runId of [...working, ...queued, ...next]) await done(runId)
    expect(paths().sort()).toEqual(['new', 'new', 'old', 'old', 'old', 'old'])
    for (const runId of next) expect(await runs.run(runId)).toMatchObject({ status: 'SUCCEEDED' })
  })

  it('that is done over does what the stack says by then', async () => {
    const { id, hooks, paths } = await stackCalling(['old'])
    const first = await start(id)
    await done(first.id)
    await stacks.update({ stackId: id, actions: hooks('new') })
    await done(only(await runs.retry(first.id), 'Run').id)
    expect(paths()).toEqual(['old', 'new'])
  })
})

describe('the job of a stack', () => {
  it('is in no list', async () => {
    const { id } = await makeStack(app, alice.token, { name: 'unlisted' })
    await ownJobOf(id)
    await makeJob(app, alice.token, { name: 'unlisted, but by name only' })
    const search = async (text: string | null) =>
      (await app.send(JOBS, { search: text }, { token: alice.token })).data.jobs
    expect(await search('unlisted')).toEqual({
      totalCount: 1,
      edges: [{ node: { name: 'unlisted, but by name only' } }],
    })
    const { totalCount } = await search(null)
    const [{ count = 0 } = {}] = await query<{ count: number }>(
      app,
      'select count(*)::int from job j join principal p on p.id = j.owner_id where p.handle = $1 and not j.hidden',
      ['alice'],
    )
    expect(totalCount).toBe(count)
  })

  it('is named as the stack is', async () => {
    const { id: stackId } = await makeStack(app, alice.token, { name: 'one' })
    const jobId = await ownJobOf(stackId)
    await stacks.update({ stackId, name: 'two' })
    expect(await stacks.job(jobId)).toMatchObject({
      name: 'two',
      displayName: 'two',
      hidden: true,
      stack: { id: stackId },
    })
    expect((await start(stackId)).job).toMatchObject({ id: jobId, name: 'two' })
  })

  it('is changed by nothing but the stack', async () => {
    const { id: stackId } = await makeStack(app, alice.token)
    const other = (await makeStack(app, alice.token)).id
    const jobId = await ownJobOf(stackId)
    const before = await stacks.job(jobId)
    for (const api of [jobs, actions(app)]) {
      for (const answer of [
        ...[await api.update({ jobId, name: 'x' }), await api.update({ jobId, stackId: other })],
        ...[await api.pause(jobId), await api.resume(jobId), await api.remove(jobId)],
      ]) {
        expect(answer).toMatchObject({ __typename: 'ConflictError', code: 'OF_STACK' })
      }
    }
    expect(await stacks.job(jobId)).toEqual(before)
  })

  it('goes with the stack: what waits is skipped, what runs finishes, and both can still be read', async () => {
    const waiting: ServerResponse[] = []
    const { id, receiver } = await stackCalling(['a'], (response) => void waiting.push(response))
    const working = await start(id)
    await expect.poll(() => receiver.calls.length).toBe(1)
    const queued = await start(id)
    expect(await stacks.remove(id)).toMatchObject({ __typename: 'Stack' })
    expect(await runs.run(queued.id)).toMatchObject({ status: 'SKIPPED', skipReason: 'DELETED' })
    for (const response of waiting) response.end()
    await done(working.id)
    expect(await runs.run(working.id)).toMatchObject({ status: 'SUCCEEDED', job: { id: working.job.id } })
    expect(await runs.retry(working.id)).toMatchObject({ __typename: 'ConflictError', code: 'DELETED' })
    expect(await stacks.run({ stackId: id })).toMatchObject({ __typename: 'NotFoundError' })
    const [job] = await query(
      app,
      'select stack_id, hidden, deleted_at is not null as deleted from job where id = $1',
      [working.job.id.replace('job_', '')],
    )
    expect(job).toEqual({ stack_id: null, hidden: true, deleted: true })
  })
})
