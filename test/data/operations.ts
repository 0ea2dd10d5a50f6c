/** What the tests of datasets ask the API. */
import type { CreateDatasetInput, DeleteRowsInput, UpdateDatasetInput, UpdateRowsInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, type TestApp } from '../support/app.ts'

const CREATE = graphql(`
  mutation CreateDataset($input: CreateDatasetInput!) {
    createDataset(input: $input) {
      __typename
      ... on Dataset { id name slug description rowCount owner { handle } artifact { id } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const UPDATE = graphql(`
  mutation UpdateDataset($input: UpdateDatasetInput!) {
    updateDataset(input: $input) {
      __typename
      ... on Dataset { name slug description }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const DELETE = graphql(`
  mutation DeleteDataset($id: ID!) {
    deleteDataset(input: { datasetId: $id }) { __typename ... on Dataset { name } ... on Error { code message } }
  }
`)

const INSERT = graphql(`
  mutation InsertRows($datasetId: ID!, $rows: [JSON!]!) {
    insertRows(input: { datasetId: $datasetId, rows: $rows }) {
      __typename
      ... on InsertedRows { count rows { id data createdAt } dataset { rowCount } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const UPDATE_ROWS = graphql(`
  mutation UpdateRows($input: UpdateRowsInput!) {
    updateRows(input: $input) {
      __typename
      ... on UpdatedRows { count dataset { rowCount } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const DELETE_ROWS = graphql(`
  mutation DeleteRows($input: DeleteRowsInput!) {
    deleteRows(input: $input) {
      __typename
      ... on DeletedRows { count dataset { rowCount } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

const READ = graphql(`
  query ReadDataset($id: ID!, $filter: JSON, $sort: JSON, $first: Int, $after: String, $field: String = "region") {
    dataset(id: $id) {
      name rowCount
      count(filter: $filter)
      distinct(field: $field, filter: $filter)
      rows(first: $first, after: $after, filter: $filter, sort: $sort) {
        totalCount edges { cursor node { id data } } pageInfo { hasNextPage endCursor }
      }
    }
  }
`)

/** The answers as they are, typed by what the test expects of them. */
export const datasets = (app: TestApp, token: string | null = ADMIN_TOKEN) => ({
  create: async (input: CreateDatasetInput) => (await app.send(CREATE, { input }, { token })).data.createDataset,
  update: async (input: UpdateDatasetInput) => (await app.send(UPDATE, { input }, { token })).data.updateDataset,
  remove: async (id: string) => (await app.send(DELETE, { id }, { token })).data.deleteDataset,
  insert: async (datasetId: string, rows: unknown[]) =>
    (await app.send(INSERT, { datasetId, rows }, { token })).data.insertRows,
  updateRows: async (input: UpdateRowsInput) => (await app.send(UPDATE_ROWS, { input }, { token })).data.updateRows,
  deleteRows: async (input: DeleteRowsInput) => (await app.send(DELETE_ROWS, { input }, { token })).data.deleteRows,
  read: async (id: string, more: object = {}) => app.send(READ, { id, ...more }, { token }),
  /** What the rows hold. */
  async rows(id: string, more: object = {}): Promise<unknown[] | null> {
    const { dataset } = (await app.send(READ, { id, ...more }, { token })).data
    return dataset?.rows.edges.map(({ node }) => node.data) ?? null
  },
  /** A dataset with these rows; its id. */
  async make(name: string, rows: unknown[] = [], more: Partial<CreateDatasetInput> = {}): Promise<string> {
    const made = (await app.send(CREATE, { input: { name, ...more } }, { token })).data.createDataset
    if (made.__typename !== 'Dataset') throw new Error(JSON.stringify(made))
    if (rows.length > 0) await app.send(INSERT, { datasetId: made.id, rows }, { token })
    return made.id
  },
})
