/** Owners, favorites and shares of jobs, in the way of Informer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, makeTeam, type Person, post, query, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

const WATCH = graphql(
  `subscription WatchSharedJobs($jobId: ID) { runEvents(jobId: $jobId) { __typename run { id job { id } } } }`,
)

let app: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
  await makeTeam(app, 'analytics', { ann: 'MEMBER' })
  await makeTeam(app, 'helpers', { bob: 'MEMBER' })
})
afterAll(() => app.stop())

const by = (who: () => string) => (route: string, body?: unknown) =>
  rest(app, route, { token: who(), ...(body !== undefined && { body }) })
const asAnn = by(() => ann.token)
const asBob = by(() => bob.token)
const asAdmin = by(() => ADMIN_TOKEN)
const ask = async (text: string, token = ann.token) => (await post(app, { query: text }, token)).body.data

const make = async (more: object = {}) => {
  const { status, body } = await asAnn('POST /api/jobs', { name: 'Report', type: 'api-call', ...more })
  expect([status, body.message]).toEqual([201, undefined])
  return body
}
const globalId = (uuid: string) => `job_${uuid.replaceAll('-', '')}`

describe('the owner', () => {
  it('is read by whoever may read the job, and changed to oneself or a team of one’s own', async () => {
    const { id } = await make({ interval: '0 8 * * *', intervalType: 'cron' })
    expect((await asAnn(`GET /api/jobs/${id}/owner`)).body).toEqual({ ownerId: 'ann' })
    const { status, body } = await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'team:analytics' })
    expect([status, body]).toEqual([200, { ownerId: 'team:analytics' }])
    const [row] = await query(
      app,
      'select s.owner_id = j.owner_id as same from job j join schedule s on s.id = j.schedule_id where j.id = $1',
      [id],
    )
    expect(row).toEqual({ same: true })
    expect((await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'analytics' })).body).toEqual({
      ownerId: 'team:analytics',
    })
    expect((await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'ann' })).body).toEqual({ ownerId: 'ann' })
    expect((await asAdmin(`PUT /api/jobs/${id}/owner`, { ownerId: 'bob' })).body).toEqual({ ownerId: 'bob' })
    expect((await asAnn(`GET /api/jobs/${id}/owner`)).status).toBe(404)
  })

  it('is nobody who is unknown, and nobody to whom one may not hand: nothing changes', async () => {
    const { id } = await make()
    for (const ownerId of ['nobody', '', 'team:ann', '\u0000', 7, null, undefined]) {
      const { status, body } = await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId })
      expect([status, body.message]).toEqual([400, expect.stringMatching(/^ownerId: /)])
    }
    expect((await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'bob' })).status).toBe(403)
    expect((await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'team:helpers' })).status).toBe(403)
    expect((await asAnn(`GET /api/jobs/${id}/owner`)).body).toEqual({ ownerId: 'ann' })
  })

  it('has no two jobs of one slug, also after a job changed hands', async () => {
    const [one, two] = [await make({ name: 'Same' }), await make({ name: 'Same' })]
    expect([one.slug, two.slug]).toEqual(['same', 'same-2'])
    await asAnn(`PUT /api/jobs/${one.id}/owner`, { ownerId: 'analytics' })
    const three = await make({ name: 'Same' })
    expect(three.slug).toBe('same')
    await asAnn(`PUT /api/jobs/${one.id}/owner`, { ownerId: 'ann' })
    const { slug } = (await asAnn(`GET /api/jobs/${one.id}`)).body
    expect(slug).toBe('same-3')
    expect((await asAnn(`GET /api/jobs/ann:${slug}`)).body.id).toBe(one.id)
  })

  it('must be one who could have the job: its datasets and its stack are of the old one', async () => {
    const { d } = await ask('mutation { d: createDataset(input: { name: "private" }) { ... on Dataset { id } } }')
    const { id } = await make()
    const alias = `mutation { a: updateJob(input: { jobId: "${globalId(id)}", actions: [{ webhook: { url: "https://a.example/" } }, { snapshot: { datasets: ["${d.id}"] } }] }) { __typename ... on Error { message } } }`
    expect((await ask(alias)).a).toEqual({ __typename: 'Job' })
    const refused = await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'analytics' })
    expect([refused.status, refused.body.message]).toEqual([409, expect.stringContaining('actions.1.snapshot')])
    await ask(
      `mutation { a: transferDataset(input: { datasetId: "${d.id}", ownerHandle: "analytics" }) { __typename } }`,
    )
    expect((await asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'analytics' })).status).toBe(200)
    const { s } = await ask(
      'mutation { s: createStack(input: { name: "s", actions: [{ webhook: { url: "https://a.example/" } }] }) { ... on Stack { id } } }',
    )
    const { j } = await ask(`mutation { j: createJob(input: { stackId: "${s.id}" }) { ... on Job { id } } }`)
    const { t } = await ask(
      `mutation { t: transferJob(input: { jobId: "${j.id}", ownerHandle: "analytics" }) { __typename ... on Error { code } } }`,
    )
    expect(t).toEqual({ __typename: 'ConflictError', code: 'NEW_OWNER' })
  })
})

it('a favorite is one’s own: read, set and taken back as often as one likes', async () => {
  const { id } = await make()
  const favorited = async (as = asAnn) => (await as(`GET /api/jobs/${id}/favorite`)).body
  expect(await favorited()).toEqual({ favorited: false })
  expect((await asAnn(`DELETE /api/jobs/${id}/favorite`)).status).toBe(204)
  for (let time = 0; time < 2; time++) {
    const { status, body } = await asAnn(`PUT /api/jobs/${id}/favorite`)
    expect([status, body]).toEqual([200, { favorited: true }])
  }
  expect(await favorited()).toEqual({ favorited: true })
  expect((await ask(`{ job(id: "${globalId(id)}") { favorited } }`)).job).toEqual({ favorited: true })
  const before = await countRows(app)
  for (const method of ['GET', 'PUT', 'DELETE']) {
    expect((await asBob(`${method} /api/jobs/${id}/favorite`)).status).toBe(404)
  }
  expect(await countRows(app)).toEqual(before)
  await asAnn(`PUT /api/jobs/${id}/shares/bob`, { accessLevel: 1 })
  expect(await favorited(asBob)).toEqual({ favorited: false })
  expect((await asAnn(`DELETE /api/jobs/${id}/favorite`)).status).toBe(204)
  expect(await favorited()).toEqual({ favorited: false })
})

describe('shares', () => {
  const put = (id: string, handle: string, body: unknown) => asAnn(`PUT /api/jobs/${id}/shares/${handle}`, body)

  it('are set, changed, listed by handle and taken back', async () => {
    const { id } = await make()
    expect((await asAnn(`GET /api/jobs/${id}/shares/bob`)).body).toEqual({ principalId: 'bob', accessLevel: 0 })
    expect((await put(id, 'bob', { accessLevel: 1 })).body).toEqual({ principalId: 'bob', accessLevel: 1 })
    expect((await put(id, 'bob', { accessLevel: 3 })).status).toBe(200)
    expect((await put(id, 'helpers', { accessLevel: 2 })).body).toEqual({ principalId: 'team:helpers', accessLevel: 2 })
    expect((await asBob(`GET /api/jobs/${id}/shares`)).body).toEqual({
      _links: { self: { href: `/api/jobs/${id}/shares` } },
      _embedded: {
        'inf:job-share': [
          { principalId: 'bob', accessLevel: 3 },
          { principalId: 'team:helpers', accessLevel: 2 },
        ],
      },
      ...{ start: 0, count: 2, total: 2 },
    })
    expect((await asAnn(`DELETE /api/jobs/${id}/shares/team:helpers`)).status).toBe(204)
    expect((await asAnn(`DELETE /api/jobs/${id}/shares/team:helpers`)).status).toBe(204)
    expect((await asBob(`PUT /api/jobs/${id}/shares/bob`, { accessLevel: 0 })).body).toEqual({
      principalId: 'bob',
      accessLevel: 0,
    })
    expect((await asBob(`GET /api/jobs/${id}`)).status).toBe(404)
  })

  it('are refused with the field at fault, and nothing changes', async () => {
    const { id } = await make()
    const before = await countRows(app)
    for (const accessLevel of [-1, 4, 1.5, '2', null, undefined]) {
      const { status, body } = await put(id, 'bob', { accessLevel })
      expect([status, body.message]).toEqual([400, expect.stringMatching(/^accessLevel: /)])
    }
    for (const handle of ['nobody', 'team:bob', 'ann', '%00']) {
      const { status, body } = await put(id, handle, { accessLevel: 1 })
      expect([handle, status, body.message]).toEqual([handle, 400, expect.stringMatching(/^principalId: /)])
    }
    expect((await asAnn(`GET /api/jobs/${id}/shares/nobody`)).status).toBe(400)
    expect(await countRows(app)).toEqual(before)
  })

  it('at level 2 are trust: the job says what they say, and acts with the rights of its owner', async () => {
    const { d } = await ask(
      'mutation { d: createDataset(input: { name: "of ann", slug: "of-ann" }) { ... on Dataset { id } } }',
    )
    const { id } = await make()
    await put(id, 'bob', { accessLevel: 2 })
    const change = await asBob(`PUT /api/jobs/${id}`, { type: 'dataset-refresh', data: { datasetId: 'of-ann' } })
    expect([change.status, change.body.ownerId]).toEqual([200, 'ann'])
    const steps = `[{ webhook: { url: "https://b.example/" } }, { snapshot: { datasets: ["${d.id}"] } }]`
    const { a } = await ask(
      `mutation { a: updateJob(input: { jobId: "${globalId(id)}", actions: ${steps} }) { ... on Job { owner { handle } } ... on Error { message } } }`,
      bob.token,
    )
    expect(a).toEqual({ owner: { handle: 'ann' } })
  })

  it('of level 2 let others say what a job works with: datasets of its owner, not their own', async () => {
    const { id } = await make()
    await put(id, 'bob', { accessLevel: 2 })
    await asAnn('POST /api/datasets', { name: 'Anns figures' })
    await asBob('POST /api/datasets', { name: 'Bobs figures' })
    const refused = await asBob(`POST /api/jobs/${id}/datasets`, { alias: 'x', datasetId: 'bob:bobs-figures' })
    expect([refused.status, refused.body.message]).toEqual([400, expect.stringMatching(/^datasetId: /)])
    expect((await asBob(`POST /api/jobs/${id}/datasets`, { alias: 'x', datasetId: 'ann:anns-figures' })).status).toBe(
      201,
    )
    expect((await asAnn(`GET /api/jobs/${id}`)).body).toMatchObject({
      ownerId: 'ann',
      _embedded: { 'inf:dataset': [{ alias: 'x' }] },
    })
  })

  it('that end, or a membership that does, end what is seen: no new stream, and no event in those of all jobs', async () => {
    const { id } = await make()
    await put(id, 'team:helpers', { accessLevel: 1 })
    const other = await make()
    await put(other.id, 'bob', { accessLevel: 1 })
    const stream = app.watch(WATCH, { jobId: null }, { token: bob.token })
    let isOpen = false
    const first = stream.next().finally(() => {
      isOpen = true
    })
    while (!isOpen) await asAnn(`POST /api/jobs/${id}`)
    expect((await first).value?.runEvents.run.job.id).toBe(globalId(id))
    const { r: last } = await ask(`mutation { r: runJob(input: { jobId: "${globalId(id)}" }) { ... on Run { id } } }`)
    for (let ended = false; !ended; ) {
      const { runEvents } = (await stream.next()).value ?? {}
      ended = runEvents?.__typename === 'RunFailed' && runEvents.run.id === last.id
    }
    await put(id, 'team:helpers', { accessLevel: 0 })
    const { r: hidden } = await ask(`mutation { r: runJob(input: { jobId: "${globalId(id)}" }) { ... on Run { id } } }`)
    const { r: shown } = await ask(
      `mutation { r: runJob(input: { jobId: "${globalId(other.id)}" }) { ... on Run { id } } }`,
    )
    for await (const { runEvents } of stream) {
      expect(runEvents.run.id).not.toBe(hidden.id)
      if (runEvents.run.id === shown.id) break
    }
    const named = app.watch(WATCH, { jobId: globalId(id) }, { token: bob.token })
    await expect(named.next()).rejects.toThrow('NOT_FOUND')
  })

  /** A stream of one job that is open, and has shown its first event. */
  async function opened(id: string, token: string) {
    const stream = app.watch(WATCH, { jobId: globalId(id) }, { token })
    let isOpen = false
    const first = stream.next().finally(() => {
      isOpen = true
    })
    while (!isOpen) await asAnn(`POST /api/jobs/${id}`)
    await first
    return stream
  }

  it('that ends keeps what happens meanwhile from a stream of the one job', async () => {
    const { id } = await make()
    await put(id, 'bob', { accessLevel: 1 })
    const run = async () =>
      (await ask(`mutation { r: runJob(input: { jobId: "${globalId(id)}" }) { ... on Run { id } } }`)).r.id
    const [bobs, anns] = [await opened(id, bob.token), await opened(id, ann.token)]
    const untilOver = async (stream: typeof bobs, runId: string) => {
      for (const seen: string[] = []; ; ) {
        const { runEvents } = (await stream.next()).value ?? {}
        seen.push(runEvents.run.id)
        if (runEvents.run.id === runId && runEvents.__typename === 'RunFailed') return seen
      }
    }
    await untilOver(bobs, await run())
    await put(id, 'bob', { accessLevel: 0 })
    const hidden = await run()
    await untilOver(anns, hidden)
    await put(id, 'bob', { accessLevel: 1 })
    expect(await untilOver(bobs, await run())).not.toContain(hidden)
    await Promise.all([bobs, anns].map((stream) => stream.return?.()))
  })

  it('through a team end the streams of whoever leaves it', async () => {
    const { token } = await signUp(app, 'eve')
    await makeTeam(app, 'passing', { eve: 'MEMBER' })
    const { id } = await make()
    await put(id, 'team:passing', { accessLevel: 1 })
    const stream = await opened(id, token)
    await ask('mutation { r: removeTeamMember(input: { team: "passing", member: "eve" }) { __typename } }', ADMIN_TOKEN)
    const all = async () => {
      for await (const _ of stream);
    }
    await expect(all()).rejects.toThrow('FORBIDDEN')
  })
})
