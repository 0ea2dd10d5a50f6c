/** The examples of ShareOut's own documentation: with another address and a token they work as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { type Person, publishSite, signUp } from '../../support/people.ts'

const CREATE_JOB =
  '{"artifact_id":"art_abc123","action":"email","trigger_type":"cron","schedule":"0 9 * * 1","config":{"recipients":["team@company.com"],"subject":"Weekly report","includeArtifactLink":true}}'

const CREATE_JOB_BY_CURL =
  '{ "artifact_id": "art_abc123", "action": "email", "trigger_type": "cron", "schedule": "0 9 * * 1", "config": { "recipients": [ "team@company.com" ], "subject": "Weekly report", "includeArtifactLink": true } }'

const PUBLISH =
  '{ "name": "My App", "slug": "my-app", "entrypoint": "index.html", "visibility": "public", "files": [ { "path": "index.html", "content": "<!DOCTYPE html><h1>Hello</h1>", "mime": "text/html", "encoding": "utf8" } ] }'

const PUBLISH_MINIMAL = `{
"name": "My App",
"slug": "my-app",
"entrypoint": "index.html",
"visibility": "public",
"files": [
{
"path": "index.html",
"content": "<!DOCTYPE html><h1>Hello</h1>",
"mime": "text/html",
"encoding": "utf8"
}
]
}`

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

  it.each([CREATE_JOB, CREATE_JOB_BY_CURL])('creates a job: %s', async (text) => {
    const { id } = await publishSite(app, 'reported', ann.token)
    const { status, data } = await send('/v1/jobs', text.replace('art_abc123', id))
    expect(status).toBe(201)
    const types = Object.keys(JOB).map((key) => [key, typeof data[key]])
    expect(Object.fromEntries(types)).toEqual(JOB)
    expect([data.event_type, data.last_run_at, data.last_status]).toEqual([null, null, null])
    expect(data).toMatchObject(JSON.parse(text.replace('art_abc123', id)))
    expect([data.next_run_at, data.created_at].every(Number.isInteger)).toBe(true)
  })

  it('refuses the job of an artifact that is not there as an invalid request', async () => {
    const { status, data } = await send('/v1/jobs', CREATE_JOB)
    expect([status, data]).toEqual([
      400,
      expect.objectContaining({ success: false, error: expect.any(String), code: 'INVALID_REQUEST' }),
    ])
  })

  it('creates a job that an event starts', async () => {
    const { id } = await publishSite(app, 'event-driven', ann.token)
    const example = { action: 'email', trigger_type: 'cron', event_type: 'artifact.updated' }
    const config = { recipients: ['team@company.com'], subject: 'It changed' }
    const body = { ...example, trigger_type: 'event', artifact_id: id, config }
    const { status, data } = await send('/v1/jobs', JSON.stringify(body))
    expect([status, data.event_type, data.next_run_at]).toEqual([201, 'artifact.updated', null])
  })

  it('publishes an artifact, and a new version when the same is sent again', async () => {
    for (const [index, text] of [PUBLISH, PUBLISH_MINIMAL].entries()) {
      const { status, data } = await send('/v1/publish', text)
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

  it('answers errors in its form: invalid, not signed in, taken', async () => {
    const bob = await signUp(app, 'bob')
    const answers = [
      await send('/v1/publish', '{}'),
      await send('/v1/publish', PUBLISH, null),
      await send('/v1/publish', PUBLISH, bob.token),
    ]
    expect(answers.map(({ status, data }) => [status, data.success, typeof data.error, data.code])).toEqual([
      [400, false, 'string', 'VALIDATION_ERROR'],
      [401, false, 'string', 'UNAUTHORIZED'],
      [409, false, 'string', 'SLUG_TAKEN'],
    ])
  })
})
