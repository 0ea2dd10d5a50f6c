/** What the tests of jobs ask the API. */
import type { CreateJobInput, UpdateJobInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, type TestApp } from '../support/app.ts'

const CREATE_JOB = graphql(`
  mutation CreateAnyJob($input: CreateJobInput!) {
    createJob(input: $input) {
      __typename
      ...JobFields
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
  fragment JobFields on Job {
    id number surface name displayName description notes trigger eventType enabled startOn endOn
    nextRunAt lastRunAt lastStatus overlap catchUp catchUpWindow dstGap timeout spread spreadOffsetMs priority version deletedAt upcoming(count: 3)
    owner { handle }
    artifact { id }
    schedule { kind expression dialect timezone intervalSeconds at }
    actions { position kind name config }
    retry { maxAttempts backoff initialDelay maxDelay jitter retryOn }
    concurrency { limit key }
  }
`)

const UPDATE_JOB = graphql(`
  mutation UpdateAnyJob($input: UpdateJobInput!) {
    updateJob(input: $input) {
      __typename
      ...JobFields
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const CHANGE_JOB = graphql(`
  mutation ChangeJob($jobId: ID!, $pause: Boolean = false, $resume: Boolean = false, $delete: Boolean = false) {
    pauseJob(input: { jobId: $jobId }) @include(if: $pause) { __typename ...JobFields ... on Error { code message } }
    resumeJob(input: { jobId: $jobId }) @include(if: $resume) { __typename ...JobFields ... on Error { code message } }
    deleteJob(input: { jobId: $jobId }) @include(if: $delete) { __typename ...JobFields ... on Error { code message } }
  }
`)

const RUN_JOB = graphql(`
  mutation RunAnyJob($input: RunJobInput!) {
    runJob(input: $input) {
      __typename
      ... on Run { id status trigger input skipReason }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const JOB = graphql(`query AnyJob($id: ID!) { job(id: $id) { __typename ...JobFields } }`)

/** The answers as they are, typed by what the test expects of them. */
export const actions = (app: TestApp, token = ADMIN_TOKEN) => ({
  create: async (input: CreateJobInput) => (await app.send(CREATE_JOB, { input }, { token })).data.createJob,
  update: async (input: UpdateJobInput) => (await app.send(UPDATE_JOB, { input }, { token })).data.updateJob,
  pause: async (jobId: string) => (await app.send(CHANGE_JOB, { jobId, pause: true }, { token })).data.pauseJob,
  resume: async (jobId: string) => (await app.send(CHANGE_JOB, { jobId, resume: true }, { token })).data.resumeJob,
  remove: async (jobId: string) => (await app.send(CHANGE_JOB, { jobId, delete: true }, { token })).data.deleteJob,
  run: async (jobId: string, more: object = {}) =>
    (await app.send(RUN_JOB, { input: { jobId, ...more } }, { token })).data.runJob,
  job: async (id: string) => (await app.send(JOB, { id }, { token })).data.job,
})

/** The job of an answer that is one. */
export function jobOf<Answer extends { __typename: string }>(answer: Answer | undefined) {
  if (answer?.__typename === 'Job') return answer as Extract<Answer, { __typename: 'Job' }>
  throw new Error(JSON.stringify(answer))
}
