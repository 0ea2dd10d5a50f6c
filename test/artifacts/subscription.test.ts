/** `artifactPublished`: which version is live after each deployment, shown to whom, and when it ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADD_COLLABORATORS } from '../collaboration/operations.ts'
import { graphql } from '../generated/index.ts'
import { STREAMING, type Streaming } from '../graphql/transports.ts'
import { actions } from '../jobs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, type Person, post, publishSite, query, signUp } from '../support/people.ts'
import { rest } from '../support/rest.ts'
import { streamsOf, watching } from '../support/watching.ts'

const WATCH = graphql(`
  subscription WatchPublished($artifactId: ID) {
    artifactPublished(artifactId: $artifactId) { versionNo artifact { id slug deletedAt liveVersion { versionNo } } }
  }
`)
const CHANGE = graphql(`
  mutation ChangePublished($id: ID!, $versionNo: Int = 1, $rolls: Boolean = false, $deletes: Boolean = false, $restores: Boolean = false) {
    rollbackArtifact(input: { artifactId: $id, versionNo: $versionNo }) @include(if: $rolls) { __typename }
    deleteArtifact(input: { artifactId: $id }) @include(if: $deletes) { __typename }
    restoreArtifact(input: { artifactId: $id }) @include(if: $restores) { __typename }
  }
`)

type Shown = { versionNo: number; artifact: { id: string; slug: string; deletedAt: string | null } }

/** Two nodes on one database. */
let app: TestApp
let other: TestApp
let alice: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp()
  other = await createTestApp({ DATABASE_URL: app.databaseUrl })
  ;[alice, bob] = [await signUp(app, 'alice'), await signUp(app, 'bob', 'bob@example.org')]
})
afterAll(() => Promise.all([other?.stop(), app?.stop()]))

const [sse, webSocket] = STREAMING as [Streaming, Streaming]
type Who = { artifactId?: string | null; token?: string | null; node?: TestApp }
const watch = (transport: Streaming, { artifactId = null, token = alice.token, node = other }: Who) =>
  watching<Shown>(transport, node, { query: WATCH.toString(), variables: { artifactId }, token }, 'artifactPublished')
const change = (id: string, how: { versionNo?: number; rolls?: boolean; deletes?: boolean; restores?: boolean }) =>
  app.send(CHANGE, { id, ...how }, { token: alice.token })
const files = [{ path: 'index.html', content: 'new' }]

describe.each(STREAMING.map((transport) => [transport.name, transport] as const))('over %s', (name, transport) => {
  it('each deployment is shown, whoever or whatever makes it', async () => {
    const slug = `site-${name.toLowerCase()}`
    const { id } = await publishSite(app, slug, alice.token)
    const { id: jobId } = await makeJob(app, alice.token, {
      artifactId: id,
      actions: [{ publish: { target: 'LATEST' } }],
    })
    const streams = [await watch(transport, { artifactId: id }), await watch(transport, {})]
    const deployments: [what: string, deploy: () => Promise<unknown>, versionNo: number][] = [
      ['GraphQL', () => publishSite(app, slug, alice.token), 2],
      ['ShareOut', () => rest(app, 'POST /v1/publish', { body: { name: slug, slug, files }, token: alice.token }), 3],
      ['a rollback', () => change(id, { versionNo: 1, rolls: true }), 1],
      ['an action', () => actions(app, alice.token).run(jobId), 3],
    ]
    for (const [what, deploy, versionNo] of deployments) {
      await deploy()
      for (const stream of streams) {
        await stream.until({ versionNo, artifact: { id, deletedAt: null, liveVersion: { versionNo } } }, what)
      }
    }
    for (const stream of streams) await stream.leave()
  })

  it('a deletion is shown as the last, with what was live', async () => {
    const { id } = await publishSite(app, `gone-${name.toLowerCase()}`, alice.token)
    const [one, all] = [await watch(transport, { artifactId: id }), await watch(transport, { token: null })]
    await change(id, { deletes: true })
    const gone = { versionNo: 1, artifact: { id, deletedAt: expect.any(String) } }
    expect((await one.ended())?.data?.artifactPublished).toMatchObject(gone)
    await all.until(gone)
    await change(id, { restores: true })
    await all.until({ versionNo: 1, artifact: { id, deletedAt: null } })
    await all.leave()
  })
})

it('shows an artifact to those who may read it, and where none is named to those in whose list it is', async () => {
  const [open, unlisted, hidden] = [
    await publishSite(app, 'open', alice.token),
    await publishSite(app, 'unlisted', alice.token, { visibility: 'UNLISTED' }),
    await publishSite(app, 'hidden', alice.token, { visibility: 'PRIVATE' }),
  ]
  const emails = ['bob@example.org']
  await app.send(
    ADD_COLLABORATORS,
    { input: { artifactId: hidden.id, emails, role: 'VIEWER' } },
    { token: alice.token },
  )
  const carol = await signUp(app, 'carol')
  const { token: blind } = await issueToken(app, alice.token, { scopes: ['jobs:read'] })
  const [o, u, h] = ['open', 'unlisted', 'hidden']
  const people: [who: string, token: string | null, named: string[], listed: string[]][] = [
    ['the owner', alice.token, [o, u, h], [o, u, h]],
    ['a collaborator', bob.token, [o, u, h], [o, h]],
    ['a stranger', carol.token, [o, u], [o]],
    ['an administrator', ADMIN_TOKEN, [o, u, h], [o, u, h]],
    ['a token without the scope', blind, [o, u], [o]],
    ['nobody', null, [o, u], [o]],
  ] as [string, string | null, string[], string[]][]
  for (const [index, [who, token, named, listed]] of people.entries()) {
    const all = await watch(index % 2 ? sse : webSocket, { token })
    const each: Awaited<ReturnType<typeof watch>>[] = []
    for (const { id } of [open, unlisted, hidden]) each.push(await watch(webSocket, { artifactId: id, token }))
    for (const { slug } of [open, unlisted, hidden]) await publishSite(app, slug, alice.token)
    const { id: last } = await publishSite(app, `last-${index}`, alice.token)
    await all.until({ artifact: { id: last } })
    const slugs = new Set(all.shown.map(({ artifact }) => artifact.slug))
    expect([...slugs].sort(), who).toEqual([...listed, `last-${index}`].sort())
    for (const [number, slug] of [o, u, h].entries()) {
      const stream = each[number]
      if (named.includes(slug as string)) await stream?.until({ artifact: { slug } }, who)
      else expect((await stream?.ended())?.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
      await stream?.leave()
    }
    await all.leave()
  }
})

it('shows nothing more of an artifact that is made private to those who may not read it then', async () => {
  const { id } = await publishSite(app, 'closing', alice.token)
  const [one, all] = [await watch(sse, { artifactId: id, token: null }), await watch(webSocket, { token: bob.token })]
  await publishSite(app, 'closing', alice.token)
  for (const stream of [one, all]) await stream.until({ versionNo: 2, artifact: { id } })
  await publishSite(app, 'closing', alice.token, { visibility: 'PRIVATE' })
  const { id: later } = await publishSite(app, 'later', alice.token)
  await all.until({ artifact: { id: later } })
  await publishSite(app, 'closing', alice.token, { visibility: 'UNLISTED' })
  await one.until({ versionNo: 4 })
  expect(one.shown.map(({ versionNo }) => versionNo)).toEqual([2, 4])
  expect(all.shown.map(({ artifact }) => artifact.id)).toEqual([id, later])
  await one.leave()
  await all.leave()
})

it('says NOT_FOUND of what is not there', async () => {
  for (const artifactId of ['nonsense', 'art_00000000000000000000000000000000']) {
    const stream = await watch(sse, { artifactId })
    expect((await stream.ended())?.errors).toMatchObject([
      { path: ['artifactPublished'], extensions: { code: 'NOT_FOUND' } },
    ])
  }
})

it('shows what was published while the bus was away', async () => {
  const { id } = await publishSite(app, 'unheard', alice.token)
  const all = await watch(webSocket, {})
  const text = `insert into deployment (id, artifact_id, version_id, deployment_no, created_by_id)
    select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid, artifact_id, version_id, 2, created_by_id
    from deployment where artifact_id = $1`
  await query(app, text, [id.replace('art_', '')])
  await query(
    app,
    `select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen runsheet' and datname = current_database()`,
  )
  await expect.poll(() => all.shown.some(({ artifact }) => artifact.id === id), { timeout: 5_000 }).toBe(true)
  await all.leave()
})

it('leaves nothing behind', async () => {
  for (const node of [app, other]) await expect.poll(() => streamsOf(node)).toBe(0)
  expect((await post(app, { query: '{ __typename }' }, null)).status).toBe(200)
})
