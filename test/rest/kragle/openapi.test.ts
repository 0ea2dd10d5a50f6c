/** The document of the dialect, beside what all documents share: true of what clients send, enclosed or not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { flawsOf, type OpenApi, openApiOf } from '../../support/openapi.ts'
import { makeStack, type Person, query, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

describe('the OpenAPI document of Kragle', () => {
  let app: TestApp
  let ann: Person
  let document: OpenApi

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    document = await openApiOf(app, 'kragle')
  })
  afterAll(() => app.stop())

  it('says that all is below /api/v1 too', () => {
    expect(document).toMatchObject({ servers: [{ url: app.url }, { url: `${app.url}/api/v1` }] })
  })

  it('fits what is sent and what is answered', async () => {
    const { token } = ann
    const operation = (route: string) => {
      const [method = '', path = ''] = route.toLowerCase().split(' ')
      return document.paths[path]?.[method]
    }
    const auth = { username: 'ann', password: token }
    /** Sends a body to a route and compares both with the document, also enclosed with a login where it may be. */
    async function check(route: string, id: number | null, body?: object) {
      const known = operation(route)
      if (body) {
        expect(flawsOf(document, known?.requestBody, body), route).toEqual([])
        const enclosed = flawsOf(document, known?.requestBody, { auth, payload: body })
        expect(enclosed.length === 0, route).toBe(known?.security !== undefined)
        expect(flawsOf(document, known?.requestBody, { ...body, colour: 'red' }), route).not.toEqual([])
      }
      const answer = await rest(app, route.replace('{id}', `${id}`), { token, body })
      expect(flawsOf(document, known?.responses[`${answer.status}`], answer.body), route).toEqual([])
      expect(flawsOf(document, known?.responses['200'], { nothing: 1 }), route).not.toEqual([])
      return answer
    }

    const { id: stackId } = await makeStack(app, token)
    const stacks = await query<{ number: number }>(app, 'select number from stack where id = $1::uuid', [
      stackId.replace('stk_', ''),
    ])
    await check('POST /authenticate', null, auth)
    await check('POST /login', null, { email: 'ann@example.com', password: token })
    for (const config of [{ timestamp: 4_000_000_000 }, { cron: '* * * * *', timezone: 'UTC' }]) {
      await check('POST /schedules', null, { config, name: 'x' })
    }
    const { body: schedule } = await check('POST /schedules', null, { config: { period: 60 }, once: false, name: null })
    await check('GET /schedules', null)
    await check('GET /schedules/{id}', schedule.id)
    await check('GET /schedules/byid/{id}', schedule.id)
    await check('PUT /schedules/{id}', schedule.id, { config: { period: 90 } })
    const given = { schedule_id: schedule.id, stack_id: stacks[0]?.number ?? 0, name: 'x', enabled: true }
    const { body: job } = await check('POST /jobs', null, given)
    expect((await check('POST /jobs', null, given)).status).toBe(500)
    await check('GET /jobs', null)
    for (const path of ['/jobs/{id}', '/jobs/byid/{id}']) await check(`GET ${path}`, job.id)
    await check('PUT /jobs/{id}', job.id, given)
    expect((await check('DELETE /jobs/{id}', job.id)).body).toEqual({ queued_for_deletion: job.id })
    await check('PUT /jobs/{id}', job.id, { enabled: false })
    expect((await check('DELETE /jobs/{id}', job.id)).body).toEqual({ deleted: job.id })
    expect(flawsOf(document, operation('POST /schedules')?.requestBody, { config: { period: 1 } })).not.toEqual([])
  })
})
