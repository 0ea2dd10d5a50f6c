/** Jobs of Boozles, seen and changed through GraphQL. */
import { graphql } from '../../generated/index.ts'

export const SEE_BOOZLES_JOB = graphql(`
  query SeeBoozlesJob($id: ID!) {
    job(id: $id) { id surface enabled nextRunAt schedule { expression } }
  }
`)

export const BOOZLES_RUNS = graphql(`
  query BoozlesRuns($filter: RunFilter) {
    runs(first: 10, filter: $filter) { edges { node { id status trigger scheduledFor job { id surface } } } }
  }
`)

export const PAUSE_BOOZLES_JOB = graphql(`
  mutation PauseBoozlesJob($id: ID!) {
    pauseJob(input: { jobId: $id }) {
      ... on Job { id enabled }
      ... on Error { code message }
    }
  }
`)

export const RESUME_BOOZLES_JOB = graphql(`
  mutation ResumeBoozlesJob($id: ID!) {
    resumeJob(input: { jobId: $id }) {
      ... on Job { id enabled }
      ... on Error { code message }
    }
  }
`)

export const RESCHEDULE_BOOZLES_JOB = graphql(`
  mutation RescheduleBoozlesJob($id: ID!, $expression: String!) {
    updateJob(input: { jobId: $id, schedule: { cron: { expression: $expression, dialect: QUARTZ, timezone: "UTC" } } }) {
      ... on Job { id nextRunAt }
      ... on Error { code message }
    }
  }
`)
