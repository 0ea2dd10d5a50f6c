/** Versions that are published and not yet live. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PublishArtifactInput } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { countRows, type Person, query, signUp } from '../support/people.ts'

const PUBLISH = graphql(`
  mutation PublishUndeployed($input: PublishArtifactInput!) {
    publishArtifact(input: $input) {
      __typename
      ... on Artifact { id name deletedAt liveVersion { versionNo } versions { edges { node { versionNo } } } }
      ... on ValidationError { issues { path message } }
      ... on Error { code }
    }
  }
`)

const ROLL = graphql(`
  mutation PromoteByHand($artifactId: ID!, $versionNo: Int!) {
    rollbackArtifact(input: { artifactId: $artifactId, versionNo: $versionNo }) { ... on Artifact { liveVersion { versionNo } } }
  }
`)

const DELETE_VERSION = graphql(`
  mutation DeleteUndeployed($artifactId: ID!, $versionNo: Int!) {
    deleteVersion(input: { artifactId: $artifactId, versionNo: $versionNo }) { __typename }
  }
`)

const DELETE = graphql(`mutation DeleteBefore($id: ID!) { deleteArtifact(input: { artifactId: $id }) { __typename } }`)

let app: TestApp
let alice: Person
beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
})
afterAll(() => app?.stop())

const send = async (slug: string, text: string, more: Partial<PublishArtifactInput> = {}) => {
  const input = { name: slug, slug, files: [{ path: 'index.html', content: text }], ...more }
  return (await app.send(PUBLISH, { input }, { token: alice.token })).data.publishArtifact
}
const publish = async (...args: Parameters<typeof send>) => {
  const answer = await send(...args)
  if (answer.__typename === 'Artifact') return answer
  throw new Error(JSON.stringify(answer))
}
const site = async (slug: string) => (await fetch(`${app.url}/a/${slug}/?_raw`)).text()
const eventsOf = (id: string) =>
  query(app, 'select type, depth from domain_event where artifact_id = $1::uuid', [id.replace('art_', '')])

describe('a version that is not to go live', () => {
  it('is listed, while visitors and clients get the one that was live', async () => {
    const { id } = await publish('tides', 'one')
    const staged = await publish('tides', 'two', { name: 'Tides of today', deploy: false })
    expect(staged).toMatchObject({ id, name: 'Tides of today', liveVersion: { versionNo: 1 } })
    expect(staged.versions.edges.map(({ node }) => node.versionNo)).toEqual([2, 1])
    expect(await site('tides')).toBe('one')
  })

  it('starts nothing: there is no event before it is live', async () => {
    const { id } = await publish('quiet', 'one')
    await publish('quiet', 'two', { deploy: false })
    expect(await eventsOf(id)).toEqual([{ type: 'artifact.updated', depth: 0 }])
  })

  it('goes live by hand, or is passed over by the next one that does', async () => {
    const { id: artifactId } = await publish('drafts', 'one')
    await publish('drafts', 'two', { deploy: false })
    const { rollbackArtifact } = (await app.send(ROLL, { artifactId, versionNo: 2 }, { token: alice.token })).data
    expect(rollbackArtifact).toMatchObject({ liveVersion: { versionNo: 2 } })
    expect(await site('drafts')).toBe('two')
    await publish('drafts', 'three', { deploy: false })
    for (const deploy of [true, null, undefined]) {
      const { liveVersion, versions } = await publish('drafts', 'next', deploy === undefined ? {} : { deploy })
      expect(liveVersion.versionNo).toBe(versions.edges[0]?.node.versionNo)
    }
  })

  it('can be deleted, as it is not live', async () => {
    const { id: artifactId } = await publish('discarded', 'one')
    await publish('discarded', 'two', { deploy: false })
    const variables = { artifactId, versionNo: 2 }
    expect((await app.send(DELETE_VERSION, variables, { token: alice.token })).data.deleteVersion).toEqual({
      __typename: 'ArtifactVersion',
    })
    expect(await site('discarded')).toBe('one')
  })

  it('brings a deleted artifact back as it was', async () => {
    const { id } = await publish('revenant', 'one')
    await app.send(DELETE, { id }, { token: alice.token })
    const back = await publish('revenant', 'two', { deploy: false })
    expect(back).toMatchObject({ id, deletedAt: null, liveVersion: { versionNo: 1 } })
    expect(await site('revenant')).toBe('one')
  })

  it('cannot be the first: an artifact always has one that is live', async () => {
    const before = await countRows(app)
    expect(await send('unborn', 'one', { deploy: false })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: 'deploy', message: 'must be true for the first version' }],
    })
    expect(await countRows(app)).toEqual(before)
    expect(await publish('unborn', 'one')).toMatchObject({ liveVersion: { versionNo: 1 } })
  })
})
