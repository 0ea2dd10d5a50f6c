/** The main job of the product, from outside: publish, schedule, run, watch it live. */
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graphql } from './generated/index.ts'
import { createTestApp, type TestApp } from './support/app.ts'
import { startReceiver } from './support/receiver.ts'

const PUBLISH = graphql(`
  mutation Publish($html: String!) {
    publishArtifact(input: { name: "Hello", slug: "hello", files: [{ path: "index.html", content: $html }] }) {
      ... on Artifact { id slug url liveVersion { versionNo } }
      ... on Error { code message }
    }
  }
`)

const CREATE = graphql(`
  mutation Create($input: CreateJobInput!) {
    createJob(input: $input) {
      __typename
      ... on Job { id signingSecret nextRunAt trigger }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const WATCH = graphql(`
  subscription Watch($artifactId: ID, $after: String) {
    runEvents(artifactId: $artifactId, after: $after) {
      __typename
      cursor
      seq
      run { id status trigger job { id name } }
    }
  }
`)

let app: TestApp

beforeAll(async () => {
  app = await createTestApp()
})
afterAll(() => app.stop())

it('publishes a site, calls a receiver by cron and by publish, and shows every state live', async () => {
  const receiver = await startReceiver()
  const { data, errors } = await app.send(PUBLISH, { html: '<h1>one</h1>' })
  expect(errors).toBeUndefined()
  const artifact = data.publishArtifact
  if (!('id' in artifact)) throw new Error(artifact.message)
  expect(artifact).toMatchObject({ slug: 'hello', liveVersion: { versionNo: 1 } })
  expect(await (await fetch(`${artifact.url}?_raw`)).text()).toBe('<h1>one</h1>')

  const events = app.watch(WATCH, { artifactId: artifact.id, after: '' })
  const create = async (name: string, when: object) => {
    const created = await app.send(CREATE, {
      input: { name, artifactId: artifact.id, actions: [{ webhook: { url: `${receiver.url}/${name}` } }], ...when },
    })
    if (!('id' in created.data.createJob)) throw new Error(created.data.createJob.message)
    return created.data.createJob
  }
  const cron = await create('tick', { schedule: { cron: { expression: '* * * * * *' } } })
  await create('deploy-hook', { eventType: 'artifact.updated' })
  await app.send(PUBLISH, { html: '<h1>two</h1>' })
  expect(await (await fetch(`${artifact.url}?_raw`)).text()).toBe('<h1>two</h1>')

  const seen = new Map<string, string[]>()
  for await (const { runEvents } of events) {
    const { job } = runEvents.run
    const kinds = seen.get(`${job.name} ${runEvents.run.id}`) ?? []
    seen.set(`${job.name} ${runEvents.run.id}`, [...kinds, runEvents.__typename])
    expect(runEvents.seq).toBe(kinds.length + 1)
    const done = [...seen].filter(([, events]) => events.at(-1) === 'RunSucceeded').map(([run]) => run.split(' ')[0])
    if (done.includes('tick') && done.includes('deploy-hook')) break
  }
  const whole = ['RunQueued', 'RunStarted', 'StepStarted', 'StepFinished', 'RunSucceeded']
  expect([...seen.values()]).toContainEqual(whole)

  const hook = receiver.calls.find(({ url }) => url === '/deploy-hook')
  expect(JSON.parse(hook?.body ?? '')).toMatchObject({
    type: 'run',
    run: { job: { name: 'deploy-hook' }, trigger: 'EVENT', attempt: 1 },
    artifact: { id: artifact.id, slug: 'hello' },
    event: { type: 'artifact.updated', payload: { versionNo: 2 } },
  })
  const tick = receiver.calls.find(({ url }) => url === '/tick')
  const verified = new Webhook(cron.signingSecret ?? '').verify(
    tick?.body ?? '',
    tick?.headers as Record<string, string>,
  )
  expect(verified).toMatchObject({ run: { trigger: 'SCHEDULE' } })
})
