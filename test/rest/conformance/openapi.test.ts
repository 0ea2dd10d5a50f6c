/** The documents of the dialects: valid, whole, and true of the examples that clients were given and of what is answered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { example, fixture, mended } from '../../support/fixtures.ts'
import { expectRoutes, expectValid, type OpenApi, openApiOf, routesOf } from '../../support/openapi.ts'
import { flawsOfText, operationOf } from '../../support/openapi-calls.ts'
import { type Person, signUp } from '../../support/people.ts'
import { boozles } from './boozles.ts'
import { informer } from './informer.ts'
import { type Answer, type Call, callsOf, json, makeOne, type Speech, say } from './speech.ts'
import { speeches } from './speeches.ts'

/** One of each dialect. */
const dialects = speeches.filter(
  ({ dialect }, index) => speeches.findIndex((each) => each.dialect === dialect) === index,
)

const SENT = [
  ['shareout/create-job.fetch.json', 'POST /v1/jobs'],
  ['shareout/create-job.curl.json', 'POST /v1/jobs'],
  ['shareout/create-job.weekly-email.json', 'POST /v1/jobs'],
  ['shareout/publish.curl.json', 'POST /v1/publish'],
  ['shareout/publish.minimal.json', 'POST /v1/publish'],
  ['informer/create-job.json', 'POST /api/jobs'],
  ['informer/update-job.json', 'PUT /api/jobs/x'],
  ['informer/change-owner.json', 'PUT /api/jobs/x/owner'],
  ['boozles/recurring.request.json', 'POST /1/jobs'],
  ['boozles/single.request.json', 'PUT /1/jobs/x'],
  ['boozles/recurring.request.xml', 'PUT /1/jobs/x'],
  ['boozles/single.request.xml', 'POST /1/jobs'],
] as const

const ANSWERED = [
  ['shareout/create-job.answer.json', 'POST /v1/jobs', 201],
  ['shareout/create-job.invalid.json', 'POST /v1/jobs', 400],
  ['shareout/publish.answer.json', 'POST /v1/publish', 201],
  ['shareout/publish.invalid.json', 'POST /v1/publish', 400],
  ['shareout/publish.unauthorized.json', 'POST /v1/publish', 401],
  ['shareout/publish.conflict.json', 'POST /v1/publish', 409],
  ['informer/list.answer.json', 'GET /api/jobs', 200],
  ['informer/jobs-list.answer.json', 'GET /api/jobs-list', 200],
  ['informer/job.answer.json', 'GET /api/jobs/x', 200],
  ['informer/create-job.answer.json', 'POST /api/jobs', 201],
  ['informer/run.answer.json', 'POST /api/jobs/x', 200],
  ['informer/edit.answer.json', 'POST /api/jobs/x/_edit', 201],
  ['informer/owner.answer.json', 'GET /api/jobs/x/owner', 200],
  ['informer/favorite.answer.json', 'GET /api/jobs/x/favorite', 200],
  ['boozles/recurring.answer.json', 'POST /1/jobs', 201],
  ['boozles/single.answer.json', 'GET /1/jobs/x', 200],
  ['boozles/recurring.answer.xml', 'PUT /1/jobs/x', 200],
  ['boozles/single.answer.xml', 'POST /1/jobs/x/y', 201],
  ['boozles/created.answer.txt', 'POST /1/jobs', 201],
  ['boozles/list.answer.txt', 'GET /1/jobs', 200],
  ['boozles/list.answer.json', 'GET /1/jobs', 200],
  ['boozles/list.answer.xml', 'GET /1/jobs', 200],
] as const

const TYPES = {
  json: ['application/json', 'application/hal+json'],
  xml: ['text/xml', 'application/xml'],
  txt: ['text/plain'],
}

let app: TestApp
let ann: Person
const documents = new Map<string, OpenApi>()
const documentOf = (dialect: string) => documents.get(dialect) as OpenApi

beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  for (const { dialect } of dialects) documents.set(dialect, await openApiOf(app, dialect))
})
afterAll(() => app.stop())

describe.each(dialects)('the OpenAPI document of $dialect', (speech) => {
  it('is valid OpenAPI 3.1, and says where it is served', async () => {
    const document = documentOf(speech.dialect)
    await expectValid(document)
    expect(document).toMatchObject({ openapi: '3.1.0', servers: expect.arrayContaining([{ url: app.url }]) })
  })

  it('knows every route that answers, and no other', async () => {
    const document = documentOf(speech.dialect)
    await expectRoutes(app, document, (body: object) => JSON.stringify(body))
    for (const call of [speech.list, speech.create({}), ...callsOf(speech, 'x')]) {
      expect(operationOf(document, call.route), call.route).toBeDefined()
    }
  })

  it('says of each route whether it wants credentials', async () => {
    const document = documentOf(speech.dialect)
    for (const route of routesOf(document)) {
      const asked = { route: route.replace(/\{\w+\}/g, 'x') }
      const { status } = await say(app, asked, null)
      const [wanted] = speech.refusals.notSignedIn
      const isSecured = (operationOf(document, asked.route)?.security ?? []).length > 0
      expect([route, status === wanted]).toEqual([route, isSecured])
    }
  })
})

/** The names and types of fields as the document has them; examples leave out what they like. */
const withoutRequired = (document: OpenApi): OpenApi =>
  JSON.parse(JSON.stringify(document), (key, value) => (key === 'required' && Array.isArray(value) ? undefined : value))

const typesOf = (name: string): string[] => TYPES[name.split('.').at(-1) as keyof typeof TYPES]

const textOf = (name: string) => (name.endsWith('.json') ? mended(fixture(name)) : fixture(name))

describe('the OpenAPI documents', () => {
  it('are those of the dialects, and of no other', async () => {
    const { status, text } = await say(app, { route: 'GET /openapi/other.json' }, null)
    expect([status, text]).toEqual([404, expect.stringContaining('There is nothing')])
  })

  it.each(SENT)('take the example %s as %s', (name, route) => {
    const document = documentOf(name.split('/')[0] ?? '')
    const body = operationOf(document, route)?.requestBody
    const types = typesOf(name).filter((type) => body?.content?.[type])
    expect(types.length).toBeGreaterThan(0)
    for (const type of types) expect(flawsOfText(document, body, type, textOf(name))).toEqual([])
  })

  it.each([
    ['POST /v1/jobs', '{}'],
    ['POST /v1/jobs', fixture('shareout/create-job.curl.json').replace('"email"', '"sms"')],
    ['POST /v1/publish', '{"name": "My App"}'],
    ['POST /api/jobs', '{"type": "email"}'],
    ['PUT /api/jobs/x', '{"intervalType": "daily"}'],
    ['PUT /api/jobs/x/owner', '{}'],
    ['POST /1/jobs', '{"cron": "0 15 10 ? * *"}'],
  ])('do not take to %s: %s', (route, text) => {
    const of = documentOf(speeches.find(({ list }) => list.route.split('/')[1] === route.split('/')[1])?.dialect ?? '')
    expect(flawsOfText(of, operationOf(of, route)?.requestBody, 'application/json', text)).not.toEqual([])
  })

  it.each(ANSWERED)('have the example %s as an answer to %s', (name, route, status) => {
    const document = withoutRequired(documentOf(name.split('/')[0] ?? ''))
    const answer = operationOf(document, route)?.responses[status]
    const types = typesOf(name).filter((type) => answer?.content?.[type])
    expect(types.length).toBeGreaterThan(0)
    for (const type of types) expect(flawsOfText(document, answer, type, textOf(name))).toEqual([])
  })

  it.each(speeches)('have what is answered in $name, and know what it could not be', async (speech) => {
    const document = documentOf(speech.dialect)
    const fits = ({ route }: Call, { status, headers, text }: Answer) => {
      const said = operationOf(document, route)?.responses[status]
      return [route, status, flawsOfText(document, said, headers.get('content-type') ?? '', text)]
    }
    const answered = async (call: Call, token: string | null = ann.token) => {
      const answer = await say(app, call, token)
      expect(fits(call, answer), answer.text).toEqual([call.route, answer.status, []])
      return answer
    }
    const id = await makeOne(app, speech, ann.token)
    const create = speech.create(await speech.prepare(app, ann.token, 'http://127.0.0.1:9/'))
    await answered(create)
    const read = await answered(speech.read(id))
    const [, , flaws] = fits(speech.read(id), {
      ...read,
      text: read.text.replaceAll(id, '').replace(/[\w"]+(?=:|>)/g, '"no"'),
    })
    expect(flaws).not.toEqual([])
    for (const call of [speech.list, speech.change(id)]) await answered(call)
    if (speech.run) await answered(speech.run(id))
    await refusedOnes(speech, create, answered)
    await answered(speech.remove(id))
  })

  async function refusedOnes(
    speech: Speech,
    create: Call,
    answered: (call: Call, token?: string | null) => Promise<Answer>,
  ) {
    const [none = ''] = speech.noIds
    for (const call of [speech.list, create]) await answered(call, null)
    for (const call of callsOf(speech, none)) await answered(call)
    for (const body of speech.malformed) await answered({ ...create, body })
  }

  it('have what ShareOut answers when something is published', async () => {
    const document = documentOf('shareout')
    const body = { ...example('shareout/publish.minimal.json'), mobile_html: '<p>', pwa: { enabled: true } }
    for (const call of [json('POST /v1/publish', body), { route: 'GET /v1/artifacts' }]) {
      const { status, headers, text } = await say(app, call, ann.token)
      const said = operationOf(document, call.route)?.responses[status]
      expect([status < 300, flawsOfText(document, said, headers.get('content-type') ?? '', text)]).toEqual([true, []])
    }
  })

  it.each([informer, ...boozles.slice(0, 1)])('take from $name what it answers', async (speech) => {
    const document = documentOf(speech.dialect)
    const id = await makeOne(app, speech, ann.token)
    const { text } = await say(app, speech.read(id), ann.token)
    const { requestBody } = operationOf(document, speech.change(id).route) ?? {}
    expect(flawsOfText(document, requestBody, 'application/json', text)).toEqual([])
  })

  it('have the times at which an interval of Informer fires', async () => {
    const document = documentOf('informer')
    const times = await say(app, { route: 'GET /api/job-fire-times?interval=1+day' }, ann.token)
    const said = operationOf(document, 'GET /api/job-fire-times')?.responses[200]
    expect(flawsOfText(document, said, times.headers.get('content-type') ?? '', times.text)).toEqual([])
  })

  it('name the ways to sign in to each dialect', () => {
    const ways = dialects.map(({ dialect }) => {
      const wanted = routesOf(documentOf(dialect)).map((route) => operationOf(documentOf(dialect), route)?.security)
      return [dialect, new Set(wanted.flatMap((each) => each ?? []).flatMap(Object.keys))]
    })
    expect(Object.fromEntries(ways)).toEqual({
      shareout: new Set(['bearer']),
      informer: new Set(['bearer', 'basic']),
      kragle: new Set(['bearer', 'cookie']),
      boozles: new Set(['bearer', 'basic']),
    })
  })

  it('have every format of Boozles, and none where nothing is said', () => {
    const document = documentOf('boozles')
    const one = ['DELETE /1/jobs/{id}', 'GET /1/jobs/{id}', 'PUT /1/jobs/{id}']
    const all = [...one, 'GET /1/jobs', 'POST /1/jobs', 'POST /1/jobs/{when}/{callback}']
    expect(routesOf(document).sort()).toEqual(all.sort())
    const xml = ['application/json', 'application/xml', 'text/xml']
    const any = [...xml, 'text/plain'].sort()
    const formats = (route: string, status: number) => {
      const { requestBody, responses } = operationOf(document, route) ?? { responses: {} }
      return [Object.keys(requestBody?.content ?? {}).sort(), Object.keys(responses[status]?.content ?? {}).sort()]
    }
    expect(formats('GET /1/jobs', 200)).toEqual([[], any])
    expect(formats('POST /1/jobs', 201)).toEqual([xml, any])
    expect(formats('GET /1/jobs/x', 200)).toEqual([[], xml])
    expect(formats('PUT /1/jobs/x', 200)).toEqual([xml, any])
    expect(formats('DELETE /1/jobs/x', 204)).toEqual([[], []])
    expect(formats('POST /1/jobs/x/y', 201)).toEqual([['*/*'], any])
    expect(formats('POST /1/jobs', 400)[1]).toEqual(any)
  })
})
