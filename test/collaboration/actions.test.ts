/** What the jobs of an editor do on the artifact: what their owner may do now. And whoever edits watches all that runs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ActionInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, type Person, publishSite, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { ADD_COLLABORATORS, REMOVE_COLLABORATOR } from './operations.ts'

const RUN_SHARED = graphql(`
  mutation RunShared($jobId: ID!) {
    runJob(input: { jobId: $jobId }) { ... on Run { id } ... on Error { message } }
  }
`)

const SHARED_RESULT = graphql(`
  query SharedResult($id: ID!) { run(id: $id) { status output error { code message } } }
`)

const WATCH_SHARED = graphql(`
  subscription WatchShared($artifactId: ID!) { runEvents(artifactId: $artifactId, after: "") { seq run { id } } }
`)

let app: TestApp
let owner: Person
let editor: Person
let artifactId: string

beforeAll(async () => {
  app = await createTestApp()
  owner = await signUp(app, 'owner', 'owner@example.org')
  editor = await signUp(app, 'editor', 'Editor@Example.org')
  artifactId = (await publishSite(app, 'hidden', owner.token, { visibility: 'PRIVATE' })).id
})
afterAll(() => app?.stop())
beforeEach(async () => {
  const input = { artifactId, emails: ['editor@example.org'], role: 'EDITOR' as const }
  await app.send(ADD_COLLABORATORS, { input }, { token: owner.token })
})

const letGo = () =>
  app.send(REMOVE_COLLABORATOR, { input: { artifactId, email: 'editor@example.org' } }, { token: owner.token })

const jobOf = async (action: ActionInput, token = editor.token) =>
  (await makeJob(app, token, { artifactId, actions: [action] })).id

async function run(jobId: string, token = editor.token) {
  const { runJob } = (await app.send(RUN_SHARED, { jobId }, { token })).data
  if (!('id' in runJob)) throw new Error(JSON.stringify(runJob))
  return runJob.id
}

async function finished(jobId: string) {
  const id = await run(jobId)
  const result = async () => (await app.send(SHARED_RESULT, { id }, { token: editor.token })).data.run
  await expect.poll(async () => (await result())?.status, { timeout: 10_000 }).toMatch(/SUCCEEDED|FAILED/)
  return result()
}

describe('a job of an editor', () => {
  it('fills datasets of the artifact, which are its owner’s, until the editor is let go', async () => {
    const receiver = await startReceiver((response) =>
      response.setHeader('content-type', 'application/json').end('[{"a":1}]'),
    )
    const job = await jobOf({ materialize: { source: { url: receiver.url }, target: { name: 'sales' } } })
    expect(await finished(job)).toMatchObject({ status: 'SUCCEEDED', output: { rows: 1 } })
    const owners = 'select p.handle from dataset d join principal p on p.id = d.owner_id where d.name = $1'
    expect(await query(app, owners, ['sales'])).toEqual([{ handle: 'owner' }])
    expect(await finished(await jobOf({ snapshot: { datasets: ['sales'] } }))).toMatchObject({ status: 'SUCCEEDED' })
    await letGo()
    expect(await finished(job)).toMatchObject({ status: 'FAILED', error: { code: 'ARTIFACT_GONE' } })
  })

  it('makes versions of it live, until the editor is let go', async () => {
    await publishSite(app, 'hidden', editor.token)
    const job = await jobOf({ publish: { versionNo: 1 } })
    expect(await finished(job)).toMatchObject({ status: 'SUCCEEDED', output: { versionNo: 1, changed: true } })
    await letGo()
    expect(await finished(job)).toMatchObject({ status: 'FAILED', error: { code: 'NO_SUCH_ARTIFACT' } })
  })
})

describe('all that runs on an artifact', () => {
  it('is watched by its editors, runs of others too, and by nobody to whom it is not there', async () => {
    const id = await run(await jobOf({ publish: {} }, owner.token), owner.token)
    const events = app.watch(WATCH_SHARED, { artifactId }, { token: editor.token })
    const seen: string[] = []
    while (!seen.includes(id)) {
      const { value } = await events.next()
      if (value?.runEvents) seen.push(value.runEvents.run.id)
    }
    await events.return?.()
    const { token } = await signUp(app, 'stranger')
    await expect(app.watch(WATCH_SHARED, { artifactId }, { token }).next()).rejects.toThrow('NOT_FOUND')
  })
})
