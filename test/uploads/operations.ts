import { createHash } from 'node:crypto'
import { graphql } from '../generated/index.ts'
import type { TestApp } from '../support/app.ts'

export const PREPARE_UPLOAD = graphql(`
  mutation PrepareUpload($input: PrepareUploadInput!) {
    prepareUpload(input: $input) {
      __typename
      ... on PreparedUpload { missing uploadUrl }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

export const PUBLISH_UPLOADED = graphql(`
  mutation PublishUploaded($input: PublishArtifactInput!) {
    publishArtifact(input: $input) {
      __typename
      ... on Artifact { id liveVersion { versionNo files { path digest sizeBytes } } }
      ... on ValidationError { issues { path message } }
      ... on Error { code message }
    }
  }
`)

export const digestOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')

export const fileOf = (path: string, content: string | Buffer) => ({
  path,
  digest: digestOf(content),
  sizeBytes: Buffer.byteLength(content),
})

/** `PUT` of the bytes, in one piece or, if they are a stream, in several. */
export async function put(
  app: TestApp,
  digest: string,
  content: string | Buffer | ReadableStream,
  token: string | null,
  init: RequestInit = {},
) {
  const response = await fetch(`${app.url}/uploads/${digest}`, {
    ...{ method: 'PUT', body: content as BodyInit, headers: token ? { authorization: `Bearer ${token}` } : {} },
    ...(content instanceof ReadableStream && { duplex: 'half' }),
    ...init,
  } as RequestInit)
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}
