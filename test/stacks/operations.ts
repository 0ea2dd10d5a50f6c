/** What the tests of stacks ask the API. */
import type { CreateStackInput, RunStackInput, UpdateStackInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, type TestApp } from '../support/app.ts'

const CREATE_STACK = graphql(`
  mutation CreateAnyStack($input: CreateStackInput!) {
    createStack(input: $input) {
      __typename
      ...StackFields
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
  fragment StackFields on Stack {
    id number name description version
    owner { handle }
    actions { position kind name config }
    jobs { totalCount edges { node { id } } }
    runs { totalCount edges { node { id status } } }
  }
`)

const UPDATE_STACK = graphql(`
  mutation UpdateAnyStack($input: UpdateStackInput!) {
    updateStack(input: $input) {
      __typename
      ...StackFields
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const DELETE_STACK = graphql(`
  mutation DeleteAnyStack($stackId: ID!) {
    deleteStack(input: { stackId: $stackId }) { __typename ...StackFields ... on Error { code message } }
  }
`)

const RUN_STACK = graphql(`
  mutation RunAnyStack($input: RunStackInput!) {
    runStack(input: $input) {
      __typename
      ... on Run { id status trigger input skipReason job { id name hidden } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const STACK = graphql(`query AnyStack($id: ID!) { stack(id: $id) { ...StackFields } }`)

const JOB_OF_STACK = graphql(`
  query JobOfStack($id: ID!) {
    job(id: $id) {
      id name displayName hidden version deletedAt signingSecret stack { id name } actions { position name kind config }
    }
  }
`)

/** The answers as they are, typed by what the test expects of them. */
export const stackActions = (app: TestApp, token = ADMIN_TOKEN) => ({
  create: async (input: CreateStackInput) => (await app.send(CREATE_STACK, { input }, { token })).data.createStack,
  update: async (input: UpdateStackInput) => (await app.send(UPDATE_STACK, { input }, { token })).data.updateStack,
  remove: async (stackId: string) => (await app.send(DELETE_STACK, { stackId }, { token })).data.deleteStack,
  run: async (input: RunStackInput) => (await app.send(RUN_STACK, { input }, { token })).data.runStack,
  stack: async (id: string) => (await app.send(STACK, { id }, { token })).data.stack,
  /** A job, with what it has to do with its stack. */
  job: async (id: string) => (await app.send(JOB_OF_STACK, { id }, { token })).data.job,
})
