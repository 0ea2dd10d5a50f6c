import { graphql } from '../generated/index.ts'

export const ADD_COLLABORATORS = graphql(`
  mutation AddCollaborators($input: AddCollaboratorsInput!) {
    addCollaborators(input: $input) {
      __typename
      ... on Artifact { collaborators { email role } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

export const REMOVE_COLLABORATOR = graphql(`
  mutation RemoveCollaborator($input: RemoveCollaboratorInput!) {
    removeCollaborator(input: $input) {
      __typename
      ... on Artifact { collaborators { email role } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

export const WHO_WORKS_ON = graphql(`
  query WhoWorksOn($id: ID!) { artifact(id: $id) { id collaborators { email role } } }
`)

/** What somebody sees of an artifact. */
export const LOOK_AROUND = graphql(`
  query LookAround($id: ID!) {
    artifact(id: $id) { name agent { model } versions { totalCount } }
    datasets(filter: { artifactId: $id }) { edges { node { rows { edges { node { data } } } } } }
    jobs(filter: { artifactId: $id }) { edges { node { name } } }
    runs(filter: { artifactId: $id }) { totalCount }
  }
`)

export const ADD_COMMENT = graphql(`
  mutation AddComment($input: AddCommentInput!) {
    addComment(input: $input) {
      __typename
      ... on Comment { id text author { handle } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

export const DELETE_COMMENT = graphql(`
  mutation DeleteComment($input: DeleteCommentInput!) {
    deleteComment(input: $input) { __typename ... on Comment { id text } ... on Error { code message } }
  }
`)

export const COMMENTS_OF = graphql(`
  query CommentsOf($id: ID!, $first: Int, $after: String) {
    artifact(id: $id) {
      comments(first: $first, after: $after) {
        totalCount
        pageInfo { endCursor hasNextPage }
        edges { node { text } }
      }
    }
  }
`)
