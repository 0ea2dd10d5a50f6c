/** What is the same for every call of the dialect: its errors, its limits, who may call it from where. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { rest } from '../../support/rest.ts'

describe('the frame of ShareOut', () => {
  let app: TestApp

  beforeAll(async () => {
    app = await createTestApp({ MAX_BODY_BYTES: '2048' })
  })
  afterAll(() => app.stop())

  it('answers in its own form where there is nothing', async () => {
    const { status, body, headers } = await rest(app, 'GET /v1/nothing')
    expect([status, body]).toEqual([
      404,
      {
        success: false,
        error: 'There is nothing at /v1/nothing',
        code: 'NOT_FOUND',
        request_id: headers.get('x-request-id'),
      },
    ])
    expect((await rest(app, 'GET /v1/jobs//logs')).status).toBe(404)
    expect((await fetch(`${app.url}/v1x`).then((each) => each.json())).success).toBeUndefined()
  })

  it('refuses a body that is too large, whether its length is announced or not', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(3000) })
    const announced = await rest(app, 'POST /v1/anything', { body: large })
    const parts = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(large))
        controller.close()
      },
    })
    const chunked = await fetch(`${app.url}/v1/anything`, {
      method: 'POST',
      body: parts,
      duplex: 'half',
    } as RequestInit)
    for (const { status, body } of [announced, { status: chunked.status, body: await chunked.json() }]) {
      expect([status, body.success, body.code]).toEqual([413, false, 'STORAGE_LIMIT_EXCEEDED'])
      expect(body.error).toContain('2048 bytes')
    }
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

  it('publishes what it takes and answers as an OpenAPI document, and no other', async () => {
    const { status, body } = await rest(app, 'GET /openapi/shareout.json', { token: null })
    expect([status, body.openapi, body.servers]).toEqual([200, '3.1.0', [{ url: app.url }]])
    expect((await fetch(`${app.url}/openapi/other.json`)).status).toBe(404)
  })

  it('refuses a token that is not valid', async () => {
    const { status, body, headers } = await rest(app, 'GET /v1/nothing', { token: 'rst_wrong' })
    expect([status, body.code, headers.get('www-authenticate')]).toEqual([401, 'UNAUTHORIZED', 'Bearer'])
  })
})
