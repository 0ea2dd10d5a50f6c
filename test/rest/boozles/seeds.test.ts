/** The examples of Boozles' own documentation: with another address and credentials they work as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { fixture, inFuture, mended } from '../../support/fixtures.ts'
import { type Person, signUp } from '../../support/people.ts'

const ID = '03ba07bc-0c8b-4a82-9a47-c65e7a8d24af'
const SITE = 'https://job-sheduling.info'
const DAY_MS = 86_400_000

type Answer = { status: number; headers: Headers; text: string }

describe('the documentation of Boozles', () => {
  let app: TestApp
  let example: Person

  beforeAll(async () => {
    app = await createTestApp()
    example = await signUp(app, 'example')
  })
  afterAll(() => app.stop())

  async function send(route: string, headers: Record<string, string>, body?: string, token = example.token) {
    const [method = '', path = ''] = route.split(' ')
    const authorization = `Basic ${Buffer.from(`example:${token}`).toString('base64')}`
    const response = await fetch(app.url + path, {
      method,
      headers: { authorization, ...headers },
      ...(body !== undefined && { body }),
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  /** The text that an example says is answered, of the job that was made: when its cron fires next is for the day to say. */
  function expected(name: string, id: string, { text }: Answer): string {
    const next = /\d{4}-\d\d-\d\dT10:15:00Z/.exec(text)?.[0]
    if (next) {
      const wait = Date.parse(next) - Date.now()
      expect(wait > -5_000 && wait <= DAY_MS, next).toBe(true)
    }
    const shown = fixture(name).replace(ID, id)
    return next ? shown.replace('2011-05-11T15:30:00Z', next) : inFuture(shown)
  }

  function expectAnswer(name: string, id: string, answer: Answer) {
    const text = expected(name, id, answer)
    if (name.endsWith('.xml')) expect(answer.text).toBe(text)
    else expect(JSON.stringify(JSON.parse(answer.text))).toBe(JSON.stringify(JSON.parse(mended(text))))
  }

  const idOf = ({ headers }: Answer) => headers.get('location')?.split('/').at(-1) ?? ''

  describe.each([
    ['json', 'application/json'],
    ['xml', 'text/xml'],
    ['xml', 'application/xml'],
  ])('in %s as %s', (extension, type) => {
    it.each(['recurring', 'single'])('creates, reads and changes a %s job', async (kind) => {
      const request = inFuture(fixture(`boozles/${kind}.request.${extension}`))
      const answered = `boozles/${kind}.answer.${extension}`
      const headers = { accept: type, 'content-type': type }
      const created = await send('POST /1/jobs', headers, request)
      expect([created.status, created.headers.get('content-type')]).toEqual([201, `${type}; charset=utf-8`])
      const id = idOf(created)
      expectAnswer(answered, id, created)
      const read = await send(`GET /1/jobs/${id}`, { accept: type })
      expect([read.status, read.text]).toEqual([200, created.text])
      const changed = await send(`PUT /1/jobs/${id}`, headers, request)
      expect([changed.status, changed.text]).toEqual([200, created.text])
      const deleted = await send(`DELETE /1/jobs/${id}`, { accept: type })
      expect([deleted.status, deleted.text]).toEqual([204, ''])
      expect((await send(`GET /1/jobs/${id}`, { accept: type })).status).toBe(404)
    })

    it.each(['recurring', 'single'])(
      'answers with the bare id of a %s job where plain text is asked for',
      async (kind) => {
        const request = inFuture(fixture(`boozles/${kind}.request.${extension}`))
        const headers = { accept: 'text/plain', 'content-type': type }
        const created = await send('POST /1/jobs', headers, request)
        expect([created.status, created.text]).toEqual([
          201,
          fixture('boozles/created.answer.txt').replace(ID, idOf(created)),
        ])
        const changed = await send(`PUT /1/jobs/${idOf(created)}`, headers, request)
        expect([changed.status, changed.text]).toEqual([200, created.text])
      },
    )

    it.each(['recurring', 'single'])('creates a %s job by its path', async (kind) => {
      const path = fixture(`boozles/path.${kind}.txt`).replace(SITE, '')
      const payload = {
        'content-type': 'text/plain',
        'x-content-signature': '507aaa0733464499847c930db95983f8994ae266',
      }
      const bare = await send(`POST ${inFuture(path)}`, { accept: type })
      const whole = await send(`POST ${inFuture(path)}`, { accept: type, ...payload }, 'testing')
      const plain = await send(`POST ${inFuture(path)}`, { accept: 'text/plain' })
      expect([bare.status, whole.status, plain.status, plain.text]).toEqual([201, 201, 201, idOf(plain)])
      const shown = (answer: Answer, name: string) => {
        const text = answer.text.replace('https://example.com', 'https://example.com/my-callback')
        expectAnswer(name, idOf(answer), { ...answer, text })
      }
      if (kind === 'recurring') shown(bare, `boozles/recurring.answer.${extension}`)
      else shown(whole, `boozles/single.answer.${extension}`)
    })
  })

  it('lists the ids of jobs as text, JSON and XML', async () => {
    const { token } = await signUp(app, 'lister')
    const asLister = (route: string, headers: Record<string, string>, body?: string) =>
      send(route, { ...headers, authorization: `Bearer ${token}` }, body)
    const ids: string[] = []
    for (const kind of ['recurring', 'single', 'recurring']) {
      const headers = { accept: 'text/plain', 'content-type': 'application/json' }
      ids.push((await asLister('POST /1/jobs', headers, inFuture(fixture(`boozles/${kind}.request.json`)))).text)
    }
    const shown = (name: string) => fixture(name).replace(/\d/g, (digit) => ids[Number(digit) - 1] ?? '')
    const listed = async (accept: string) => (await asLister('GET /1/jobs', { accept })).text
    expect(await listed('text/plain')).toBe(shown('boozles/list.answer.txt'))
    expect(await listed('application/json')).toBe(shown('boozles/list.answer.json'))
    expect(await listed('text/xml')).toBe(shown('boozles/list.answer.xml'))
    expect(await listed('application/xml')).toBe(shown('boozles/list.answer.xml'))
  })
})
