/** `jobChanged`: what is seen of jobs that change, by whom, on which node, and when it ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADD_COLLABORATORS } from '../collaboration/operations.ts'
import type { Streaming } from '../graphql/transports.ts'
import { STREAMING } from '../graphql/transports.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { issueToken, makeJob, makeStack, makeTeam, type Person, publishSite, query, signUp } from '../support/people.ts'
import { streamsOf, watching } from '../support/watching.ts'
import { actions } from './operations.ts'

const WATCH = graphql(`
  subscription WatchJobs($jobId: ID) {
    jobChanged(jobId: $jobId) {
      id name enabled eventType nextRunAt lastStatus deletedAt
      owner { handle } shares { level } actions { name } schedule { intervalSeconds } stack { name }
    }
  }
`)
const SEEN = graphql(`query SeenJob($id: ID!) { job(id: $id) { id } }`)
const CHANGE = graphql(`
  mutation ChangeWatched(
    $share: ShareJobInput!, $unshare: UnshareJobInput!, $transfer: TransferJobInput!, $stack: UpdateStackInput!,
    $shares: Boolean = false, $unshares: Boolean = false, $transfers: Boolean = false, $stacks: Boolean = false
  ) {
    shareJob(input: $share) @include(if: $shares) { __typename ... on Error { message } }
    unshareJob(input: $unshare) @include(if: $unshares) { __typename ... on Error { message } }
    transferJob(input: $transfer) @include(if: $transfers) { __typename ... on Error { message } }
    updateStack(input: $stack) @include(if: $stacks) { __typename ... on Error { message } }
  }
`)

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

const uuid = (id: string) => id.split('_')[1] ?? ''
const seen = async (id: string, token: string) => (await app.send(SEEN, { id }, { token })).data.job !== null
const rename = (id: string, name: string, token = alice.token, node = app) => actions(node, token).update({ jobId: id, name })

/** What a viewer of jobs is shown from now on; `jobId`: of this one. */
const watch = (transport: Streaming, { jobId, token = alice.token, node = app }: { jobId?: string; token?: string; node?: TestApp }) =>
  watching<Shown>(transport, node, { query: WATCH.toString(), variables: { jobId: jobId ?? null }, token }, 'jobChanged')
type Shown = { id: string; name: string | null; deletedAt: string | null; [field: string]: unknown }
const [sse, webSocket] = STREAMING as [Streaming, Streaming]

describe.each(STREAMING.map((transport) => [transport.name, transport] as const))('over %s', (name, transport) => {
  it('each change of a job is shown, whoever or whatever makes it, to who watches it and to who watches all', async () => {
    await makeTeam(app, `crew-${name.toLowerCase()}`, { alice: 'MEMBER' })
    const stack = await makeStack(app, alice.token, { name: 'before' })
    const all = await watch(transport, { node: other })
    const { id } = await makeJob(app, alice.token, { name: 'made', stackId: stack.id, actions: null })
    await all.until({ id, name: 'made' })
    const one = await watch(transport, { jobId: id })
    const { update, pause, resume, run, remove } = actions(app, alice.token)
    const principal = { jobId: id, principalHandle: 'bob' }
    const change = (which: 'shares' | 'unshares' | 'transfers' | 'stacks') =>
      app.send(
        CHANGE,
        {
          share: { ...principal, level: 1 },
          unshare: principal,
          transfer: { jobId: id, ownerHandle: `team:crew-${name.toLowerCase()}` },
          stack: { stackId: stack.id, name: `after ${name}`, actions: [{ email: { to: ['a@example.org'], subject: 'x', body: 'y' } }] },
          [which]: true,
        },
        { token: alice.token },
      )
    const changes: [what: string, make: () => Promise<unknown>, shown: object][] = [
      ['a name', () => update({ jobId: id, name: 'named' }), { name: 'named' }],
      ['a schedule', () => update({ jobId: id, schedule: { every: { seconds: 86_400 } } }), { schedule: { intervalSeconds: 86_400 } }],
      ['another schedule', () => update({ jobId: id, schedule: { every: { seconds: 604_800 } } }), { schedule: { intervalSeconds: 604_800 } }],
      ['a pause', () => pause(id), { enabled: false, nextRunAt: null }],
      ['an end of the pause', () => resume(id), { enabled: true, nextRunAt: expect.any(String) }],
      ['a share', () => change('shares'), { shares: [{ level: 1 }] }],
      ['an end of the share', () => change('unshares'), { shares: [] }],
      ['its stack', () => change('stacks'), { stack: { name: `after ${name}` }, actions: [{ name: 'email' }] }],
      ['a run that ended', () => run(id), { lastStatus: 'SUCCEEDED' }],
      ['its own steps', () => update({ jobId: id, actions: [{ webhook: { url: 'http://127.0.0.1:9/', name: 'own' } }] }), { actions: [{ name: 'own' }] }],
      ['an owner', () => change('transfers'), { owner: { handle: `team:crew-${name.toLowerCase()}` } }],
      ['a slot that fired', () => query(app, `update job set next_run_at = now() - interval '1 second' where id = $1`, [uuid(id)]).then(() => query(app, `select pg_notify('runsheet', 'jobs')`)), { lastStatus: 'FAILED' }],
      ['a deletion', () => remove(id), { deletedAt: expect.any(String) }],
    ]
    for (const [what, make, shown] of changes) {
      await make()
      await one.until({ id, ...shown }, what)
      await all.until({ id, ...shown }, what)
    }
    await one.ended()
    expect(await seen(id, alice.token)).toBe(false)
    await all.leave()
  })
})
