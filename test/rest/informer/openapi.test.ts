/** The document of the dialect: valid, whole, and true of the examples that clients were given. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { expectRoutes, expectValid, flawsOf, type OpenApi, openApiOf, routesOf } from '../../support/openapi.ts'
import { type Person, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

const CREATE = { name: 'Daily Sales Report', type: 'email', enabled: true }
const UPDATE = { interval: '0 9 * * *', timezone: 'America/Los_Angeles', enabled: true }

describe('the OpenAPI document of Informer', () => {
  let app: TestApp
  let ann: Person
  let document: OpenApi

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    document = await openApiOf(app, 'informer')
  })
  afterAll(() => app.stop())

  it('is valid OpenAPI 3.1', () => expectValid(document))

  it('knows every route that answers, and no other', async () => {
    const known = ['POST /api/jobs', 'GET /api/jobs/{id}', 'PUT /api/jobs/{id}', 'GET /api/job-fire-times']
    expect(routesOf(document)).toEqual(expect.arrayContaining(known))
    await expectRoutes(app, document, ({ message }: { message: string }) => message)
  })

  it('says that each route wants a token, as a bearer or as a password', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { security } of Object.values(operations))
        expect(security, path).toEqual([{ bearer: [] }, { basic: [] }])
    }
  })

  it('fits the examples, and what is answered to them', async () => {
    const { token } = ann
    const create = document.paths['/api/jobs']?.post
    const { get, put } = document.paths['/api/jobs/{id}'] ?? {}
    const datasets = {
      sales: { datasetId: 'sales-2024', snapshots: { when: 'before', snapshotDatasets: ['sales-2024'] } },
    }
    expect(flawsOf(document, create?.requestBody, { ...CREATE, datasets })).toEqual([])
    expect(flawsOf(document, create?.requestBody, { ...CREATE, datasets: { sales: 'sales-2024' } })).toEqual([])
    expect(flawsOf(document, create?.requestBody, { type: 'email' })).not.toEqual([])
    expect(flawsOf(document, put?.requestBody, UPDATE)).toEqual([])
    expect(flawsOf(document, put?.requestBody, { ...UPDATE, lockedAt: null, startOn: '2024-01-01T00:00:00Z' })).toEqual(
      [],
    )
    expect(flawsOf(document, put?.requestBody, { ...UPDATE, intervalType: 'daily' })).not.toEqual([])

    const made = await rest(app, 'POST /api/jobs', { token, body: { ...CREATE, ...UPDATE } })
    expect(flawsOf(document, create?.responses['201'], made.body)).toEqual([])
    const { body: read } = await rest(app, `GET /api/jobs/${made.body.id}`, { token })
    expect(flawsOf(document, get?.responses['200'], read)).toEqual([])
    expect(flawsOf(document, get?.responses['200'], { ...read, id: 1 })).not.toEqual([])
    expect(flawsOf(document, put?.requestBody, read)).toEqual([])
    const refused = await rest(app, 'POST /api/jobs', { token, body: {} })
    expect(flawsOf(document, create?.responses['400'], refused.body)).toEqual([])
    const times = await rest(app, 'GET /api/job-fire-times?interval=1+day', { token })
    expect(flawsOf(document, document.paths['/api/job-fire-times']?.get?.responses['200'], times.body)).toEqual([])
  })
})
