/** Publishing as clients of ShareOut do it, and what they do with artifacts afterwards. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, makeJob, type Person, publishSite, query, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'

const POLICY = { version: 1, field: 'region', default: 'deny', rules: [] }

describe('publishing by ShareOut', () => {
  let app: TestApp
  let ann: Person
  let bob: Person

  beforeAll(async () => {
    app = await createTestApp({ MAX_FILE_BYTES: '1000', MAX_VERSION_BYTES: '1500', MAX_VERSION_FILES: '5' })
    ann = await signUp(app, 'ann')
    bob = await signUp(app, 'bob')
  })
  afterAll(() => app.stop())

  const call = (route: string, options: RestOptions = {}) => rest(app, route, { token: ann.token, ...options })
  const site = (slug: string, more: object = {}) => ({
    name: 'My App',
    slug,
    files: [{ path: 'index.html', content: '<!DOCTYPE html><h1>Hello</h1>' }],
    ...more,
  })
  const publish = async (slug: string, more: object = {}, token = ann.token) => {
    const answer = await call('POST /v1/publish', { body: site(slug, more), token })
    expect([answer.status, answer.body.error]).toEqual([201, undefined])
    return answer.body
  }
  const read = async (id: string) => (await call(`GET /v1/artifacts/${id}`)).body

  it('makes an artifact, and new versions of it under the same slug', async () => {
    const first = await publish('versions')
    expect(first).toEqual({
      artifact: { id: expect.stringMatching(/^art_[0-9a-f]{32}$/) },
      version: { id: expect.stringMatching(/^ver_[0-9a-f]{32}$/), version_no: 1 },
      deployment: { slug: 'versions', url: `${app.url}/a/versions/` },
    })
    const second = await publish('versions', { files: [{ path: 'index.html', content: 'two', size_bytes: 'ignored' }] })
    expect([second.artifact, second.version.version_no]).toEqual([first.artifact, 2])
    expect(await fetch(`${second.deployment.url}?_raw`).then((each) => each.text())).toContain('two')
  })

  it('makes a slug of the name when there is none', async () => {
    const { deployment } = await publish('', { slug: undefined, name: '  Ünsere  App 7! ' })
    expect(deployment.slug).toBe('nsere-app-7')
    expect((await publish('', { slug: null, name: '日本' })).deployment.slug).toBe('artifact')
  })

  it('takes base64, media types and other entrypoints', async () => {
    const files = [
      { path: 'start.html', content: 'start' },
      { path: 'img/dot.bin', content: '/wD+', encoding: 'base64', mime: 'image/x-dot' },
    ]
    const { artifact } = await publish('files', { entrypoint: 'start.html', files })
    const answer = await call(`GET /v1/artifacts/${artifact.id}/files`)
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        artifact_id: artifact.id,
        files: [
          { path: 'img/dot.bin', mime: 'image/x-dot', content: '/wD+', encoding: 'base64', size_bytes: 3 },
          { path: 'start.html', mime: 'text/html', content: 'start', encoding: 'utf8', size_bytes: 5 },
        ],
      },
    ])
  })

  it('has a mobile page and an app when they are asked for, and drops them when they are omitted', async () => {
    const more = { mobile_html: '<p>small</p>', pwa: { enabled: true, short_name: 'App' } }
    const { deployment, pwa } = await publish('phone', more)
    expect(deployment.mobile_url).toBe(`${app.url}/a/phone/?v=mobile`)
    expect(Object.keys(pwa).sort()).toEqual(['installable', 'manifest_url', 'service_worker_url'])
    expect(pwa.installable).toBe(false)
    expect(await fetch(pwa.service_worker_url).then(({ status }) => status)).toBe(200)
    const manifest = await fetch(pwa.manifest_url).then((each) => each.json())
    expect(manifest).toMatchObject({ name: 'My App', short_name: 'App' })
    const omitted = await publish('phone', { pwa: { enabled: false } })
    expect([omitted.deployment.mobile_url, omitted.pwa]).toEqual([undefined, undefined])
  })

  it('keeps who sees it, its policy and its agent when they are omitted', async () => {
    const { artifact } = await publish('kept', {
      visibility: 'private',
      access_policy: POLICY,
      agent: { systemPrompt: 'Hi' },
    })
    await publish('kept')
    expect((await read(artifact.id)).visibility).toBe('private')
    await publish('kept', { agent: { maxTokens: 10 } })
    const stored = () => query(app, `select access_policy as policy, agent from artifact where slug = 'kept'`)
    expect(await stored()).toEqual([
      {
        policy: POLICY,
        agent: expect.objectContaining({
          enabled: true,
          systemPrompt: 'Hi',
          maxTokens: 10,
          temperature: 0.7,
          contextJson: true,
        }),
      },
    ])
    await publish('kept', { agent: null, access_policy: null, visibility: 'unlisted' })
    expect(await stored()).toEqual([{ policy: null, agent: null }])
  })

  const file = (path: string, more: object = {}) => ({
    files: [
      { path: 'index.html', content: '' },
      { path, content: 'x', ...more },
    ],
  })
  const bad: [string, object, number, string, string][] = [
    ['no name', { name: undefined }, 400, 'VALIDATION_ERROR', 'name'],
    ['an empty name', { name: ' ' }, 400, 'VALIDATION_ERROR', 'name'],
    ['no files', { files: undefined }, 400, 'VALIDATION_ERROR', 'files'],
    ['an empty list of files', { files: [] }, 400, 'VALIDATION_ERROR', 'files'],
    ['a slug with capitals', { slug: 'My-App' }, 400, 'VALIDATION_ERROR', 'slug'],
    ['a slug that breaks out', { slug: '../x' }, 400, 'VALIDATION_ERROR', 'slug'],
    ['a slug that is too long', { slug: 'x'.repeat(51) }, 400, 'VALIDATION_ERROR', 'slug'],
    ['the slug of a version', { slug: 'app--v2' }, 400, 'VALIDATION_ERROR', 'slug'],
    ['an entrypoint that is not there', { entrypoint: 'other.html' }, 400, 'VALIDATION_ERROR', 'entrypoint'],
    ['a path that breaks out', file('../x'), 400, 'VALIDATION_ERROR', 'files.1.path'],
    ['a path from the root', file('/etc/passwd'), 400, 'VALIDATION_ERROR', 'files.1.path'],
    ['a path with a backslash', file('a\\b'), 400, 'VALIDATION_ERROR', 'files.1.path'],
    ['a path that is there twice', file('index.html'), 400, 'VALIDATION_ERROR', 'files.1.path'],
    ['a media type that breaks out', file('a', { mime: 'text/html\r\nx: y' }), 400, 'VALIDATION_ERROR', 'files.1.mime'],
    ['an unknown encoding', file('a', { encoding: 'hex' }), 400, 'VALIDATION_ERROR', 'files.1.encoding'],
    [
      'base64 that is none',
      file('a', { encoding: 'base64', content: '!' }),
      400,
      'VALIDATION_ERROR',
      'files.1.content',
    ],
    ['an unknown visibility', { visibility: 'secret' }, 400, 'VALIDATION_ERROR', 'visibility'],
    [
      'a short name that is too long',
      { pwa: { enabled: true, short_name: 'x'.repeat(13) } },
      400,
      'VALIDATION_ERROR',
      'pwa.short_name',
    ],
    ['an icon that is a script', { pwa: { enabled: true, icon: 'javascript:1' } }, 400, 'VALIDATION_ERROR', 'pwa.icon'],
    ['an empty mobile page', { mobile_html: '' }, 400, 'VALIDATION_ERROR', 'mobile_html'],
    ['a policy that is none', { access_policy: { version: 2 } }, 400, 'INVALID_ACCESS_POLICY', 'access_policy.version'],
    ['an agent that is too hot', { agent: { temperature: 9 } }, 400, 'VALIDATION_ERROR', 'agent.temperature'],
    [
      'a file that is too large',
      file('a', { content: 'x'.repeat(1001) }),
      413,
      'STORAGE_LIMIT_EXCEEDED',
      'files.1.content',
    ],
    [
      'files that are too large together',
      { files: ['index.html', 'b'].map((path) => ({ path, content: 'x'.repeat(800) })) },
      413,
      'STORAGE_LIMIT_EXCEEDED',
      'files',
    ],
    [
      'too many files',
      { files: ['index.html', 1, 2, 3, 4, 5].map((path) => ({ path: `${path}`, content: '' })) },
      413,
      'STORAGE_LIMIT_EXCEEDED',
      'files',
    ],
  ]
  it.each(bad)('refuses %s, and changes nothing', async (_, more, status, code, param) => {
    const before = await countRows(app)
    const answer = await call('POST /v1/publish', { body: site('refused', more) })
    expect([answer.status, answer.body.success, answer.body.code, answer.body.param]).toEqual([
      status,
      false,
      code,
      param,
    ])
    expect(await countRows(app)).toEqual(before)
  })

  it('refuses what is no JSON and who is nobody', async () => {
    expect((await call('POST /v1/publish', { body: '{"name": "My' })).body.code).toBe('INVALID_JSON')
    const anonymous = await call('POST /v1/publish', { body: site('nobody'), token: null })
    expect([anonymous.status, anonymous.body.code]).toEqual([401, 'UNAUTHORIZED'])
  })

  it('keeps a slug for whoever has it', async () => {
    await publish('taken')
    const { status, body } = await call('POST /v1/publish', { body: site('taken'), token: bob.token })
    expect([status, body.code]).toEqual([409, 'SLUG_TAKEN'])
  })

  it('publishes once, however often a request with a key is sent', async () => {
    const headers = { 'X-Idempotency-Key': 'once' }
    const sent = await Promise.all(
      Array.from({ length: 20 }, () => call('POST /v1/publish', { body: site('once'), headers })),
    )
    const codes = new Set(sent.map(({ status, body }) => body.code ?? status))
    expect([...codes].filter((code) => code !== 'CONFLICT')).toEqual([201])
    const again = await call('POST /v1/publish', { body: site('once', { name: 'Other' }), headers })
    expect([again.status, again.body.version.version_no, again.headers.get('x-idempotent-replayed')]).toEqual([
      201,
      1,
      'true',
    ])
    expect(
      (await call('POST /v1/publish', { body: site('once'), headers: { 'Idempotency-Key': 'other' } })).body.version
        .version_no,
    ).toBe(2)
  })

  it('shows artifacts to those whose they are, page by page', async () => {
    const carl = await signUp(app, 'carl')
    for (const slug of ['c-1', 'c-2', 'c-3']) await publish(slug, {}, carl.token)
    const list = async (search: string) => (await call(`GET /v1/artifacts${search}`, { token: carl.token })).body
    const all = await list('')
    expect([all.total, all.has_more, all.artifacts.map((each: { slug: string }) => each.slug)]).toEqual([
      3,
      false,
      ['c-3', 'c-2', 'c-1'],
    ])
    expect(all.artifacts[0]).toEqual({
      id: expect.stringMatching(/^art_/),
      ...{ name: 'My App', slug: 'c-3', visibility: 'public', description: null, version_no: 1 },
      url: `${app.url}/a/c-3/`,
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
    })
    const page = await list('?limit=1&offset=1')
    expect([page.has_more, page.artifacts]).toEqual([true, [all.artifacts[1]]])
    for (const search of ['?limit=0', '?limit=1001', '?limit=x', '?offset=-1']) {
      expect((await call(`GET /v1/artifacts${search}`)).body.code, search).toBe('VALIDATION_ERROR')
    }
  })

  it('changes what is said of an artifact', async () => {
    const { artifact } = await publish('changed')
    const change = (body: object, token = ann.token) => call(`PATCH /v1/artifacts/${artifact.id}`, { body, token })
    const { body } = await change({
      name: 'New',
      description: 'What it is',
      visibility: 'unlisted',
      access_policy: POLICY,
    })
    expect(body).toMatchObject({ name: 'New', description: 'What it is', visibility: 'unlisted' })
    expect((await change({ access_policy: { version: 2 } })).body.code).toBe('INVALID_ACCESS_POLICY')
    expect((await change({})).body.code).toBe('VALIDATION_ERROR')
    expect((await change({ name: 'x'.repeat(201) })).body).toMatchObject({ code: 'VALIDATION_ERROR', param: 'name' })
    expect((await change({ name: 'Bob was here' }, bob.token)).body.code).toBe('FORBIDDEN')
    expect(await read(artifact.id)).toEqual(body)
    await change({ visibility: 'private' })
    expect((await change({ name: 'Bob was here' }, bob.token)).status).toBe(404)
  })

  it('deletes an artifact and brings it back, and its jobs stop', async () => {
    const { artifact } = await publish('gone')
    await makeJob(app, ann.token, { artifactId: artifact.id })
    expect((await call(`DELETE /v1/artifacts/${artifact.id}`, { token: bob.token })).status).toBe(403)
    const { status, body } = await call(`DELETE /v1/artifacts/${artifact.id}`)
    expect([status, body]).toEqual([
      200,
      {
        success: true,
        deleted: artifact.id,
        deleted_at: expect.any(Number),
        recoverable_until: body.deleted_at + 30 * 86_400,
        retention_days: 30,
        restore_url: `${app.url}/v1/artifacts/${artifact.id}/restore`,
      },
    ])
    expect((await call(`GET /v1/artifacts/${artifact.id}`)).body.code).toBe('NOT_FOUND')
    expect(await query(app, 'select enabled from job where artifact_id = $1::uuid', [artifact.id.slice(4)])).toEqual([
      { enabled: false },
    ])
    expect((await fetch(`${app.url}/a/gone/`)).status).toBe(404)
    const taken = await call('POST /v1/publish', { body: site('gone'), token: bob.token })
    expect([taken.status, taken.body.code]).toEqual([409, 'SLUG_TAKEN'])
    const restored = await call(`POST ${body.restore_url.slice(app.url.length)}`)
    expect([restored.status, restored.body]).toEqual([200, await read(artifact.id)])
    await call(`DELETE /v1/artifacts/${artifact.id}`)
    expect((await publish('gone')).artifact).toEqual(artifact)
  })

  it('lists versions and reads the files of each', async () => {
    const { artifact } = await publish('history', { files: [{ path: 'index.html', content: 'one' }] })
    await publish('history', { files: [{ path: 'index.html', content: 'two' }] })
    const { versions } = (await call(`GET /v1/artifacts/${artifact.id}/versions`)).body
    expect(versions.map(({ version_no, live }: { version_no: number; live: boolean }) => [version_no, live])).toEqual([
      [2, true],
      [1, false],
    ])
    const contentOf = async (search: string) =>
      (await call(`GET /v1/artifacts/${artifact.id}/files${search}`)).body.files?.[0].content
    expect([await contentOf(''), await contentOf('?version=1')]).toEqual(['two', 'one'])
    expect((await call(`GET /v1/artifacts/${artifact.id}/files?version=9`)).body.code).toBe('NOT_FOUND')
    expect((await call(`GET /v1/artifacts/${artifact.id}/files?version=x`)).body.code).toBe('VALIDATION_ERROR')
  })

  it('hides private artifacts from strangers, whatever they ask', async () => {
    const { id } = await publishSite(app, 'hidden', ann.token, { visibility: 'PRIVATE' })
    for (const route of ['GET ', 'DELETE '])
      expect((await call(`${route}/v1/artifacts/${id}`, { token: bob.token })).status).toBe(404)
    for (const part of ['versions', 'files']) {
      expect((await call(`GET /v1/artifacts/${id}/${part}`, { token: bob.token })).status).toBe(404)
      expect((await call(`GET /v1/artifacts/${id}/${part}`)).status).toBe(200)
    }
    for (const given of ['x', '%00', `job_${id.slice(4)}`, '..%2fjobs']) {
      expect((await call(`GET /v1/artifacts/${given}`)).body.code, given).toBe('NOT_FOUND')
    }
  })
})
