import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ActionInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, publishSite, query, signUp } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'

const RUN = graphql(`
  mutation RunDataJob($jobId: ID!) {
    runJob(input: { jobId: $jobId }) {
      ... on Run { id }
      ... on Error { message }
    }
  }
`)

const RESULT = graphql(`
  query DataRun($id: ID!) {
    run(id: $id) { status output deliveries { status truncated } error { code message } }
  }
`)

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(() => app?.stop())

async function finished(jobId: string, token: string) {
  const { runJob } = (await app.send(RUN, { jobId }, { token })).data
  if (!('id' in runJob)) throw new Error('it was not started')
  const result = async () => (await app.send(RESULT, { id: runJob.id }, { token })).data.run
  await expect.poll(async () => (await result())?.status, { timeout: 10_000 }).toMatch(/SUCCEEDED|FAILED/)
  return result()
}

test('a job fetches rows into a dataset of its artifact, another keeps them, a third lets old ones go', async () => {
  const receiver = await startReceiver((response) =>
    response.setHeader('content-type', 'text/csv').end('a,b\n1,x\n2,y\n'),
  )
  const { token } = await signUp(app, 'alice')
  const { id: artifactId } = await publishSite(app, 'sales', token)
  const job = async (action: ActionInput) => (await makeJob(app, token, { artifactId, actions: [action] })).id

  const fetching = await job({ materialize: { source: { url: receiver.url }, target: { name: 'Sales' } } })
  for (let count = 0; count < 2; count++) {
    expect(await finished(fetching, token)).toMatchObject({
      status: 'SUCCEEDED',
      output: { rows: 2, dataset: expect.stringMatching(/^dat_/) },
      deliveries: [{ status: 200, truncated: false }],
    })
  }
  expect(
    await query(app, 'select d.name, d.row_count, r.data from dataset d join dataset_row r on r.dataset_id = d.id'),
  ).toEqual([
    { name: 'Sales', row_count: 2, data: { a: '1', b: 'x' } },
    { name: 'Sales', row_count: 2, data: { a: '2', b: 'y' } },
  ])

  const keeping = await job({ snapshot: { datasets: ['Sales'] } })
  for (let count = 0; count < 3; count++) {
    expect(await finished(keeping, token)).toMatchObject({ status: 'SUCCEEDED', output: { snapshots: [{ rows: 2 }] } })
  }
  const cleaning = await job({ snapshotCleanup: { datasets: ['Sales'], keep: 1 } })
  expect(await finished(cleaning, token)).toMatchObject({ status: 'SUCCEEDED', output: { deleted: 2 } })
})
