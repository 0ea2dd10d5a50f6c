import { afterAll, beforeAll, expect, it } from 'vitest'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'

const MAKE = graphql(`
  mutation MakeArtifact {
    publishArtifact(input: { name: "Doomed", files: [{ path: "index.html", content: "x" }] }) {
      ... on Artifact { id }
    }
  }
`)
const MAKE_JOB = graphql(`
  mutation MakeJobOn($artifactId: ID!, $url: String!) {
    createJob(
      input: { artifactId: $artifactId, schedule: { every: { seconds: 3600 } }, actions: [{ webhook: { url: $url } }] }
    ) {
      ... on Job { id enabled }
    }
  }
`)
const DELETE = graphql(`
  mutation DeleteIt($id: ID!) {
    deleteArtifact(input: { artifactId: $id }) { __typename }
  }
`)
const RESTORE = graphql(`
  mutation RestoreIt($id: ID!) {
    restoreArtifact(input: { artifactId: $id }) { __typename }
  }
`)
const RESUME = graphql(`
  mutation ResumeOnDeleted($id: ID!) {
    resumeJob(input: { jobId: $id }) {
      __typename
      ... on Job { enabled nextRunAt }
    }
  }
`)
const JOB = graphql(`
  query JobOnDeleted($id: ID!) {
    job(id: $id) { enabled nextRunAt artifact { id } }
  }
`)

let app: TestApp
beforeAll(async () => {
  app = await createTestApp()
})
afterAll(() => app.stop())

it('pauses the jobs of a deleted artifact, until it is restored and they are resumed', async () => {
  const { publishArtifact: artifact } = (await app.send(MAKE)).data
  const id = 'id' in artifact ? artifact.id : ''
  const { createJob: job } = (await app.send(MAKE_JOB, { artifactId: id, url: 'http://127.0.0.1/' })).data
  const jobId = 'id' in job ? job.id : ''
  expect((await app.send(DELETE, { id })).data.deleteArtifact.__typename).toBe('Artifact')
  expect((await app.send(JOB, { id: jobId })).data.job).toEqual({ enabled: false, nextRunAt: null, artifact: null })
  expect((await app.send(RESUME, { id: jobId })).data.resumeJob).toEqual({ __typename: 'ConflictError' })

  expect((await app.send(RESTORE, { id })).data.restoreArtifact.__typename).toBe('Artifact')
  expect((await app.send(JOB, { id: jobId })).data.job?.enabled).toBe(false)
  expect((await app.send(RESUME, { id: jobId })).data.resumeJob).toMatchObject({ enabled: true })
})
