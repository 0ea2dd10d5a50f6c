/** What the dialect's document says of stacks is true of what clients send and are answered. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { flawsOf, type OpenApi, openApiOf, routesOf } from '../../support/openapi.ts'
import { startReceiver } from '../../support/receiver.ts'
import { rest } from '../../support/rest.ts'

let app: TestApp
let document: OpenApi

beforeAll(async () => {
  app = await createTestApp()
  document = await openApiOf(app, 'kragle')
})
afterAll(() => app?.stop())

async function check(route: string, id: number | null, body?: object) {
  const [method = '', path = ''] = route.toLowerCase().split(' ')
  const operation = document.paths[path]?.[method]
  if (body && operation?.security) {
    expect(flawsOf(document, operation.requestBody, body), route).toEqual([])
    expect(flawsOf(document, operation.requestBody, { ...body, colour: 'red' }), route).not.toEqual([])
  }
  const answer = await rest(app, route.replace(/\{\w+\}/, `${id}`), { body })
  expect(flawsOf(document, operation?.responses[`${answer.status}`], answer.body), route).toEqual([])
  expect(flawsOf(document, operation?.responses['200'], { nothing: 1 }), route).not.toEqual([])
  return answer
}

it('fits every call of stacks', async () => {
  const receiver = await startReceiver()
  const block = ['webhook', { url: receiver.url }, { name: 'tell', state: { n: 1 } }]
  const { body: schedule } = await rest(app, 'POST /schedules', { body: { config: { period: 60 } } })
  const { body: first } = await check('POST /blockstacks', null, {
    ...{ name: 'whole', blocks: [block], schedule_id: schedule.id, enabled: true },
    ...{ webhook: 'token', webhook_method: 'GET' },
  })
  const { body: second } = await check('POST /blockstacks', null, { name: '7', blocks: [block], webhook_method: null })
  expect((await check('POST /blockstacks', null, { name: '7', blocks: [block] })).body.code).toBe(10)
  for (const path of ['/blockstacks/{id}', '/blockstacks/byid/{id}']) await check(`GET ${path}`, first.id)
  expect((await check('GET /blockstacks/byname/{name}', 7)).body.id).toBe(second.id)
  await check('GET /blockstacks', null)
  await check('PUT /blockstacks/{id}', second.id, { name: 'eight', webhook: 'public' })
  expect((await check('GET /blockstacks/exec/{id}', second.id)).body).toHaveProperty('success')
  expect((await check('GET /blockstacks/hook/{id}', second.id)).body.status).toBe(0)
  expect((await check('POST /blockstacks/hook/{id}', second.id, { any: [1] })).body.status).toBe(0)
  expect((await check('GET /blockstacks/hook/{id}', first.id)).status).toBe(403)
  await rest(app, `PUT /blockstacks/${first.id}`, { body: { webhook: 'public' } })
  expect((await check('POST /blockstacks/hook/{id}', first.id, {})).status).toBe(405)
  receiver.server.removeAllListeners('request').on('request', (_request, response) => response.writeHead(404).end())
  expect((await check('GET /blockstacks/exec/{id}', second.id)).body).toHaveProperty('error')
  expect((await check('GET /blockstacks/hook/{id}', second.id)).body.status).toBe(1)
  await check('DELETE /blockstacks/{id}', second.id)
  expect((await check('DELETE /blockstacks/{id}', first.id)).body.code).toBe(4)
})

it('knows the routes of stacks, and which of them take no credentials of a user', () => {
  const ofStacks = routesOf(document).filter((route) => route.includes('blockstacks'))
  expect(ofStacks).toHaveLength(10)
  const open = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { security }]) =>
      path.startsWith('/blockstacks') && !security ? [`${method} ${path}`] : [],
    ),
  )
  expect(open.sort()).toEqual(['get /blockstacks/hook/{id}', 'post /blockstacks/hook/{id}'])
})
