import type { DeleteDocumentInput, SetDocumentInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import type { TestApp } from '../support/app.ts'

const SET = graphql(`
  mutation SetDocument($input: SetDocumentInput!) {
    setDocument(input: $input) {
      __typename
      ... on JsonDocument { key value version }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const DELETE = graphql(`
  mutation DeleteDocument($input: DeleteDocumentInput!) {
    deleteDocument(input: $input) {
      __typename
      ... on JsonDocument { key value version }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const READ = graphql(`
  query ReadDocuments($id: ID!, $key: String!, $first: Int, $after: String) {
    artifact(id: $id) {
      document(key: $key) { value version }
      documents(first: $first, after: $after) { key value version }
    }
  }
`)

export const documents = (app: TestApp, token: string | null) => ({
  set: async (input: SetDocumentInput) => (await app.send(SET, { input }, { token })).data.setDocument,
  remove: async (input: DeleteDocumentInput) => (await app.send(DELETE, { input }, { token })).data.deleteDocument,
  read: async (id: string, key = 'x', page: { first?: number; after?: string } = {}) =>
    (await app.send(READ, { id, key, ...page }, { token })).data.artifact,
})
