/** `jobChanged`: what is seen of jobs that change, by whom, on which node, and when it ends. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADD_COLLABORATORS } from '../collaboration/operations.ts'
import { graphql } from '../generated/index.ts'
import type { Streaming } from '../graphql/transports.ts'
import { STREAMING } from '../graphql/transports.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import {
  issueToken,
  makeJob,
  makeStack,
  makeTeam,
  type Person,
  post,
  publishSite,
  query,
  signUp,
} from '../support/people.ts'
import { streamsOf, watching } from '../support/watching.ts'
import { actions } from './operations.ts'

const WATCH = graphql(`
  subscription WatchJobs($jobId: ID) {
    jobChanged(jobId: $jobId) {
      id name enabled eventType nextRunAt lastStatus deletedAt
      owner { handle } shares { level } actions { name } schedule { intervalSeconds } stack { name } lastRun { trigger }
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

/** Its next slot is past, without a word of what else that changes. */
const DUE = `with due as (
    update job set next_run_at = next_run_at - interval '7 days', anchor = anchor - interval '14 days' where id = $1)
  select pg_notify('runsheet', 'jobs')`

const STATE = `with changed as (update job set name = $2 where id = $1 returning id)
  select pg_notify('runsheet', 'jobs:' || id) from changed`

const uuid = (id: string) => id.split('_')[1] ?? ''
const seen = async (id: string, token: string) => (await app.send(SEEN, { id }, { token })).data.job !== null
const rename = (id: string, name: string, token = alice.token, node = app) =>
  actions(node, token).update({ jobId: id, name })

/** What a viewer of jobs is shown from now on; `jobId`: of this one. */
const watch = (
  transport: Streaming,
  { jobId, token = alice.token, node = app }: { jobId?: string; token?: string; node?: TestApp },
) =>
  watching<Shown>(
    transport,
    node,
    { query: WATCH.toString(), variables: { jobId: jobId ?? null }, token },
    'jobChanged',
  )
type Shown = { id: string; name: string | null; deletedAt: string | null; [field: string]: unknown }
const [sse, webSocket] = STREAMING as [Streaming, Streaming]

describe.each(STREAMING.map((transport) => [transport.name, transport] as const))('over %s', (name, transport) => {
  it('each change of a job is shown, whoever or whatever makes it, to who watches it and to who watches all', async () => {
    await makeTeam(app, `crew-${name.toLowerCase()}`, { alice: 'ADMIN' })
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
          stack: {
            stackId: stack.id,
            name: `after ${name}`,
            actions: [{ webhook: { url: 'http://127.0.0.1:9/', name: 'later' } }],
          },
          [which]: true,
        },
        { token: alice.token },
      )
    const changes: [what: string, make: () => Promise<unknown>, shown: object][] = [
      ['a name', () => update({ jobId: id, name: 'named' }), { name: 'named' }],
      [
        'a schedule',
        () => update({ jobId: id, schedule: { every: { seconds: 86_400 } } }),
        { schedule: { intervalSeconds: 86_400 } },
      ],
      [
        'another schedule',
        () => update({ jobId: id, schedule: { every: { seconds: 604_800 } } }),
        { schedule: { intervalSeconds: 604_800 } },
      ],
      ['a pause', () => pause(id), { enabled: false, nextRunAt: null }],
      ['an end of the pause', () => resume(id), { enabled: true, nextRunAt: expect.any(String) }],
      ['a share', () => change('shares'), { shares: [{ level: 1 }] }],
      ['an end of the share', () => change('unshares'), { shares: [] }],
      ['its stack', () => change('stacks'), { stack: { name: `after ${name}` }, actions: [{ name: 'later' }] }],
      ['a run that ended', () => run(id), { lastStatus: 'FAILED', lastRun: { trigger: 'MANUAL' } }],
      [
        'its own steps',
        () => update({ jobId: id, actions: [{ webhook: { url: 'http://127.0.0.1:9/', name: 'own' } }] }),
        { actions: [{ name: 'own' }] },
      ],
      ['an owner', () => change('transfers'), { owner: { handle: `team:crew-${name.toLowerCase()}` } }],
      [
        'a slot that fired',
        () => query(app, DUE, [uuid(id)]),
        { lastRun: { trigger: 'SCHEDULE' }, nextRunAt: expect.any(String) },
      ],
      ['a deletion', () => remove(id), { deletedAt: expect.any(String) }],
    ]
    for (const [what, make, shown] of changes) {
      expect(JSON.stringify(await make()), what).not.toContain('"message"')
      await one.until({ id, ...shown }, what)
      await all.until({ id, ...shown }, what)
    }
    await one.ended()
    expect(await seen(id, alice.token)).toBe(false)
    await all.leave()
  })

  it('tells whoever may not watch why, and ends', async () => {
    const { id: jobId } = await makeJob(app, alice.token)
    await actions(app, alice.token).remove(jobId)
    const { id: hers } = await makeJob(app, alice.token)
    const { token: blind } = await issueToken(app, alice.token, { scopes: ['artifacts:read'] })
    const refused: [jobId: string | null, token: string | null, code: string][] = [
      [jobId, alice.token, 'NOT_FOUND'],
      [hers, bob.token, 'NOT_FOUND'],
      ['job_00000000000000000000000000000000', ADMIN_TOKEN, 'NOT_FOUND'],
      ['nonsense', ADMIN_TOKEN, 'NOT_FOUND'],
      [hers, blind, 'INSUFFICIENT_SCOPE'],
      [null, blind, 'INSUFFICIENT_SCOPE'],
      [null, null, 'UNAUTHENTICATED'],
    ]
    for (const [id, token, code] of refused) {
      const outcomes = transport.stream(app, { query: WATCH.toString(), variables: { jobId: id }, token })
      const { value } = await outcomes.next()
      expect(value, `${id} ${code}`).toMatchObject({ errors: [{ path: ['jobChanged'], extensions: { code } }] })
      await outcomes.return(undefined)
    }
  })
})

it('shows a job to those who may read it, and to nobody else', async () => {
  await makeTeam(app, 'pit', { alice: 'MEMBER', bob: 'MEMBER' })
  const site = await publishSite(app, 'garage', ADMIN_TOKEN, { visibility: 'PRIVATE' })
  const input = { artifactId: site.id, emails: ['bob@example.org'], role: 'EDITOR' as const }
  await app.send(ADD_COLLABORATORS, { input })
  const [carol, dave] = [await signUp(app, 'carol'), await signUp(app, 'dave')]
  const people = [alice, bob, carol, dave, { token: ADMIN_TOKEN, handle: 'admin' }]
  const [own, ofTeam, shared, onSite, hidden] = [
    await makeJob(app, alice.token),
    await makeJob(app, bob.token),
    await makeJob(app, alice.token),
    await makeJob(app, ADMIN_TOKEN, { artifactId: site.id }),
    await makeJob(app, dave.token),
  ]
  const { shareJob, transferJob } = {
    shareJob:
      'mutation($id: ID!) { shareJob(input: { jobId: $id, principalHandle: "carol", level: 1 }) { __typename } }',
    transferJob: 'mutation($id: ID!) { transferJob(input: { jobId: $id, ownerHandle: "team:pit" }) { __typename } }',
  }
  await post(app, { query: shareJob, variables: { id: shared.id } }, alice.token)
  await post(app, { query: transferJob, variables: { id: ofTeam.id } }, bob.token)
  const jobs = [own, ofTeam, shared, onSite, hidden]
  for (const [index, { token, handle }] of people.entries()) {
    const node = index % 2 ? other : app
    const all = await watch(index % 2 ? sse : webSocket, { token, node })
    const one = await watch(webSocket, { jobId: jobs.find(({ id }) => id === shared.id)?.id ?? '', token, node })
    for (const { id } of jobs) await rename(id, `for ${handle}`, ADMIN_TOKEN)
    const last = await makeJob(app, token, { name: `of ${handle}` })
    await all.until({ id: last.id })
    const readable: string[] = []
    for (const { id } of jobs) if (await seen(id, token)) readable.push(id)
    const ids = new Set(all.shown.map(({ id }) => id))
    expect([...ids].sort(), handle).toEqual([...readable, last.id].sort())
    expect(one.shown.length > 0 || (await one.ended())?.errors?.[0]?.extensions.code === 'NOT_FOUND').toBe(true)
    expect(one.shown.length > 0, handle).toBe(readable.includes(shared.id))
    await all.leave()
    await one.leave()
  }
})

it('shows nothing more of a job to somebody who may read it no more', async () => {
  const { id } = await makeJob(app, alice.token, { name: 'ours' })
  const share = (level: number) =>
    app.send(
      CHANGE,
      {
        share: { jobId: id, principalHandle: 'bob', level },
        ...{ unshare: { jobId: id, principalHandle: 'bob' }, transfer: { jobId: id, ownerHandle: 'alice' } },
        ...{ stack: { stackId: 'none' }, shares: true },
      },
      { token: alice.token },
    )
  await share(1)
  const [one, all] = [await watch(sse, { jobId: id, token: bob.token }), await watch(webSocket, { token: bob.token })]
  await rename(id, 'still ours')
  for (const stream of [one, all]) await stream.until({ id, name: 'still ours' })
  await share(0)
  await rename(id, 'mine')
  const { id: own } = await makeJob(app, bob.token, { name: 'a later one' })
  await all.until({ id: own })
  await share(2)
  for (const stream of [one, all]) {
    await stream.until({ id, name: 'mine' })
    expect(stream.shown.filter(({ name }) => name === 'mine')).toHaveLength(1)
    await stream.leave()
  }
})

it('shows a job that its slot deletes, and one that ends with its last slot', async () => {
  const every = { schedule: { every: { seconds: 604_800 } } }
  const [leaving, ending] = [await makeJob(app, alice.token, every), await makeJob(app, alice.token, every)]
  const [one, other] = [await watch(sse, { jobId: leaving.id }), await watch(webSocket, { jobId: ending.id })]
  await query(app, 'update job set deletion_queued = true where id = $1', [uuid(leaving.id)])
  await query(app, DUE, [uuid(leaving.id)])
  expect((await one.ended())?.data?.jobChanged).toMatchObject({ deletedAt: expect.any(String) })
  await query(app, `update job set end_of_life = 'DISABLE', next_run_at = null where id = $1`, [uuid(ending.id)])
  await other.until({ enabled: false })
  await other.leave()
})

it('shows a draft to its maker who names it, and to nobody who watches all; it ends when the draft is gone', async () => {
  const { id } = await makeJob(app, alice.token)
  const draft = 'mutation($id: ID!) { editJob(input: { jobId: $id }) { ... on Job { id } } }'
  const { body } = await post(app, { query: draft, variables: { id } }, alice.token)
  const draftId = body.data.editJob.id
  const [one, all] = [await watch(sse, { jobId: draftId }), await watch(webSocket, {})]
  await rename(draftId, 'drafted')
  await one.until({ id: draftId, name: 'drafted' })
  const discard = 'mutation($id: ID!) { discardDraft(input: { jobId: $id }) { __typename } }'
  await post(app, { query: discard, variables: { id: draftId } }, alice.token)
  await one.ended()
  await rename(id, 'the job itself')
  await all.until({ id, name: 'the job itself' })
  expect(all.shown.map((job) => job.id)).toEqual([id])
  await all.leave()
})

describe('what was missed while the bus was away', () => {
  const CUT = `select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen runsheet' and datname = current_database()`

  it('is shown: what changed meanwhile, and of one job how it is now', async () => {
    const [quiet, changed, gone] = [
      await makeJob(app, alice.token),
      await makeJob(app, alice.token),
      await makeJob(app, alice.token),
    ]
    const { id: asleep } = await makeJob(app, bob.token)
    // Long enough ago to be no change of these minutes.
    await query(app, `update job set updated_at = now() - interval '1 hour' where id = $1`, [uuid(quiet.id)])
    const streams = [await watch(sse, { jobId: quiet.id }), await watch(sse, { jobId: gone.id })]
    const all = await watch(webSocket, {})
    await query(app, `update job set name = 'unheard', updated_at = now() where id = $1`, [uuid(changed.id)])
    await query(app, `update job set deleted_at = now() where id = $1`, [uuid(gone.id)])
    await query(app, `update job set name = 'unheard', updated_at = now() where id = $1`, [uuid(asleep)])
    await query(app, CUT)
    await streams[0]?.until({ id: quiet.id })
    expect((await streams[1]?.ended())?.data?.jobChanged).toMatchObject({ deletedAt: expect.any(String) })
    await expect
      .poll(() => all.shown)
      .toEqual(expect.arrayContaining([expect.objectContaining({ id: changed.id, name: 'unheard' })]))
    await expect
      .poll(() => all.shown)
      .toEqual(expect.arrayContaining([expect.objectContaining({ id: gone.id, deletedAt: expect.any(String) })]))
    expect(all.shown.filter(({ id }) => id === asleep)).toEqual([])
    await streams[0]?.leave()
    await all.leave()
  })
})

it('shows the last state of a job that changes 200 times in a burst, and no state behind it', async () => {
  const { id } = await makeJob(app, alice.token)
  const streams = [await watch(sse, { jobId: id }), await watch(webSocket, { node: other })]
  const client = new pg.Client(app.databaseUrl)
  await client.connect()
  for (let state = 1; state <= 200; state++) await client.query(STATE, [uuid(id), `state ${state}`])
  await client.end()
  for (const stream of streams) {
    await stream.until({ id, name: 'state 200' })
    const states = stream.shown.map(({ name }) => Number(name?.slice(6)))
    expect(states).toEqual([...states].sort((a, b) => a - b))
    await stream.leave()
  }
})

it('leaves nothing behind', async () => {
  for (const node of [app, other]) await expect.poll(() => streamsOf(node)).toBe(0)
})
