/** The document of the dialect: valid, whole, and true of the examples that clients were given. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { type Person, publishSite, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

type Content = { content?: { 'application/json': { schema: object } } }
type Operation = { requestBody?: Content; responses: Record<string, Content>; security?: unknown }
type Document = { paths: Record<string, Record<string, Operation>>; components: object }

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
  let document: Document

  beforeAll(async () => {
    app = await createTestApp()
    ann = await signUp(app, 'ann')
    document = (await rest(app, 'GET /openapi/shareout.json')).body
  })
  afterAll(() => app.stop())

  /** What is wrong with a value, by the schema of a part of the document. */
  function flawsOf(content: Content | undefined, value: unknown) {
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema({ $id: 'document', ...document })
    const schema = JSON.parse(
      JSON.stringify(content?.content?.['application/json'].schema).replaceAll('"#/', '"document#/'),
    )
    ajv.validate(schema, value)
    return ajv.errors ?? []
  }

  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document))
    expect(result.errors ?? []).toEqual([])
    expect(result.valid).toBe(true)
    const broken = structuredClone(document) as unknown as { info?: unknown }
    delete broken.info
    expect((await new Validator().validate(broken)).valid).toBe(false)
  })

  it('knows every route that answers, and no other', async () => {
    const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(routes).toEqual(expect.arrayContaining(['POST /v1/publish', 'POST /v1/jobs', 'POST /v1/jobs/{id}/run']))
    for (const route of routes) {
      const { status, body } = await rest(app, route.replace(/\{\w+\}/g, 'x'), { token: null })
      expect(status, route).not.toBe(405)
      expect(body.error, route).not.toContain('There is nothing at')
    }
    for (const path of Object.keys(document.paths)) {
      const asked = path.replace(/\{\w+\}/g, 'x')
      const { headers } = await rest(app, `OPTIONS ${asked}`)
      const fitting = Object.entries(document.paths).filter(([other]) =>
        new RegExp(`^${other.replace(/\{\w+\}/g, '[^/]+')}$`).test(asked),
      )
      const documented = fitting.flatMap(([, operations]) => Object.keys(operations).map((each) => each.toUpperCase()))
      expect(headers.get('allow')?.split(', '), path).toEqual([...new Set(documented)].sort())
    }
  })

  it('fits the examples, and what is answered to them', async () => {
    const publish = document.paths['/v1/publish']?.post
    const create = document.paths['/v1/jobs']?.post
    const { id } = await publishSite(app, 'demo', ann.token)
    expect(flawsOf(publish?.requestBody, PUBLISH)).toEqual([])
    expect(flawsOf(create?.requestBody, jobOn(id))).toEqual([])
    expect(flawsOf(create?.requestBody, { ...jobOn(id), action: 'sms' })).not.toEqual([])
    const { token } = ann
    const published = await rest(app, 'POST /v1/publish', { token, body: { ...PUBLISH, pwa: { enabled: true } } })
    expect(flawsOf(publish?.responses['201'], published.body)).toEqual([])
    const made = await rest(app, 'POST /v1/jobs', { token, body: jobOn(id) })
    expect(flawsOf(create?.responses['201'], made.body)).toEqual([])
    expect(flawsOf(create?.responses['201'], { ...made.body, id: 1 })).not.toEqual([])
    const refused = await rest(app, 'POST /v1/jobs', { token, body: {} })
    expect(flawsOf(create?.responses['400'], refused.body)).toEqual([])
    const list = await rest(app, 'GET /v1/jobs', { token })
    expect(flawsOf(document.paths['/v1/jobs']?.get?.responses['200'], list.body)).toEqual([])
    const artifacts = await rest(app, 'GET /v1/artifacts', { token })
    expect(flawsOf(document.paths['/v1/artifacts']?.get?.responses['200'], artifacts.body)).toEqual([])
  })
})
