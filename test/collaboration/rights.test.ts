/** What each of the people around a private artifact sees of it and may do with it, from outside. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { countRows, makeJob, NOWHERE, type Person, post, publishSite, signUp } from '../support/people.ts'
import { ADD_COLLABORATORS, LOOK_AROUND, REMOVE_COLLABORATOR } from './operations.ts'

let app: TestApp
let owner: Person
let editor: Person
let viewer: Person
let stranger: Person
let artifactId: string
let datasetId: string

const POLICY = {
  ...{ version: 1, field: 'region', default: 'deny' },
  rules: [{ match: { email: 'viewer@example.org' }, values: ['EU'] }],
}

const share = async (id: string, emails: string[], role: 'VIEWER' | 'EDITOR') =>
  (await app.send(ADD_COLLABORATORS, { input: { artifactId: id, emails, role } }, { token: owner.token })).data
    .addCollaborators

const unshare = async (id: string, email: string) =>
  (await app.send(REMOVE_COLLABORATOR, { input: { artifactId: id, email } }, { token: owner.token })).data
    .removeCollaborator

/** The answer of a mutation as it is named, its input written down as it is. */
const mutate = async (name: string, input: object, token: string, fields = '__typename') => {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`
  const query = `mutation($input: ${type}!) { answer: ${name}(input: $input) { ${fields} ... on Error { code } } }`
  const { body } = await post(app, { query, variables: { input } }, token)
  return body.data?.answer ?? body
}

const publish = (slug: string, token: string, more: object = {}) =>
  mutate('publishArtifact', { name: slug, slug, files: [{ path: 'index.html', content: slug }], ...more }, token)

const look = async (token: string | null) => (await app.send(LOOK_AROUND, { id: artifactId }, { token })).data

beforeAll(async () => {
  app = await createTestApp()
  owner = await signUp(app, 'owner', 'owner@example.org')
  editor = await signUp(app, 'editor', 'Editor@Example.org')
  viewer = await signUp(app, 'viewer', 'viewer@example.org')
  stranger = await signUp(app, 'stranger', 'stranger@example.org')
  const site = { visibility: 'PRIVATE' as const, accessPolicy: POLICY, agent: { enabled: true } }
  artifactId = (await publishSite(app, 'hidden', owner.token, site)).id
  const made = await mutate('createDataset', { name: 'sales', artifactId }, owner.token, '... on Dataset { id }')
  datasetId = made.id
  await mutate('insertRows', { datasetId, rows: [{ region: 'EU' }, { region: 'US' }] }, owner.token)
  await share(artifactId, ['editor@example.org'], 'EDITOR')
  await share(artifactId, ['viewer@example.org'], 'VIEWER')
  await makeJob(app, owner.token, { name: 'of the owner', artifactId })
})
afterAll(() => app?.stop())

const rowsIn = (seen: Awaited<ReturnType<typeof look>>) =>
  seen.datasets.edges.flatMap(({ node }) => node.rows.edges.map((row) => (row.node.data as { region: string }).region))

describe('a private artifact', () => {
  it('is seen by its viewers, with the rows that its policy lets through', async () => {
    const seen = await look(viewer.token)
    expect(seen.artifact).toEqual({ name: 'hidden', agent: null, versions: { totalCount: expect.any(Number) } })
    expect(rowsIn(seen)).toEqual(['EU'])
    expect([seen.jobs.edges, seen.runs.totalCount]).toEqual([[], 0])
  })

  it('is seen whole by its editors, with all jobs and runs on it', async () => {
    const { id } = await makeJob(app, owner.token, { name: 'ran', artifactId })
    await mutate('runJob', { jobId: id }, owner.token)
    const seen = await look(editor.token)
    expect(rowsIn(seen).sort()).toEqual(['EU', 'US'])
    expect(seen.jobs.edges.map(({ node }) => node.name)).toEqual(['ran', 'of the owner'])
    expect(seen.runs.totalCount).toBe(1)
  })

  it('is not there for anybody else', async () => {
    for (const token of [stranger.token, null]) {
      const { body } = await post(app, { query: `{ artifact(id: "${artifactId}") { name } }` }, token)
      expect(body.data).toEqual({ artifact: null })
    }
  })
})

describe('an editor', () => {
  it('publishes, rolls back, puts jobs on it, and writes its data', async () => {
    expect(await publish('hidden', editor.token)).toEqual({ __typename: 'Artifact' })
    expect(await mutate('rollbackArtifact', { artifactId, versionNo: 1 }, editor.token)).toEqual({
      __typename: 'Artifact',
    })
    expect(await mutate('createJob', { artifactId, actions: [NOWHERE] }, editor.token)).toEqual({ __typename: 'Job' })
    expect(await mutate('insertRows', { datasetId, rows: [{ region: 'ASIA' }] }, editor.token)).toEqual({
      __typename: 'InsertedRows',
    })
    expect(await mutate('deleteRows', { datasetId, filter: { region: 'ASIA' } }, editor.token)).toEqual({
      __typename: 'DeletedRows',
    })
  })

  const forbidden: [string, () => object][] = [
    ['deleteArtifact', () => ({ artifactId })],
    ['updateArtifact', () => ({ artifactId, visibility: 'PUBLIC' })],
    ['updateArtifact', () => ({ artifactId, accessPolicy: null })],
    ['addCollaborators', () => ({ artifactId, emails: ['x@example.org'], role: 'VIEWER' })],
    ['removeCollaborator', () => ({ artifactId, email: 'viewer@example.org' })],
    ['deleteVersion', () => ({ artifactId, versionNo: 1 })],
  ]
  it.each(forbidden)('may not %s', async (name, input) => {
    const before = await countRows(app)
    expect(await mutate(name, input(), editor.token)).toEqual({ __typename: 'ForbiddenError', code: 'FORBIDDEN' })
    expect(await countRows(app)).toEqual(before)
  })
})

describe('viewers and strangers', () => {
  const changes: [string, () => object][] = [
    ['rollbackArtifact', () => ({ artifactId, versionNo: 1 })],
    ['updateArtifact', () => ({ artifactId, name: 'x' })],
    ['deleteArtifact', () => ({ artifactId })],
    ['createJob', () => ({ artifactId, actions: [NOWHERE] })],
    ['insertRows', () => ({ datasetId, rows: [{}] })],
    ['setDocument', () => ({ artifactId, key: 'x', value: 1 })],
    ['addCollaborators', () => ({ artifactId, emails: ['x@example.org'], role: 'VIEWER' })],
  ]
  it.each(changes)('may not %s: FORBIDDEN to those who see it, else NOT_FOUND', async (name, input) => {
    const before = await countRows(app)
    expect(await mutate(name, input(), viewer.token)).toMatchObject({ code: 'FORBIDDEN' })
    expect(await mutate(name, input(), stranger.token)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await countRows(app)).toEqual(before)
  })

  it('may not publish under its slug', async () => {
    for (const token of [viewer.token, stranger.token]) {
      expect(await publish('hidden', token)).toEqual({ __typename: 'ConflictError', code: 'SLUG_TAKEN' })
    }
  })
})

describe('a job of an editor', () => {
  let jobId: string
  const jobFields = '... on Job { enabled pauseReason owner { handle } }'
  const read = async (token = editor.token) =>
    (await post(app, { query: `{ job(id: "${jobId}") { enabled pauseReason owner { handle } } }` }, token)).body.data
      .job

  beforeEach(async () => {
    await share(artifactId, ['editor@example.org'], 'EDITOR')
    jobId = (await makeJob(app, editor.token, { artifactId, schedule: { every: { seconds: 3600 } } })).id
  })

  it('may be changed by the owner of the artifact, whose it becomes with its actions', async () => {
    expect(await mutate('updateJob', { jobId, name: 'x' }, owner.token, jobFields)).toMatchObject({
      owner: { handle: 'editor' },
    })
    expect(await mutate('updateJob', { jobId, actions: [NOWHERE] }, owner.token, jobFields)).toMatchObject({
      owner: { handle: 'owner' },
    })
  })

  it('may be deleted by the owner of the artifact, and by no viewer', async () => {
    expect(await mutate('deleteJob', { jobId }, viewer.token)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await mutate('deleteJob', { jobId }, owner.token)).toEqual({ __typename: 'Job' })
  })

  it.each([
    ['is removed', () => unshare(artifactId, 'EDITOR@example.org ')],
    ['becomes a viewer', () => share(artifactId, ['editor@example.org'], 'VIEWER')],
  ])('is paused, with a reason, when they are let go: %s', async (_how, letGo) => {
    const others = await makeJob(app, owner.token, { artifactId, schedule: { every: { seconds: 3600 } } })
    expect(await letGo()).toMatchObject({ __typename: 'Artifact' })
    const reason = 'its owner is no longer an editor of its artifact'
    expect(await read()).toMatchObject({ enabled: false, pauseReason: reason })
    const { body } = await post(app, { query: `{ job(id: "${others.id}") { enabled } }` }, owner.token)
    expect(body.data.job).toEqual({ enabled: true })
    expect(await mutate('resumeJob', { jobId }, editor.token)).toMatchObject({ code: 'FORBIDDEN' })
    await share(artifactId, ['editor@example.org'], 'EDITOR')
    expect(await mutate('resumeJob', { jobId }, editor.token, jobFields)).toMatchObject({ enabled: true })
  })

  it('goes on when they are made an editor once more', async () => {
    await share(artifactId, ['editor@example.org'], 'EDITOR')
    expect(await read()).toMatchObject({ enabled: true, pauseReason: null })
  })
})

it('an administrator does with an artifact what its owner may', async () => {
  const input = { artifactId, emails: ['new@example.org'], role: 'VIEWER' }
  expect(await mutate('addCollaborators', input, ADMIN_TOKEN)).toEqual({ __typename: 'Artifact' })
})
