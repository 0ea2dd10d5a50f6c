/** The examples of ShareOut's own documentation: with another address and a token they work as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { alike, example, fixture } from '../../support/fixtures.ts'
import { type Person, publishSite, signUp } from '../../support/people.ts'

/** Fields of a job, by their types. */
const JOB = {
  id: 'string',
  artifact_id: 'string',
  action: 'string',
  trigger_type: 'string',
  schedule: 'string',
  config: 'object',
  enabled: 'boolean',
  next_run_at: 'number',
  created_at: 'number',
}

describe('the documentation of ShareOut', () => {
  let app: TestApp
  let ann: Person

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
  })
  afterAll(() => app.stop())

  const send = async (path: string, body: string, token: string | null = ann.token) => {
    const headers = { ...(token && { Authorization: `Bearer ${token}` }), 'Content-Type': 'application/json' }
    const response = await fetch(app.url + path, { method: 'POST', headers, body })
    return { status: response.status, data: await response.json() }
  }

  it.each(['shareout/create-job.fetch.json', 'shareout/create-job.curl.json', 'shareout/create-job.weekly-email.json'])(
    'creates a job: %s',
    async (name) => {
      const text = fixture(name)
      const { id } = await publishSite(app, 'reported', ann.token)
      const { status, data } = await send('/v1/jobs', text.replace('art_abc123', id))
      expect(status).toBe(201)
      const types = Object.keys(JOB).map((key) => [key, typeof data[key]])
      expect(Object.fromEntries(types)).toEqual(JOB)
      expect([data.event_type, data.last_run_at, data.last_status]).toEqual([null, null, null])
      expect(data).toMatchObject(JSON.parse(text.replace('art_abc123', id)))
      expect([data.next_run_at, data.created_at].every(Number.isInteger)).toBe(true)
    },
  )

  it('refuses the job of an artifact that is not there as an invalid request', async () => {
    const { status, data } = await send('/v1/jobs', fixture('shareout/create-job.fetch.json'))
    const expected = { ...example('shareout/create-job.invalid.json'), code: 'INVALID_REQUEST' }
    expect([status, data]).toEqual([400, expect.objectContaining({ ...expected, error: expect.any(String) })])
  })

  it('creates a job that an event starts', async () => {
    const { id } = await publishSite(app, 'event-driven', ann.token)
    // The example was generated: no job is started by a schedule that it does not have and by an event.
    const shown = { ...example('shareout/create-job.answer.json'), trigger_type: 'event' }
    const config = { recipients: ['team@company.com'], subject: 'It changed' }
    const { status, data } = await send('/v1/jobs', JSON.stringify({ ...shown, artifact_id: id, config }))
    expect([status, data]).toEqual([201, expect.objectContaining({ ...shown, next_run_at: null })])
  })

  it('publishes an artifact, and a new version when the same is sent again', async () => {
    for (const [index, name] of ['shareout/publish.curl.json', 'shareout/publish.minimal.json'].entries()) {
      const { status, data } = await send('/v1/publish', fixture(name))
      expect(status).toBe(201)
      expect(data).toEqual({
        artifact: { id: expect.any(String) },
        version: { id: expect.any(String), version_no: index + 1 },
        deployment: { slug: 'my-app', url: `${app.url}/a/my-app/` },
      })
      const page = await fetch(`${data.deployment.url}?_raw`)
      expect([page.status, await page.text()]).toEqual([200, '<!DOCTYPE html><h1>Hello</h1>'])
    }
  })

  it('answers with all addresses of an artifact that has them', async () => {
    const body = {
      ...example('shareout/publish.minimal.json'),
      slug: 'all',
      mobile_html: '<p>',
      pwa: { enabled: true },
    }
    const { status, data } = await send('/v1/publish', JSON.stringify(body))
    expect([status, data]).toEqual([201, alike(example('shareout/publish.answer.json'))])
  })

  it('answers errors in its form: invalid, not signed in, taken', async () => {
    const bob = await signUp(app, 'bob')
    const published = fixture('shareout/publish.curl.json')
    await send('/v1/publish', published)
    const answers = [
      await send('/v1/publish', '{}'),
      await send('/v1/publish', published, null),
      await send('/v1/publish', published, bob.token),
    ]
    const told = (name: string, code: string) =>
      expect.objectContaining({ ...example(name), error: expect.any(String), code })
    expect(answers.map(({ status, data }) => [status, data])).toEqual([
      [400, told('shareout/publish.invalid.json', 'VALIDATION_ERROR')],
      [401, told('shareout/publish.unauthorized.json', 'UNAUTHORIZED')],
      [409, told('shareout/publish.conflict.json', 'SLUG_TAKEN')],
    ])
  })
})
