/** The document of the dialect: valid, whole, and true of what is asked and answered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { expectRoutes, expectValid, flawsOf, type OpenApi, openApiOf, routesOf } from '../../support/openapi.ts'
import { signUp } from '../../support/people.ts'
import { type Client, CRON, clientOf, HOOK } from './client.ts'

const DOCUMENTS = ['application/json', 'text/xml', 'application/xml']

describe('the OpenAPI document of Boozles', () => {
  let app: TestApp
  let call: Client
  let document: OpenApi

  beforeAll(async () => {
    app = await createTestApp()
    call = clientOf(app, await signUp(app, 'ann'))
    document = await openApiOf(app, 'boozles')
  })
  afterAll(() => app.stop())

  it('is valid OpenAPI 3.1', () => expectValid(document))

  it('knows every route that answers, and no other', async () => {
    expect(routesOf(document).sort()).toEqual([
      'DELETE /1/jobs/{id}',
      'GET /1/jobs',
      'GET /1/jobs/{id}',
      'POST /1/jobs',
      'POST /1/jobs/{when}/{callback}',
      'PUT /1/jobs/{id}',
    ])
    await expectRoutes(app, document, ({ error }: { error: string }) => error)
  })

  it('says that each route wants a token, as a bearer or as a password', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { security } of Object.values(operations)) {
        expect(security, path).toEqual([{ bearer: [] }, { basic: [] }])
      }
    }
  })

  it('names the formats of what is read and answered, plain text too, where there is any', () => {
    const typesOf = (part: { content?: object } | undefined) => Object.keys(part?.content ?? {})
    const { get: list, post: create } = document.paths['/1/jobs'] ?? {}
    const { get, put, delete: remove } = document.paths['/1/jobs/{id}'] ?? {}
    const inPath = document.paths['/1/jobs/{when}/{callback}']?.post
    for (const each of [create, put]) expect(typesOf(each?.requestBody)).toEqual(DOCUMENTS)
    for (const each of [
      list?.responses['200'],
      create?.responses['201'],
      put?.responses['200'],
      inPath?.responses['201'],
    ]) {
      expect(typesOf(each)).toEqual([...DOCUMENTS, 'text/plain'])
    }
    expect(typesOf(get?.responses['200'])).toEqual(DOCUMENTS)
    expect(typesOf(remove?.responses['204'])).toEqual([])
    expect(typesOf(create?.responses['400'])).toEqual([...DOCUMENTS, 'text/plain'])
    expect(typesOf(inPath?.requestBody)).toEqual(['*/*'])
  })

  it('fits what is sent, and what is answered to it', async () => {
    const { get: list, post: create } = document.paths['/1/jobs'] ?? {}
    const { get, put } = document.paths['/1/jobs/{id}'] ?? {}
    const rich = { url: HOOK, when: '2999-05-11T15:30:00Z', data: 'x', contentType: 'text/plain', signature: 'x' }
    for (const job of [CRON, rich]) {
      expect(flawsOf(document, create?.requestBody, job)).toEqual([])
      expect(flawsOf(document, put?.requestBody, job)).toEqual([])
      const made = JSON.parse((await call('POST /1/jobs', { body: JSON.stringify(job) })).text)
      expect(flawsOf(document, create?.responses['201'], made)).toEqual([])
      const read = JSON.parse((await call(`GET /1/jobs/${made.id}`)).text)
      expect(flawsOf(document, get?.responses['200'], read)).toEqual([])
      expect(flawsOf(document, get?.responses['200'], { ...read, id: 1 })).not.toEqual([])
      expect(flawsOf(document, put?.requestBody, read)).toEqual([])
    }
    expect(flawsOf(document, create?.requestBody, { cron: CRON.cron })).not.toEqual([])
    expect(flawsOf(document, list?.responses['200'], JSON.parse((await call('GET /1/jobs')).text))).toEqual([])
    const refused = JSON.parse((await call('POST /1/jobs', { body: '{}' })).text)
    expect(flawsOf(document, create?.responses['400'], refused)).toEqual([])
  })
})
