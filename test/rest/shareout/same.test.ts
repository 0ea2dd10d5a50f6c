/** What is asked for by REST and by GraphQL in the same words is stored as the same. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { makeJob, type Person, publishSite, query, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

const JOB = `select name, description, owner_id, created_by_id, artifact_id, trigger, event_type, enabled, start_on, end_on,
    overlap, catch_up, catch_up_window, dst_gap, timeout_seconds, spread, priority, concurrency_limit, version,
    s.kind, s.expression, s.dialect, s.timezone, s.interval_seconds,
    (select jsonb_agg(jsonb_build_object('kind', a.kind, 'name', a.name, 'config', a.config - 'given')) from action a where a.job_id = j.id) as actions
  from job j left join lateral (select kind, expression, dialect, timezone, interval_seconds from schedule where id = j.schedule_id) s on true
  where j.id = $1::uuid`

const ARTIFACT = `select a.name, a.visibility, a.access_policy, a.agent, v.version_no, v.entrypoint, v.mobile_digest, v.pwa,
    v.file_count, v.size_bytes,
    (select jsonb_agg(jsonb_build_object('path', f.path, 'mime', f.mime, 'digest', f.digest) order by f.path) from version_file f where f.version_id = v.id) as files
  from artifact a join artifact_version v on v.artifact_id = a.id where a.id = $1::uuid order by v.version_no desc limit 1`

const words = fc
  .string({ minLength: 1, maxLength: 20 })
  .filter((text) => text.trim() === text && !/[\p{Cc}{]/u.test(text) && text.isWellFormed())
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const http = fc.record({
  url: fc
    .webUrl({ validSchemes: ['https'], withQueryParameters: true })
    .filter((url) => /^https:\/\/[a-z-]+\.[a-z]+(\/|$)/.test(url)),
  headers: fc.dictionary(fc.constantFrom('x-one', 'x-two'), fc.constantFrom('1', 'two words'), {
    noNullPrototype: true,
  }),
})
/** The same action as clients of both write it. */
const actions = fc.oneof(
  http.map((config) => ({ action: 'http_get', config, input: { httpGet: config } })),
  http.map((config) => {
    const both = { ...config, method: 'GET' as const }
    return { action: 'webhook', config: both, input: { webhook: both } }
  }),
  fc
    .record({ subject: maybe(words), text: words, includeArtifactLink: maybe(fc.boolean()) })
    .map(({ subject, ...rest }) => {
      const config = { recipients: ['a@example.org'], subject: subject ?? 'x', ...rest }
      return { action: 'email', config, input: { email: config } }
    }),
  fc.record({ customMessage: words, channel: maybe(words) }).map((rest) => {
    const config = { webhookUrl: 'https://hooks.example.org/x', ...rest }
    return { action: 'slack', config, input: { slack: config } }
  }),
)
const cron = fc
  .tuple(
    fc.nat(59),
    fc.nat(23),
    fc.constantFrom('*', '1-5', '*/10', '1,15'),
    fc.constantFrom('*', '1', '*/2'),
    fc.nat(6),
  )
  .map((fields) => fields.join(' '))

describe('REST and GraphQL', () => {
  let app: TestApp
  let ann: Person
  let artifact: string

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    artifact = (await publishSite(app, 'demo', ann.token)).id
  })
  afterAll(() => app.stop())

  const stored = async (text: string, id: string) => (await query(app, text, [id.replace(/^\w+_/, '')]))[0]

  it('store the same job', async () => {
    const jobs = fc.record({ action: actions, expression: cron, title: maybe(words), event: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(jobs, async ({ action: { action, config, input }, expression, title, event }) => {
        const body = {
          ...{ artifact_id: artifact, action, config, title },
          ...(event ? { trigger_type: 'event', event_type: 'artifact.updated' } : { schedule: expression }),
        }
        const made = await rest(app, 'POST /v1/jobs', { token: ann.token, body })
        expect(made.body.error).toBeUndefined()
        const by = await makeJob(app, ann.token, {
          ...{ artifactId: artifact, name: title ?? null, actions: [input] as never },
          ...(event ? { eventType: 'artifact.updated' } : { schedule: { cron: { expression, timezone: 'UTC' } } }),
        })
        expect(await stored(JOB, made.body.id)).toEqual(await stored(JOB, by.id))
      }),
      { numRuns: 25 },
    )
  })

  it('store the same artifact', async () => {
    const publications = fc.record({
      name: words,
      visibility: maybe(fc.constantFrom('public', 'unlisted', 'private')),
      content: fc.string({ unit: 'grapheme' }).filter((text) => text.isWellFormed()),
      bytes: fc.uint8Array(),
      mobile: maybe(words),
      short: maybe(fc.constantFrom('App', 'x')),
      agent: maybe(fc.record({ maxTokens: fc.integer({ min: 1, max: 100 }), systemPrompt: words })),
    })
    let count = 0
    await fc.assert(
      fc.asyncProperty(publications, async ({ name, visibility, content, bytes, mobile, short, agent }) => {
        count++
        const base64 = Buffer.from(bytes).toString('base64')
        const body = {
          ...{ name, visibility, agent, slug: `r-${count}`, mobile_html: mobile },
          pwa: short && { enabled: true, short_name: short },
          files: [
            { path: 'index.html', content },
            { path: 'a/b.bin', content: base64, encoding: 'base64' },
          ],
        }
        const made = await rest(app, 'POST /v1/publish', { token: ann.token, body })
        expect(made.body.error).toBeUndefined()
        const by = await publishSite(app, `g-${count}`, ann.token, {
          name,
          ...(visibility && { visibility: visibility.toUpperCase() as 'PUBLIC' }),
          ...(agent && { agent }),
          ...(mobile !== undefined && { mobileHtml: mobile }),
          ...(short && { pwa: { enabled: true, shortName: short } }),
          files: [
            { path: 'index.html', content },
            { path: 'a/b.bin', content: base64, encoding: 'BASE64' },
          ],
        })
        expect(await stored(ARTIFACT, made.body.artifact.id)).toEqual(await stored(ARTIFACT, by.id))
      }),
      { numRuns: 25 },
    )
  })
})
