/** What tests of the dialect do by GraphQL. */
import { graphql } from '../../generated/index.ts'

export const CHANGE_INFORMER_JOB = graphql(`
  mutation ChangeInformerJob($input: UpdateJobInput!) {
    updateJob(input: $input) {
      ... on Job { id name }
      ... on Error { code message }
    }
  }
`)

export const RESUME_INFORMER_JOB = graphql(`
  mutation ResumeInformerJob($input: ResumeJobInput!) {
    resumeJob(input: $input) {
      ... on Job { id enabled }
      ... on Error { code message }
    }
  }
`)

export const SEE_INFORMER_JOB = graphql(`
  query SeeInformerJob($id: ID!) {
    job(id: $id) {
      surface name slug type enabled timeout nextRunAt startOn endOn notes
      owner { handle }
      tags { name }
      schedule { kind expression timezone intervalSeconds at }
      actions { position kind config }
    }
  }
`)

export const INFORMER_RUNS = graphql(`
  query InformerRuns($id: ID!) {
    job(id: $id) { enabled runs(first: 10) { edges { node { id status isFinal trigger skipReason } } } }
  }
`)

export const CANCEL_INFORMER_RUN = graphql(`
  mutation CancelInformerRun($input: CancelRunInput!) {
    cancelRun(input: $input) {
      ... on Run { id status }
      ... on Error { code message }
    }
  }
`)
