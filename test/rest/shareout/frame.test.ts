/** What is the same for every call of the dialect, beside what all dialects share. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { rest } from '../../support/rest.ts'

describe('the frame of ShareOut', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await createTestApp()
  })
  afterAll(() => app.stop())

  it('answers in its own form where there is nothing', async () => {
    const { status, body } = await rest(app, 'GET /v1/nothing')
    expect([status, body]).toMatchObject([404, { error: 'There is nothing at /v1/nothing' }])
    expect((await rest(app, 'GET /v1/jobs//logs')).status).toBe(404)
    expect((await fetch(`${app.url}/v1x`).then((each) => each.json())).success).toBeUndefined()
  })

  it('is open to pages of other origins, with keys that make a request safe to send again', async () => {
    const response = await fetch(`${app.url}/v1/jobs`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
    })
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    expect(response.headers.get('access-control-allow-headers')).toContain('X-Idempotency-Key')
    const asked = await rest(app, 'GET /v1/nothing', { headers: { origin: 'https://a.example' } })
    expect(asked.headers.get('access-control-expose-headers')).toContain('X-Idempotent-Replayed')
  })
})
