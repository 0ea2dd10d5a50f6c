/** What the suite asks GraphQL. */
import { graphql } from '../../generated/index.ts'

export const JOBS_OF_ALL = graphql(`
  query JobsOfAll($filter: JobFilter) {
    jobs(first: 100, filter: $filter) {
      totalCount
      edges {
        node {
          id surface enabled nextRunAt
          owner { handle }
          runs(first: 10) { edges { node { id status trigger scheduledFor } } }
        }
      }
    }
  }
`)

export const RUNS_OF_JOB = graphql(`
  query RunsOfJob($jobId: ID!) {
    runs(first: 10, filter: { jobId: $jobId }) {
      edges { node { id status trigger job { id surface } } }
    }
  }
`)

export const REVOKE = graphql(`
  mutation RevokeAToken($tokenId: ID!) {
    revokeToken(input: { tokenId: $tokenId }) {
      ... on ApiToken { id revokedAt }
      ... on Error { message }
    }
  }
`)
