/** Drafts of jobs: made, edited, committed and thrown away, in the way of Informer and by GraphQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphql } from '../../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../../support/app.ts'
import {
  countRows,
  makeJob,
  makeStack,
  NOWHERE,
  type Person,
  post,
  publishSite,
  query,
  signUp,
} from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'

const DRAFT_FIELDS = graphql(`
  query DraftOfJob($id: ID!) {
    job(id: $id) { name draftOf { name } myDraft { id name } viewerPermissions { read edit run delete share } }
  }
`)

let app: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann', 'ann@example.org')
  bob = await signUp(app, 'bob', 'bob@example.org')
})
afterAll(() => app.stop())

const by =
  (who: () => Person) =>
  (route: string, body?: unknown, more: RestOptions = {}) =>
    rest(app, route, { token: who().token, ...(body !== undefined && { body }), ...more })
const asAnn = by(() => ann)
const asBob = by(() => bob)

const make = async (more: object = {}) => {
  const { status, body } = await asAnn('POST /api/jobs', { name: 'Report', type: 'api-call', ...more })
  expect([status, body.message]).toEqual([201, undefined])
  return body
}
const edit = async (id: string) => {
  const { status, body } = await asAnn(`POST /api/jobs/${id}/_edit`)
  expect([status, body.message]).toEqual([201, undefined])
  return body
}
const read = async (id: string) => (await asAnn(`GET /api/jobs/${id}`)).body
const commit = async (id: string) => {
  const { status, body } = await asAnn(`POST /api/jobs/${id}/_commit`)
  expect([status, body.message]).toEqual([200, undefined])
  return body
}
const share = (id: string, accessLevel: number, handle = 'bob') =>
  asAnn(`PUT /api/jobs/${id}/shares/${handle}`, { accessLevel })
const sqlRow = async (id: string) =>
  (await query<Record<string, unknown>>(app, 'select * from job where id = $1', [id]))[0]
/** As GraphQL names it. */
const jobId = (uuid: string) => `job_${uuid.replaceAll('-', '')}`
const mutate = async (name: string, input: object, token = ann.token, fields = '... on Job { id name }') => {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`
  const text = `mutation($input: ${type}!) { answer: ${name}(input: $input) { __typename ${fields} ... on Error { code message } } }`
  return (await post(app, { query: text, variables: { input } }, token)).body.data.answer
}

const HOURLY = { interval: '0 * * * *', intervalType: 'cron', timezone: 'UTC', enabled: true }
const WHOLE = {
  ...{ description: 'D', notes: 'N', source: 'erp', sourceId: '7', tags: ['sales'], ...HOURLY },
  ...{ startOn: '2020-01-01T00:00:00.000Z', endOn: '2999-01-01T00:00:00.000Z' },
  data: { url: 'https://example.org/', method: 'POST', headers: { 'x-secret': 's3cret' }, more: [1, null] },
}

describe('a draft', () => {
  it('is a copy of the job with another name, which never fires and says whose it is', async () => {
    const job = await make(WHOLE)
    const { status, headers, body: draft } = await asAnn(`POST /api/jobs/${job.id}/_edit`)
    expect([status, headers.get('location')]).toEqual([201, `/api/jobs/${draft.id}`])
    const { id: _id, _links, createdAt, updatedAt, ...same } = job
    expect(draft).toMatchObject({
      ...{ ...same, name: 'Report (Draft)', editingId: job.id, nextRunAt: null },
      permissions: { read: true, edit: true, delete: true, run: false },
    })
    expect(draft.id).not.toBe(job.id)
    expect(await read(draft.id)).toEqual(draft)
    expect((await asAnn(`GET /api/jobs/${job.id}/draft`)).body).toEqual(draft)
    expect(await read(job.id)).toEqual(job)
  })

  it('has all that Informer has no words for', async () => {
    const { id } = await make()
    const policies = {
      ...{ retry: { maxAttempts: 7, backoff: 'LINEAR', initialDelay: 3, maxDelay: 33, jitter: false, retryOn: 'ANY' } },
      ...{
        overlap: 'QUEUE_ONE',
        catchUp: 'ALL',
        catchUpWindow: 77,
        dstGap: 'SKIP',
        timeout: 9,
        spread: 5,
        priority: -3,
      },
      concurrency: { limit: 2, key: 'k' },
    }
    expect(await mutate('updateJob', { jobId: jobId(id), ...policies })).toMatchObject({ __typename: 'Job' })
    const draft = await edit(id)
    const [original, copy] = [await sqlRow(id), await sqlRow(draft.id)]
    const own = [
      'id',
      'number',
      'name',
      'draft_of_id',
      'draft_name',
      'version',
      'spread_offset_ms',
      'created_at',
      'updated_at',
    ]
    for (const column of Object.keys(original ?? {}).filter((each) => !own.includes(each))) {
      expect([column, copy?.[column]]).toEqual([column, original?.[column]])
    }
  })

  it('is one per user and job, however often and however many at once ask for it', async () => {
    const { id } = await make()
    await share(id, 2)
    const answers = await Promise.all(Array.from({ length: 6 }, () => asAnn(`POST /api/jobs/${id}/_edit`)))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1)
    const [first] = answers
    expect((await edit(first?.body.id)).id).toBe(first?.body.id)
    const { body: other } = await asBob(`POST /api/jobs/${id}/_edit`)
    expect(other).toMatchObject({ editingId: id, ownerId: 'bob' })
    expect(other.id).not.toBe(first?.body.id)
    expect((await asBob(`GET /api/jobs/${first?.body.id}`)).status).toBe(404)
    expect((await rest(app, `POST /api/jobs/${other.id}/_edit`)).status).toBe(409)
  })

  it('is in no list, and neither run nor shared, handed on or a favorite', async () => {
    const job = await make({ name: 'Only once in lists' })
    const { id } = await edit(job.id)
    const { body } = await post(app, { query: '{ jobs(filter: { search: "Only once" }) { totalCount } }' }, ann.token)
    expect(body.data.jobs.totalCount).toBe(1)
    const before = await countRows(app)
    const refused = await Promise.all([
      asAnn(`POST /api/jobs/${id}`),
      share(id, 1),
      asAnn(`PUT /api/jobs/${id}/owner`, { ownerId: 'ann' }),
      asAnn(`PUT /api/jobs/${id}/favorite`),
    ])
    expect(refused.map(({ status }) => status)).toEqual([409, 409, 409, 409])
    expect(await mutate('runJob', { jobId: jobId(id) }, ann.token, '')).toMatchObject({ code: 'DRAFT' })
    expect(await countRows(app)).toEqual(before)
  })

  it('is edited like a job, and schedules nothing', async () => {
    const job = await make(HOURLY)
    const { id } = await edit(job.id)
    const change = { interval: '*/5 * * * *', enabled: false, data: { url: 'https://example.com/' } }
    expect((await asAnn(`PUT /api/jobs/${id}`, change)).body).toMatchObject({ ...change, nextRunAt: null })
    expect((await asAnn(`PUT /api/jobs/${id}`, { enabled: true })).body).toMatchObject({
      enabled: true,
      nextRunAt: null,
    })
    expect(
      await query(app, `select 1 from domain_event where type = 'job.paused' and payload->'job'->>'id' = $1`, [
        jobId(id),
      ]),
    ).toEqual([])
    expect((await asAnn(`PUT /api/jobs/${id}`, { interval: 'every day' })).status).toBe(400)
    expect(await read(job.id)).toEqual(job)
  })

  it('is thrown away by its own id, with all that it had', async () => {
    const job = await make(WHOLE)
    const before = await countRows(app)
    const { id } = await edit(job.id)
    expect((await asAnn(`DELETE /api/jobs/${id}`)).status).toBe(204)
    expect(await countRows(app)).toEqual(before)
    expect((await asAnn(`GET /api/jobs/${job.id}/draft`)).status).toBe(404)
    expect((await edit(job.id)).id).not.toBe(id)
  })

  it('is made by whoever may edit the job: 403 to those who may read it, else 404', async () => {
    const { id } = await make()
    const before = await countRows(app)
    expect((await asBob(`POST /api/jobs/${id}/_edit`)).status).toBe(404)
    await share(id, 1)
    expect((await asBob(`POST /api/jobs/${id}/_edit`)).status).toBe(403)
    expect(await countRows(app)).toEqual({ ...before, share: (before.share ?? 0) + 1 })
  })

  it('has a name of at most 200 characters', async () => {
    const { id } = await make({ name: 'x'.repeat(200) })
    const draft = await edit(id)
    expect(draft.name).toBe(`${'x'.repeat(192)} (Draft)`)
    expect((await commit(draft.id)).name).toBe('x'.repeat(200))
  })
})

describe('a commit', () => {
  it('puts what the draft says in the place of what the job was, and the draft is gone', async () => {
    const job = await make(WHOLE)
    const { id } = await edit(job.id)
    const change = {
      ...{ description: 'New', notes: null, tags: ['other'], interval: '30 5 * * *', endOn: null },
      ...{ type: 'email', data: { to: ['ann@example.org'], subject: 'Hi', body: 'x', extra: true } },
    }
    const edited = (await asAnn(`PUT /api/jobs/${id}`, change)).body
    const committed = await commit(id)
    const { id: _id, name: _name, _links, createdAt, updatedAt, editingId, permissions, nextRunAt, ...said } = edited
    expect(committed).toMatchObject({
      ...said,
      id: job.id,
      name: 'Report',
      slug: job.slug,
      ownerId: 'ann',
      editingId: null,
    })
    expect(committed.data).toEqual(change.data)
    expect(Date.parse(committed.nextRunAt)).toBeGreaterThan(Date.now())
    expect(await read(job.id)).toEqual(committed)
    expect((await asAnn(`GET /api/jobs/${id}`)).status).toBe(404)
    const leftovers = `select (select count(*) from action where job_id = $1)::int + (select count(*) from job_tag where job_id = $1)::int as count`
    expect(await query(app, leftovers, [id])).toEqual([{ count: 0 }])
    const steps = await query(app, 'select kind, config from action where job_id = $1 order by position', [job.id])
    expect(steps).toMatchObject([{ kind: 'email', config: { recipients: ['ann@example.org'] } }])
    expect((await asAnn(`POST /api/jobs/${job.id}/_commit`)).status).toBe(404)
  })

  it('takes the id of the job, and a natural id', async () => {
    const job = await make({ name: 'By name' })
    await asAnn(`PUT /api/jobs/${(await edit(job.id)).id}`, { description: 'one' })
    expect(await commit(`ann:${job.slug}`)).toMatchObject({ id: job.id, description: 'one' })
    await asAnn(`PUT /api/jobs/${(await edit(job.id)).id}`, { description: 'two' })
    expect(await commit(job.id)).toMatchObject({ id: job.id, description: 'two' })
  })

  it('leaves a schedule that is the same as it was, and one that is another begins anew', async () => {
    const job = await make({ interval: '1 hour', intervalType: 'simple', enabled: true })
    const due = '2020-01-01T00:00:00.000Z'
    // So that nothing fires it meanwhile.
    await query(app, `update job set held_at = now(), next_run_at = $2 where id = $1`, [job.id, due])
    const { id } = await edit(job.id)
    await asAnn(`PUT /api/jobs/${id}`, { description: 'same' })
    const before = await sqlRow(job.id)
    await commit(id)
    const after = await sqlRow(job.id)
    expect([after?.next_run_at, after?.anchor]).toEqual([before?.next_run_at, before?.anchor])
    expect(after?.description).toBe('same')
    await query(app, `update job set held_at = null, next_run_at = now() + interval '1 hour' where id = $1`, [job.id])
    const again = await edit(job.id)
    await asAnn(`PUT /api/jobs/${again.id}`, { interval: '2 hours' })
    const changed = await commit(again.id)
    expect(changed.interval).toBe('2 hours')
    const slot = Date.parse(changed.nextRunAt) - Number(before?.anchor)
    expect(slot % 7_200_000).toBe(0)
    expect(
      await query(
        app,
        'select 1 from schedule where id not in (select schedule_id from job where schedule_id is not null)',
      ),
    ).toEqual([])
  })

  it('leaves steps that are the same their ids', async () => {
    const job = await make(WHOLE)
    const ids = () => query(app, 'select id from action where job_id = $1 order by position', [job.id])
    const before = await ids()
    await commit((await edit(job.id)).id)
    expect(await ids()).toEqual(before)
  })

  it('keeps the name unless the draft was given another, whatever the job is called meanwhile', async () => {
    const job = await make({ name: 'First' })
    const draft = await edit(job.id)
    await asAnn(`PUT /api/jobs/${job.id}`, { name: 'Renamed' })
    expect((await commit(draft.id)).name).toBe('Renamed')
    const second = await edit(job.id)
    await asAnn(`PUT /api/jobs/${second.id}`, { name: 'Third' })
    expect(await commit(second.id)).toMatchObject({ name: 'Third', slug: 'first' })
  })

  it('pauses and resumes the job as the draft says', async () => {
    const job = await make(HOURLY)
    const draft = await edit(job.id)
    await asAnn(`PUT /api/jobs/${draft.id}`, { enabled: false })
    expect(await commit(draft.id)).toMatchObject({ enabled: false, nextRunAt: null })
    const again = await edit(job.id)
    await asAnn(`PUT /api/jobs/${again.id}`, { enabled: true })
    expect(await commit(again.id)).toMatchObject({ enabled: true, nextRunAt: job.nextRunAt })
  })

  it('by somebody with whom it is shared leaves it its owner’s, with whose rights all of it is checked', async () => {
    const job = await make()
    await share(job.id, 2)
    const { body: draft } = await asBob(`POST /api/jobs/${job.id}/_edit`)
    expect((await asBob(`PUT /api/jobs/${draft.id}`, { data: { url: 'https://bob.example/' } })).status).toBe(200)
    expect((await asBob(`POST /api/jobs/${job.id}/_commit`)).body).toMatchObject({ id: job.id, ownerId: 'ann' })
    expect((await read(job.id)).data).toEqual({ url: 'https://bob.example/' })
  })

  it('needs the right to edit at that moment, and so does editing a draft', async () => {
    const job = await make()
    await share(job.id, 2)
    const { body: draft } = await asBob(`POST /api/jobs/${job.id}/_edit`)
    await share(job.id, 1)
    const before = await sqlRow(job.id)
    const count = await countRows(app)
    expect((await asBob(`POST /api/jobs/${draft.id}/_commit`)).status).toBe(403)
    expect((await asBob(`PUT /api/jobs/${draft.id}`, { data: { a: 1 } })).status).toBe(403)
    await share(job.id, 0)
    expect((await asBob(`POST /api/jobs/${draft.id}/_commit`)).status).toBe(404)
    expect(await sqlRow(job.id)).toEqual(before)
    expect(await countRows(app)).toEqual({ ...count, share: (count.share ?? 0) - 1 })
    expect((await asBob(`DELETE /api/jobs/${draft.id}`)).status).toBe(204)
  })

  it('goes with its job', async () => {
    const job = await make()
    const draft = await edit(job.id)
    await asAnn(`DELETE /api/jobs/${job.id}`)
    const before = await countRows(app)
    expect((await asAnn(`POST /api/jobs/${draft.id}/_commit`)).status).toBe(404)
    expect((await asAnn(`PUT /api/jobs/${draft.id}`, { name: 'x' })).status).toBe(404)
    expect(await countRows(app)).toEqual(before)
    expect((await sqlRow(job.id))?.deleted_at).not.toBeNull()
  })

  it('of two at once one wins, and the other finds no draft', async () => {
    const job = await make()
    const draft = await edit(job.id)
    await asAnn(`PUT /api/jobs/${draft.id}`, { description: 'once' })
    const answers = await Promise.all([1, 2, 3].map(() => asAnn(`POST /api/jobs/${draft.id}/_commit`)))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses[0]).toBe(200)
    expect(statuses.slice(1).every((status) => status === 404 || status === 409)).toBe(true)
    expect(await read(job.id)).toMatchObject({ description: 'once' })
  })
})

describe('by GraphQL', () => {
  it('a job shows its draft, a draft its job, and what may be done with each', async () => {
    const { id } = await makeJob(app, ann.token, { name: 'Plain' })
    const draft = await mutate('editJob', { jobId: id })
    const seen = async (which: string, token = ann.token) =>
      (await app.send(DRAFT_FIELDS, { id: which }, { token })).data.job
    const all = { read: true, edit: true, run: true, delete: true, share: true }
    expect(await seen(id)).toEqual({
      ...{ name: 'Plain', draftOf: null, myDraft: { id: draft.id, name: 'Plain (Draft)' }, viewerPermissions: all },
    })
    expect(await seen(draft.id)).toEqual({
      ...{ name: 'Plain (Draft)', draftOf: { name: 'Plain' }, myDraft: null },
      viewerPermissions: { ...all, run: false, share: false },
    })
    expect(await seen(id, ADMIN_TOKEN)).toMatchObject({ myDraft: null })
  })

  it('drafts of jobs of every kind are edited and committed: with artifact, event, steps and stack', async () => {
    const { id: artifactId } = await publishSite(app, 'of-ann', ann.token)
    const { id: stackId } = await makeStack(app, ann.token)
    const { id } = await makeJob(app, ann.token, { artifactId, eventType: 'order.paid', actions: [NOWHERE, NOWHERE] })
    const fields = '... on Job { id name eventType artifact { id } stack { id } actions { name config } enabled }'
    const draft = await mutate('editJob', { jobId: id }, ann.token, fields)
    expect(draft).toMatchObject({ name: '(Draft)', eventType: 'order.paid', artifact: { id: artifactId } })
    await mutate('updateJob', { jobId: draft.id, stackId, eventType: 'order.sent' })
    expect(await mutate('commitJob', { jobId: draft.id }, ann.token, fields)).toMatchObject({
      ...{
        id,
        name: null,
        eventType: 'order.sent',
        stack: { id: stackId },
        artifact: { id: artifactId },
        enabled: true,
      },
    })
    const again = await mutate('editJob', { jobId: id })
    expect(
      (await post(app, { query: `{ stack(id: "${stackId}") { jobs { totalCount } } }` }, ann.token)).body.data.stack,
    ).toEqual({
      jobs: { totalCount: 1 },
    })
    await mutate('updateJob', { jobId: id, actions: [NOWHERE] })
    expect(await mutate('deleteStack', { stackId }, ann.token, '')).toMatchObject({ __typename: 'Stack' })
    expect(await mutate('commitJob', { jobId: again.id })).toMatchObject({ code: 'CONFLICT' })
    await mutate('updateJob', { jobId: again.id, actions: [NOWHERE, NOWHERE, NOWHERE] })
    expect((await mutate('commitJob', { jobId: id }, ann.token, fields)).actions).toHaveLength(3)
  })

  it('an event does not start a draft, and a deleted artifact tells nobody that it was paused', async () => {
    const { id: artifactId } = await publishSite(app, 'going', ann.token)
    const { id } = await makeJob(app, ann.token, { artifactId, eventType: 'order.made' })
    const draft = await mutate('editJob', { jobId: id })
    await mutate('emitEvent', { type: 'order.made', artifactId }, ann.token, '')
    const ran = `select job_id::text as job from run where job_id = any($1::uuid[])`
    const uuid = (each: string) => each.replace('job_', '')
    await expect.poll(() => query(app, ran, [[uuid(id), uuid(draft.id)]]), { timeout: 10_000 }).toHaveLength(1)
    await mutate('deleteArtifact', { artifactId }, ann.token, '')
    const told = await query(
      app,
      `select payload->'job'->>'id' as id from domain_event where type = 'job.paused' and artifact_id = $1`,
      [artifactId.replace('art_', '')],
    )
    expect(told).toEqual([{ id }])
  })

  it('a draft is thrown away by its id or that of its job', async () => {
    const { id } = await makeJob(app, ann.token)
    for (const which of ['draft', 'job'] as const) {
      const draft = await mutate('editJob', { jobId: id })
      expect(await mutate('discardDraft', { jobId: which === 'job' ? id : draft.id })).toMatchObject({ id: draft.id })
      expect(await mutate('discardDraft', { jobId: id })).toMatchObject({ code: 'NOT_FOUND' })
    }
  })

  it('what the owner of an artifact commits to the job of an editor is the owner’s from then on', async () => {
    const { id: artifactId } = await publishSite(app, 'shared-site', ann.token)
    await mutate('addCollaborators', { artifactId, emails: ['bob@example.org'], role: 'EDITOR' }, ann.token, '')
    const { id } = await makeJob(app, bob.token, { artifactId, name: 'of bob' })
    const owner = '... on Job { description owner { handle } }'
    const harmless = await mutate('editJob', { jobId: id })
    await mutate('updateJob', { jobId: harmless.id, description: 'said' })
    expect(await mutate('commitJob', { jobId: id }, ann.token, owner)).toMatchObject({
      description: 'said',
      owner: { handle: 'bob' },
    })
    const draft = await mutate('editJob', { jobId: id })
    await mutate('updateJob', { jobId: draft.id, actions: [NOWHERE, NOWHERE] })
    expect(await mutate('commitJob', { jobId: id }, ann.token, owner)).toMatchObject({ owner: { handle: 'ann' } })
  })
})
