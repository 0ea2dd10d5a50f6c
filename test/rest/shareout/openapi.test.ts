/** The document of the dialect: valid, whole, and true of the examples that clients were given. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { expectRoutes, expectValid, flawsOf, type OpenApi, openApiOf, routesOf } from '../../support/openapi.ts'
import { type Person, publishSite, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

const PUBLISH = {
  name: 'My App',
  slug: 'my-app',
  entrypoint: 'index.html',
  visibility: 'public',
  files: [{ path: 'index.html', content: '<!DOCTYPE html><h1>Hello</h1>', mime: 'text/html', encoding: 'utf8' }],
}
const jobOn = (artifact_id: string) => ({
  artifact_id,
  action: 'email',
  trigger_type: 'cron',
  schedule: '0 9 * * 1',
  config: { recipients: ['team@company.com'], subject: 'Weekly report', includeArtifactLink: true },
})

describe('the OpenAPI document of ShareOut', () => {
  let app: TestApp
  let ann: Person
  let document: OpenApi

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    document = await openApiOf(app, 'shareout')
  })
  afterAll(() => app.stop())

  const flaws = (...args: Parameters<typeof flawsOf> extends [unknown, ...infer Rest] ? Rest : never) =>
    flawsOf(document, ...args)

  it('is valid OpenAPI 3.1', () => expectValid(document))

  it('knows every route that answers, and no other', async () => {
    const known = ['POST /v1/publish', 'POST /v1/jobs', 'POST /v1/jobs/{id}/run']
    expect(routesOf(document)).toEqual(expect.arrayContaining(known))
    await expectRoutes(app, document, ({ error }: { error: string }) => error)
  })

  it('fits the examples, and what is answered to them', async () => {
    const publish = document.paths['/v1/publish']?.post
    const create = document.paths['/v1/jobs']?.post
    const { id } = await publishSite(app, 'demo', ann.token)
    expect(flaws(publish?.requestBody, PUBLISH)).toEqual([])
    expect(flaws(create?.requestBody, jobOn(id))).toEqual([])
    expect(flaws(create?.requestBody, { ...jobOn(id), action: 'sms' })).not.toEqual([])
    const { token } = ann
    const published = await rest(app, 'POST /v1/publish', { token, body: { ...PUBLISH, pwa: { enabled: true } } })
    expect(flaws(publish?.responses['201'], published.body)).toEqual([])
    const made = await rest(app, 'POST /v1/jobs', { token, body: jobOn(id) })
    expect(flaws(create?.responses['201'], made.body)).toEqual([])
    expect(flaws(create?.responses['201'], { ...made.body, id: 1 })).not.toEqual([])
    const refused = await rest(app, 'POST /v1/jobs', { token, body: {} })
    expect(flaws(create?.responses['400'], refused.body)).toEqual([])
    const list = await rest(app, 'GET /v1/jobs', { token })
    expect(flaws(document.paths['/v1/jobs']?.get?.responses['200'], list.body)).toEqual([])
    const artifacts = await rest(app, 'GET /v1/artifacts', { token })
    expect(flaws(document.paths['/v1/artifacts']?.get?.responses['200'], artifacts.body)).toEqual([])
  })
})
