/** Jobs as clients of ShareOut make, change, run and read them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, makeJob, type Person, publishSite, query, signUp } from '../../support/people.ts'
import { deferred, startReceiver } from '../../support/receiver.ts'
import { type RestOptions, rest } from '../../support/rest.ts'
import { costOf, withStatements } from '../../support/statements.ts'

describe('jobs of ShareOut', () => {
  let app: TestApp
  let ann: Person
  let bob: Person
  let artifact: string

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    bob = await signUp(app, 'bob')
    artifact = (await publishSite(app, 'demo', ann.token, { name: 'The Demo' })).id
  })
  afterAll(() => app.stop())

  const call = (route: string, options: RestOptions = {}) => rest(app, route, { token: ann.token, ...options })
  const weekly = (more: object = {}) => ({
    artifact_id: artifact,
    action: 'email',
    schedule: '0 9 * * 1',
    config: { recipients: ['team@company.com'], subject: 'Weekly report', includeArtifactLink: true },
    ...more,
  })
  const hooked = (url: string, more: object = {}) => ({
    artifact_id: artifact,
    action: 'webhook',
    schedule: '0 9 * * 1',
    config: { url, ...more },
  })
  const make = async (body: object, token = ann.token) => {
    const made = await call('POST /v1/jobs', { body, token })
    expect([made.status, made.body.error]).toEqual([201, undefined])
    return made.body
  }

  it('are made on an artifact of one’s own by two statements, of which one writes it all', async () => {
    await make(weekly())
    const { answer, statements } = await withStatements((headers) => call('POST /v1/jobs', { body: weekly(), headers }))
    expect(answer.status).toBe(201)
    expect(costOf(statements)).toEqual({ statements: 2, writes: 1 })
    expect((await call(`GET /v1/jobs/${answer.body.id}`)).body).toEqual(answer.body)
  })

  it('are told what is wrong with their artifact before what is wrong with the rest', async () => {
    const wrong = { config: { recipients: ['nobody'] } }
    const { id: hidden } = await publishSite(app, 'hidden', bob.token, { visibility: 'PRIVATE' })
    const { id: open } = await publishSite(app, 'open', bob.token)
    const refusal = async (more: object) => {
      const { status, body } = await call('POST /v1/jobs', { body: weekly({ ...wrong, ...more }) })
      return [status, body.param]
    }
    expect(await refusal({})).toEqual([400, expect.stringMatching(/^config\./)])
    for (const artifact_id of [hidden, open]) expect(await refusal({ artifact_id })).toEqual([400, 'artifact_id'])
  })

  it('are made with the defaults of the dialect, and answered at the top and under `job`', async () => {
    const { job, ...top } = await make({ ...weekly(), title: 'Report', description: 'Each Monday', unknown: 1 })
    expect(job).toEqual(top)
    const now = Math.floor(Date.now() / 1000)
    expect(top).toMatchObject({
      artifact_id: artifact,
      owner_id: ann.id,
      action: 'email',
      trigger_type: 'cron',
      schedule: '0 9 * * 1',
      event_type: null,
      config: weekly().config,
      title: 'Report',
      description: 'Each Monday',
      enabled: true,
      last_run_at: null,
      last_status: null,
      last_error: null,
      retry_count: 0,
      retry_config: { maxAttempts: 1, backoffType: 'fixed', initialDelay: 300 },
      max_attempts: 1,
    })
    expect(top.id).toMatch(/^job_[0-9a-f]{32}$/)
    const next = new Date(top.next_run_at * 1000)
    expect([next.getUTCDay(), next.getUTCHours(), next.getUTCMinutes()]).toEqual([1, 9, 0])
    expect(top.next_run_at).toBeGreaterThan(now)
    expect(Math.abs(top.created_at - now)).toBeLessThan(60)
    const [row] = await query(app, `select surface, jitter, retry_on, retry_slots_only from job where name = 'Report'`)
    expect(row).toEqual({ surface: 'SHAREOUT', jitter: false, retry_on: 'ANY', retry_slots_only: true })
    expect((await call(`GET /v1/jobs/${top.id}`)).body).toEqual({ ...top, job: top })
  })

  it('have a null next_run_at when an event starts them', async () => {
    const body = weekly({ trigger_type: 'event', event_type: 'artifact.updated', schedule: '0 9 * * 1' })
    expect(await make(body)).toMatchObject({
      trigger_type: 'event',
      schedule: null,
      event_type: 'artifact.updated',
      next_run_at: null,
    })
  })

  it('bring retries into their range, and refuse a backoff that they do not know', async () => {
    const retry_config = { maxAttempts: 99, backoffType: 'linear', initialDelay: 1 }
    expect((await make(weekly({ retry_config }))).retry_config).toEqual({
      ...retry_config,
      maxAttempts: 10,
      initialDelay: 60,
    })
    const zero = { maxAttempts: 0, initialDelay: 9999 }
    expect((await make(weekly({ retry_config: zero }))).retry_config).toEqual({
      maxAttempts: 1,
      backoffType: 'fixed',
      initialDelay: 3600,
    })
    const unknown = await call('POST /v1/jobs', { body: weekly({ retry_config: { backoffType: 'random' } }) })
    expect([unknown.status, unknown.body.code, unknown.body.param]).toEqual([
      400,
      'INVALID_REQUEST',
      'retry_config.backoffType',
    ])
  })

  const configs: [string, object][] = [
    ['email', { recipients: ['a@example.org'], body: '<p>Hi {{name}}</p>', replyTo: 'b@example.org' }],
    ['email', { recipients: ['a@example.org'], subject: 'x', text: 'y', includeArtifactContent: false }],
    ['webhook', { url: 'https://example.org/hook' }],
    [
      'webhook',
      { url: 'https://example.org/hook', method: 'POST', headers: { 'x-a': 'b' }, includeArtifactData: true },
    ],
    ['webhook', { url: 'https://example.org/hook', method: 'GET', includeArtifactData: false }],
    ['http_get', { url: 'https://example.org/', headers: {} }],
    ['slack', { webhookUrl: 'https://example.org/s', channel: '#a', iconEmoji: ':tada:', customMessage: '{{ no }}' }],
    ['discord', { webhookUrl: 'https://example.org/d', embedTitle: 'T', embedColor: '#2f855a', customMessage: 'm' }],
    ['materialize', { source: { url: 'https://example.org/rows.csv' }, target: { name: 'sales' } }],
    ['materialize', { source: { url: 'https://example.org/rows.csv' }, target: { name: 'sales' }, mode: 'append' }],
  ]
  it.each(configs)('give a configuration of %s back as it was given, %j', async (action, config) => {
    const { id } = await make(weekly({ action, config }))
    expect((await call(`GET /v1/jobs/${id}`)).body).toMatchObject({ action, config })
    const again = await call(`PATCH /v1/jobs/${id}`, { body: { config } })
    expect([again.status, again.body.config]).toEqual([200, config])
  })

  const bad: [string, object, string][] = [
    ['no artifact', { artifact_id: undefined }, 'artifact_id'],
    ['an artifact that is not there', { artifact_id: 'art_abc123' }, 'artifact_id'],
    ['an unknown action', { action: 'sms' }, 'action'],
    ['no schedule', { schedule: undefined }, 'schedule'],
    ['a name in the schedule', { schedule: '0 9 * * MON' }, 'schedule'],
    ['a 7 for Sunday', { schedule: '0 9 * * 7' }, 'schedule'],
    ['six fields', { schedule: '0 0 9 * * 1' }, 'schedule'],
    ['a minute that is none', { schedule: '60 9 * * 1' }, 'schedule'],
    ['a schedule that never comes', { schedule: '0 0 31 2 *' }, 'schedule'],
    ['an event job without an event', { trigger_type: 'event' }, 'event_type'],
    ['an unknown event', { trigger_type: 'event', event_type: 'run.failed' }, 'event_type'],
    ['an unknown trigger', { trigger_type: 'manual' }, 'trigger_type'],
    ['no configuration', { config: undefined }, 'config'],
    ['no recipients', { config: { recipients: [], subject: 'x' } }, 'config.recipients'],
    ['plain http', { action: 'webhook', config: { url: 'http://example.org/' } }, 'config.url'],
    ['plain http for Slack', { action: 'slack', config: { webhookUrl: 'http://example.org/' } }, 'config.webhookUrl'],
    ['a private address', { action: 'http_get', config: { url: 'https://10.0.0.1/' } }, 'config.url'],
    [
      'a header that breaks out',
      { action: 'http_get', config: { url: 'https://e.org/', headers: { a: 'b\r\nc: d' } } },
      'config.headers.a',
    ],
    [
      'a mode that is none',
      { action: 'materialize', config: { source: { url: 'https://e.org/' }, target: { name: 'a' }, mode: 'merge' } },
      'config.mode',
    ],
    ['a title that is too long', { title: 'x'.repeat(201) }, 'title'],
    ['a description that is too long', { description: 'x'.repeat(1001) }, 'description'],
  ]
  it.each(bad)('refuse %s, and make nothing', async (_, more, param) => {
    const before = await countRows(app)
    const { status, body } = await call('POST /v1/jobs', { body: weekly(more) })
    expect([status, body.success, body.code, body.param]).toEqual([400, false, 'INVALID_REQUEST', param])
    expect(await countRows(app)).toEqual(before)
    await make(weekly())
  })

  it('name the actions that there are when one is unknown', async () => {
    const { body } = await call('POST /v1/jobs', { body: weekly({ action: 'sms' }) })
    for (const action of ['email', 'webhook', 'http_get', 'slack', 'discord', 'materialize'])
      expect(body.error).toContain(action)
  })

  it.each([
    ['{"artifact_id": ', 400, 'INVALID_JSON'],
    ['', 400, 'INVALID_JSON'],
    ['[]', 400, 'INVALID_REQUEST'],
    ['null', 400, 'INVALID_REQUEST'],
    ['"text"', 400, 'INVALID_REQUEST'],
  ])('refuse the body %s', async (text, status, code) => {
    const answer = await call('POST /v1/jobs', { body: text })
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('take a body that does not say that it is JSON, and refuse one that says it is something else', async () => {
    const send = (type: string) =>
      call('POST /v1/jobs', { body: weekly(), headers: { 'content-type': type } }).then(({ status }) => status)
    expect(await send('application/json; charset=utf-8')).toBe(201)
    expect(await send('text/plain')).toBe(415)
    const silent = await fetch(`${app.url}/v1/jobs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ann.token}` },
      body: Buffer.from(JSON.stringify(weekly())),
    })
    expect(silent.status).toBe(201)
  })

  it('ask for a token, before anything else, and know which methods there are', async () => {
    for (const route of ['POST /v1/jobs', 'GET /v1/jobs', 'GET /v1/jobs/job_x', 'POST /v1/jobs/job_x/run']) {
      const { status, body } = await call(route, { token: null })
      expect([status, body.code], route).toEqual([401, 'UNAUTHORIZED'])
    }
    const { status, body, headers } = await call('DELETE /v1/jobs')
    expect([status, body.code, headers.get('allow')]).toEqual([405, 'METHOD_NOT_ALLOWED', 'GET, POST'])
  })

  it('are changed field by field; a configuration as a whole; null clears', async () => {
    const { id, next_run_at } = await make(weekly({ title: 'Old', description: 'Old' }))
    const change = (body: unknown, method = 'PATCH') => call(`${method} /v1/jobs/${id}`, { body })
    expect((await change({ title: null, description: 'New' })).body).toMatchObject({
      title: null,
      description: 'New',
      next_run_at,
    })
    expect((await change({ schedule: '30 8 * * 2' }, 'PUT')).body.job).toMatchObject({
      schedule: '30 8 * * 2',
      description: 'New',
    })
    expect((await change({ config: { recipients: ['x@example.org'], subject: 'y' } })).body.config).toEqual({
      recipients: ['x@example.org'],
      subject: 'y',
    })
    expect((await change({ enabled: false })).body).toMatchObject({ enabled: false, next_run_at: null })
    const resumed = (await change({ enabled: true, schedule: '0 7 * * 3' })).body
    expect(resumed).toMatchObject({ enabled: true, schedule: '0 7 * * 3' })
    expect(new Date(resumed.next_run_at * 1000).getUTCHours()).toBe(7)
  })

  it.each([
    [{}],
    [{ unknown: 1 }],
    [{ enabled: 'yes' }],
    [{ schedule: null }],
    [{ schedule: '0 9 * * SUN', enabled: false }],
    [{ config: { recipients: [] }, title: 'New' }],
    [{ title: 'x'.repeat(201), enabled: false }],
  ])('stay as they are when the change %j is no good', async (body) => {
    const { job } = await make(weekly())
    const { status, body: answer } = await call(`PATCH /v1/jobs/${job.id}`, { body })
    expect([status, answer.code]).toEqual([400, 'INVALID_REQUEST'])
    expect((await call(`GET /v1/jobs/${job.id}`)).body.job).toEqual(job)
  })

  it('are run at once and waited for, though they fail or are paused, and stay due when they were', async () => {
    let status = 200
    const receiver = await startReceiver((response) => response.writeHead(status).end('no'))
    const { id, next_run_at } = await make(hooked(receiver.url))
    const { body } = await call(`POST /v1/jobs/${id}/run`)
    expect(body).toEqual({
      message: 'Job executed successfully',
      execution: {
        success: true,
        job_id: id,
        execution_id: expect.stringMatching(/^log_[0-9a-f]{32}$/),
        status: 'success',
        duration_ms: expect.any(Number),
      },
    })
    expect(JSON.parse(receiver.calls[0]?.body ?? '')).toEqual({
      artifact_id: artifact,
      artifact_name: 'The Demo',
      artifact_url: `${app.url}/a/demo/`,
      triggered_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    await call(`PATCH /v1/jobs/${id}`, { body: { enabled: false } })
    status = 503
    const failed = await call(`POST /v1/jobs/${id}/run`)
    expect(failed.status).toBe(200)
    expect(failed.body.execution).toMatchObject({
      success: false,
      status: 'failed',
      error: expect.stringContaining('503'),
    })
    expect(receiver.calls).toHaveLength(2)
    const { job } = (await call(`PATCH /v1/jobs/${id}`, { body: { enabled: true } })).body
    expect(job).toMatchObject({ next_run_at, last_status: 'failed', retry_count: 0 })
    expect(job.last_error).toContain('503')
    const { logs } = (await call(`GET /v1/jobs/${id}/logs`)).body
    expect(logs.map((log: { status: string }) => log.status)).toEqual(['failed', 'success'])
    expect(logs[1]).toEqual({
      id: body.execution.execution_id,
      created_at: expect.any(Number),
      status: 'success',
      duration_ms: body.execution.duration_ms,
      error: null,
    })
  })

  it('send the documents of the artifact when they are asked for, and no body with GET', async () => {
    const uuid = artifact.slice(4)
    for (const [key, value] of [
      ['settings', { dark: true }],
      ['note', 'a "quoted" {{ text }}'],
    ] as const) {
      await query(app, 'insert into json_document (artifact_id, key, value) values ($1::uuid, $2, $3::jsonb)', [
        uuid,
        key,
        JSON.stringify(value),
      ])
    }
    const receiver = await startReceiver()
    const { id } = await make(hooked(receiver.url, { includeArtifactData: true }))
    await call(`POST /v1/jobs/${id}/run`)
    expect(JSON.parse(receiver.calls[0]?.body ?? '').data).toEqual({
      settings: { dark: true },
      note: 'a "quoted" {{ text }}',
    })
    const get = await make(hooked(receiver.url, { method: 'GET', includeArtifactData: true }))
    await call(`POST /v1/jobs/${get.id}/run`)
    expect(receiver.calls[1]).toMatchObject({ method: 'GET', body: '' })
  })

  it('go on when whoever waits for their run leaves', async () => {
    const asked = deferred()
    const answered = deferred()
    const receiver = await startReceiver(async (response) => {
      asked.resolve()
      await answered.promise
      response.end('ok')
    })
    const { id } = await make(hooked(receiver.url))
    const leaving = new AbortController()
    const waiting = fetch(`${app.url}/v1/jobs/${id}/run`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ann.token}` },
      signal: leaving.signal,
    })
    await asked.promise
    leaving.abort()
    await expect(waiting).rejects.toThrow()
    answered.resolve()
    const second = await call(`POST /v1/jobs/${id}/run`)
    expect(second.body.execution.status).toBe('success')
    expect((await call(`GET /v1/jobs/${id}/logs`)).body.logs).toHaveLength(2)
  })

  it('close the connection of whoever waits when the node stops, and the run goes on', async () => {
    const node = await createTestApp()
    const { id: on } = await publishSite(node, 'demo', ADMIN_TOKEN)
    const asked = deferred()
    const receiver = await startReceiver(() => asked.resolve())
    const made = await rest(node, 'POST /v1/jobs', { body: { ...hooked(receiver.url), artifact_id: on } })
    const waiting = rest(node, `POST /v1/jobs/${made.body.id}/run`).then(
      () => 'answered',
      () => 'closed',
    )
    await asked.promise
    await node.stop()
    expect(await waiting).toBe('closed')
    const runs = await query<{ status: string }>(node, 'select status from run')
    expect(runs.map(({ status }) => status)).toEqual(['QUEUED'])
  })

  it('are made once, however often a request with a key is sent', async () => {
    const headers = { 'Idempotency-Key': 'make-it' }
    const before = await countRows(app)
    const sent = await Promise.all(Array.from({ length: 20 }, () => call('POST /v1/jobs', { body: weekly(), headers })))
    const made = sent.filter(({ status }) => status === 201)
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1)
    expect(
      new Set(sent.filter(({ status }) => status !== 201).map(({ status, body }) => `${status} ${body.code}`)),
    ).toEqual(new Set(made.length === 20 ? [] : ['409 CONFLICT']))
    expect((await countRows(app)).job).toBe((before.job ?? 0) + 1)
    const again = await call('POST /v1/jobs', { body: { other: true }, headers: { 'X-Idempotency-Key': 'make-it' } })
    expect([again.status, again.headers.get('x-idempotent-replayed'), again.body]).toEqual([201, 'true', made[0]?.body])
    const wrong = await call('POST /v1/jobs', { body: weekly(), headers: { 'Idempotency-Key': 'x'.repeat(256) } })
    expect([wrong.status, wrong.body.code]).toEqual([400, 'INVALID_REQUEST'])
    const failing = { 'Idempotency-Key': 'failing' }
    expect((await call('POST /v1/jobs', { body: {}, headers: failing })).status).toBe(400)
    expect((await call('POST /v1/jobs', { body: weekly(), headers: failing })).status).toBe(201)
  })

  it('are listed to their owners, the newest first, and all on an artifact to its owner and editors', async () => {
    const { id: other } = await publishSite(app, 'other', ann.token)
    const first = await make(weekly({ artifact_id: other }))
    const second = await make(weekly({ artifact_id: other }))
    await makeJob(app, ann.token, { artifactId: other })
    const { jobs } = (await call(`GET /v1/jobs?artifact_id=${other}`)).body
    expect(jobs.map((job: { id: string }) => job.id)).toEqual([second.id, first.id])
    expect((await call('GET /v1/jobs')).body.jobs.slice(0, 2)).toEqual(jobs)
    expect((await call(`GET /v1/jobs?artifact_id=${other}`, { token: bob.token })).body).toEqual({ jobs: [] })
    expect((await call('GET /v1/jobs?artifact_id=nothing')).body).toEqual({ jobs: [] })
  })

  it('are not there for strangers, and those of other APIs are not there at all', async () => {
    const { id } = await make(weekly())
    const graphqlJob = await makeJob(app, ann.token, { artifactId: artifact })
    for (const [job, token] of [
      [id, bob.token],
      [graphqlJob.id, ann.token],
      ['job_x', ann.token],
      [artifact, ann.token],
    ]) {
      for (const [route, body] of [
        ['GET /v1/jobs/', undefined],
        ['PATCH /v1/jobs/', { enabled: false }],
        ['DELETE /v1/jobs/', undefined],
      ] as const) {
        const answer = await call(`${route}${job}`, { token: token ?? null, body })
        expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND'])
      }
    }
    expect(await call(`DELETE /v1/jobs/${id}`).then(({ status, body }) => [status, body])).toEqual([
      200,
      { success: true },
    ])
    expect((await call(`GET /v1/jobs/${id}`)).status).toBe(404)
  })
})
