/** A job that is made through any dialect is one like others to GraphQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { query, signUp } from '../../support/people.ts'
import { startReceiver } from '../../support/receiver.ts'
import { JOBS_OF_ALL, RUNS_OF_JOB } from './operations.ts'
import { makeOne, type Speech, say } from './speech.ts'
import { speeches } from './speeches.ts'

describe('GraphQL sees a job', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await createTestApp()
  })
  afterAll(() => app.stop())

  /** One job of somebody new, by its id in the dialect and as GraphQL has it. */
  async function made(speech: Speech, callback?: string) {
    const handle = `ann-${crypto.randomUUID().slice(0, 8)}`
    const { token } = await signUp(app, handle)
    const id = await makeOne(app, speech, token, callback)
    const see = async () => {
      const { jobs } = (await app.send(JOBS_OF_ALL, { filter: { surface: speech.surface } }, { token })).data
      return jobs.edges.map(({ node }) => node)
    }
    return { handle, token, id, see }
  }

  it.each(speeches)('of $name, with where it comes from and when it runs next', async (speech) => {
    const { handle, token, id, see } = await made(speech)
    const asked = await say(app, speech.read(id), token)
    expect(await see()).toEqual([
      {
        ...{ id: expect.stringMatching(/^job_/), surface: speech.surface, enabled: true, owner: { handle } },
        // Most dialects tell whole seconds.
        ...{ nextRunAt: expect.stringContaining(speech.nextIn(asked).slice(0, 19)), runs: { edges: [] } },
      },
    ])
    expect(Date.parse(speech.nextIn(asked))).toBeGreaterThan(Date.now())
    const others = speeches.find(({ surface }) => surface !== speech.surface)?.surface ?? 'GRAPHQL'
    const { jobs } = (await app.send(JOBS_OF_ALL, { filter: { surface: others } }, { token })).data
    expect(jobs.totalCount).toBe(0)
  })

  it.each(speeches)('of $name run when its slot comes', async (speech) => {
    const receiver = await startReceiver()
    const { token, see } = await made(speech, receiver.url)
    const [job] = await see()
    await query(app, `update job set ${speech.slotNow} where id = $1::uuid`, [job?.id.slice(4)])
    await query(app, `select pg_notify('runsheet', 'jobs')`)
    const runs = async () => {
      const found = (await app.send(RUNS_OF_JOB, { jobId: job?.id ?? '' }, { token })).data.runs.edges
      return found.map(({ node }) => ({ trigger: node.trigger, status: node.status, of: node.job }))
    }
    const run = { trigger: 'SCHEDULE', status: 'SUCCEEDED', of: { id: job?.id, surface: speech.surface } }
    await expect.poll(runs, { timeout: 10_000 }).toContainEqual(run)
    expect(receiver.calls.length).toBeGreaterThan(0)
  })

  it.each(speeches.filter(({ run }) => run))('of $name run by hand', async (speech) => {
    const receiver = await startReceiver()
    const { token, id, see } = await made(speech, receiver.url)
    expect((await say(app, speech.run?.(id) ?? speech.list, token)).status).toBe(200)
    const [job] = await see()
    const runs = job?.runs.edges.map(({ node }) => [node.trigger, node.status])
    expect(runs).toContainEqual(['MANUAL', 'SUCCEEDED'])
  })
})
