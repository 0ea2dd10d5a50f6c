/** What tests of the dialect do by GraphQL. */
import { graphql } from '../../generated/index.ts'

export const CHANGE_SHAREOUT_JOB = graphql(`
  mutation ChangeShareoutJob($input: UpdateJobInput!) {
    updateJob(input: $input) {
      ... on Job { id name }
      ... on Error { code message }
    }
  }
`)

export const SEE_SHAREOUT_JOB = graphql(`
  query SeeShareoutJob($id: ID!) {
    job(id: $id) { surface actions { kind config } retry { maxAttempts backoff initialDelay } }
  }
`)
