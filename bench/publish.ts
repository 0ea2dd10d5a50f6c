/**
 * How long a publish of 500 files and 20 MB takes: all of them in the request, by REST and by GraphQL, and again with
 * nothing new in it. `node --import tsx bench/publish.ts`
 */
import { createHash, randomBytes } from 'node:crypto'
import { newDataDir, removeDataDir, send, startServer, TOKEN } from './kit/server.ts'

const FILES = 500
const FILE_BYTES = 40_000

const PUBLISH = `mutation ($input: PublishArtifactInput!) {
  publishArtifact(input: $input) { ... on Artifact { id } ... on Error { message } }
}`

const newFiles = () =>
  Array.from({ length: FILES }, (_, index) => ({
    path: index === 0 ? 'index.html' : `assets/${index}.bin`,
    content: randomBytes(FILE_BYTES),
  }))

const inBase64 = (files: ReturnType<typeof newFiles>, encoding: string) =>
  files.map(({ path, content }) => ({ path, content: content.toString('base64'), encoding }))

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now()
  await work()
  console.log(`${name}: ${Math.round(performance.now() - started)} ms`)
}

async function byRest(url: string, files: object[]): Promise<void> {
  const response = await fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench', files }),
  })
  if (response.status !== 201) throw new Error(await response.text())
}

async function byGraphql(url: string, input: object): Promise<void> {
  const { publishArtifact } = await send<{ publishArtifact: { id?: string; message?: string } }>(url, PUBLISH, {
    input,
  })
  if (!publishArtifact.id) throw new Error(publishArtifact.message)
}

const dataDir = await newDataDir()
const { url, stop } = await startServer(dataDir, 4799)
try {
  const files = newFiles()
  await timed('inline by REST', () => byRest(url, inBase64(files, 'base64')))
  await timed('inline by REST, nothing new', () => byRest(url, inBase64(files, 'base64')))
  const others = inBase64(newFiles(), 'BASE64')
  await timed('inline by GraphQL', () => byGraphql(url, { name: 'bench', files: others }))
  const uploadedFiles = files.map(({ path, content }) => ({
    path,
    digest: createHash('sha256').update(content).digest('hex'),
  }))
  await timed('by digest', () => byGraphql(url, { name: 'bench', files: [], uploadedFiles }))
} finally {
  await stop()
  await removeDataDir(dataDir)
}
