/** What is the same for every call of Boozles: who asks, formats, the form of errors, and what a call costs. */
import net from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, type Person, signUp } from '../../support/people.ts'
import { costOf, withStatements } from '../../support/statements.ts'
import { type Client, CRON, clientOf, HOOK, type Sent } from './client.ts'

const JSON_TYPE = 'application/json'
const XML_TYPES = ['text/xml', 'application/xml']
const FORMATS = [JSON_TYPE, ...XML_TYPES, 'text/plain']
const MAX_BODY_BYTES = 12 * 1024 * 1024
const BODY = JSON.stringify(CRON)

const basic = (handle: string, token: string) => ({
  authorization: `Basic ${Buffer.from(`${handle}:${token}`).toString('base64')}`,
})

/** What is wrong, by an answer of this format. */
function errorIn(text: string, format: string): string {
  if (format === 'text/plain') {
    expect(text).not.toMatch(/[\r\n]/)
    return text
  }
  if (format === JSON_TYPE) {
    expect(Object.keys(JSON.parse(text))).toEqual(['error'])
    return JSON.parse(text).error
  }
  const [, error] = /^<error>([^<]*)<\/error>$/.exec(text) ?? []
  return (error ?? '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

describe('the frame of Boozles', () => {
  let app: TestApp
  let ann: Person
  let bob: Person
  let call: Client
  let jobId: string
  let database: pg.Client

  beforeAll(async () => {
    app = await createTestApp({ MAX_BODY_BYTES: String(MAX_BODY_BYTES) })
    database = new pg.Client(app.databaseUrl)
    await database.connect()
    ann = await signUp(app, 'ann')
    bob = await signUp(app, 'bob')
    call = clientOf(app, ann)
    jobId = (await call('POST /1/jobs', { accept: 'text/plain', body: BODY })).text
  })
  afterAll(async () => {
    await database.end()
    await app.stop()
  })

  /** The answer of a call that changes nothing, an error in the format that is asked for. */
  async function refused(route: string, sent: Sent, format: string = JSON_TYPE) {
    const before = [await countRows(database), (await call(`GET /1/jobs/${jobId}`)).text]
    const { status, headers, text } = await call(route.replace('ID', jobId), sent)
    expect([await countRows(database), (await call(`GET /1/jobs/${jobId}`)).text]).toEqual(before)
    expect(headers.get('content-type')).toBe(`${format}; charset=utf-8`)
    expect(headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
    expect(headers.get('vary')).toBe('Accept')
    return { status, error: errorIn(text, format), headers }
  }

  describe('knows who asks', () => {
    it('by a bearer token, or by a handle with a token', async () => {
      expect((await call('GET /1/jobs')).status).toBe(200)
      const { status, text } = await call('GET /1/jobs', { token: null, headers: basic('ann', ann.token) })
      expect([status, text]).toEqual([200, (await call('GET /1/jobs')).text])
    })

    it.each([
      ['nobody', () => ({})],
      ['a wrong token', () => ({ authorization: 'Bearer rst_wrong' })],
      ['another scheme', () => ({ authorization: `Digest ${ann.token}` })],
      ['the token of somebody else', () => basic('ann', bob.token)],
      ['no password', () => basic('ann', '')],
    ])('and takes nothing from %s', async (_, headers) => {
      for (const format of FORMATS) {
        for (const route of ['GET /1/jobs', 'POST /1/jobs', 'PUT /1/jobs/ID', 'GET /1/jobs/ID', 'POST /1/jobs/x/y']) {
          const body = /^P[OU]/.test(route) ? { body: BODY } : {}
          const sent = { token: null, accept: format, headers: headers(), ...body }
          const answer = await refused(route, sent, format)
          expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
            401,
            'Bearer, Basic realm="Runsheet"',
          ])
        }
      }
      expect((await call(`DELETE /1/jobs/${jobId}`, { token: null, headers: headers() })).status).toBe(401)
    })
  })

  it.each([
    ['GET /1', {}, 404, 'There is nothing at /1'],
    ['GET /1/nothing', {}, 404, 'There is nothing at /1/nothing'],
    ['GET /1/jobs/', {}, 404, 'There is nothing at /1/jobs/'],
    ['POST /1/jobs/a/b/c', { body: BODY }, 404, 'There is nothing at'],
    ['GET /1/<jobs>&', {}, 404, 'There is nothing at'],
    ['PATCH /1/jobs', { body: BODY }, 405, 'PATCH is not allowed here; GET, POST are'],
    ['DELETE /1/jobs', {}, 405, 'DELETE is not allowed here'],
    ['POST /1/jobs/ID', { body: BODY }, 405, 'POST is not allowed here; DELETE, GET, PUT are'],
    ['GET /1/jobs/0/x', {}, 405, 'GET is not allowed here; POST are'],
    ['OPTIONS /1/jobs', {}, 405, 'OPTIONS is not allowed here; GET, POST are'],
    ['POST /1/jobs', {}, 415, 'application/json, text/xml, application/xml'],
    ['POST /1/jobs', { body: BODY, type: null }, 415, 'and say so'],
    ['POST /1/jobs', { body: BODY, type: 'text/plain' }, 415, 'not text/plain'],
    ['POST /1/jobs', { body: BODY, type: 'application/x-www-form-urlencoded' }, 415, 'not application/x-www'],
    ['PUT /1/jobs/ID', { body: BODY, type: 'application/hal+json' }, 415, 'not application/hal+json'],
    ['POST /1/jobs', { body: BODY, type: 'application/json; charset=utf-16' }, 415, 'not utf-16'],
    ['POST /1/jobs', { body: '<job/>', type: 'text/xml; charset="iso-8859-1"' }, 415, 'not iso-8859-1'],
    ['POST /1/jobs', { body: '' }, 400, 'The body is not JSON'],
    ['POST /1/jobs', { body: '{"url": ' }, 400, 'The body is not JSON'],
    [
      'POST /1/jobs',
      { body: Buffer.from(`${BODY.slice(0, -1)}, "data": "ü"}`, 'latin1') },
      400,
      'The body is not JSON',
    ],
    ['PUT /1/jobs/ID', { body: '{url: 1}' }, 400, 'The body is not JSON'],
    ['POST /1/jobs', { body: '[]' }, 400, 'must be an object'],
    ['POST /1/jobs', { body: 'null' }, 400, 'must be an object'],
    ['POST /1/jobs', { body: '"job"' }, 400, 'must be an object'],
    ['POST /1/jobs', { body: '', type: 'text/xml' }, 400, 'document must contain a root element'],
    ['POST /1/jobs', { body: BODY, type: 'text/xml' }, 400, 'not the XML of a job'],
    ['POST /1/jobs', { body: '<jobs/>', type: 'text/xml' }, 400, 'its root is not <job>'],
    ['PUT /1/jobs/ID', { body: '<!DOCTYPE job><job/>', type: 'application/xml' }, 400, 'a DOCTYPE is not taken'],
    ['GET /1/jobs/ID', { accept: 'image/png' }, 406, 'application/json, text/xml, application/xml'],
  ] as [string, Sent, number, string][])('%s with %j is refused with %i', async (route, sent, status, message) => {
    for (const format of sent.accept ? [JSON_TYPE] : FORMATS) {
      const answer = await refused(route, { accept: format, ...sent }, format)
      expect([answer.status, answer.error]).toEqual([status, expect.stringContaining(message)])
    }
  })

  it('refuses what is too large', async () => {
    for (const format of FORMATS) {
      for (const [type, body] of [
        [JSON_TYPE, BODY],
        ['text/xml', '<job>'],
      ] as const) {
        const sent = { type, body: body.padEnd(2 * 1024 * 1024), accept: format }
        const { status, error } = await refused('POST /1/jobs', sent, format)
        expect([status, error]).toEqual([413, 'The body is larger than 1048576 bytes'])
      }
      const longer = { body: ''.padEnd(MAX_BODY_BYTES + 1), type: 'text/xml', accept: format }
      const { status, error } = await refused('PUT /1/jobs/ID', longer, format)
      expect([status, error]).toEqual([413, expect.stringContaining(`${MAX_BODY_BYTES} bytes`)])
    }
  })

  it('says what is allowed where a method is not', async () => {
    expect((await refused('PATCH /1/jobs/ID', {})).headers.get('allow')).toBe('DELETE, GET, PUT')
    expect((await refused('OPTIONS /1/jobs/a/b', {})).headers.get('allow')).toBe('POST')
  })

  it.each([
    [{}, 'url: '],
    [{ url: null, cron: CRON.cron }, 'url: must be a text'],
    [{ ...CRON, url: 5 }, 'url: must be a text'],
    [{ ...CRON, url: '' }, 'url: '],
    [{ ...CRON, url: 'example.com' }, 'url: '],
    [{ ...CRON, url: 'ftp://example.com/' }, 'url: '],
    [{ ...CRON, url: 'file:///etc/passwd' }, 'url: '],
    [{ ...CRON, url: 'http://10.0.0.1/' }, 'url: '],
    [{ url: HOOK }, 'exactly one of when and cron'],
    [{ url: HOOK, when: '', cron: null }, 'exactly one of when and cron'],
    [{ ...CRON, when: '2999-05-11T15:30:00Z' }, 'exactly one of when and cron'],
    [{ ...CRON, data: 5 }, 'data: must be a text'],
    [{ ...CRON, data: {} }, 'data: must be a text'],
    [{ ...CRON, data: 'a\ud800b' }, 'data: must not hold half a surrogate pair'],
    [{ ...CRON, contentType: 'text' }, 'contentType: must be a media type'],
    [{ ...CRON, contentType: 'text/plain\r\nx: y' }, 'contentType: must be a media type'],
    [{ ...CRON, contentType: 5 }, 'contentType: must be a text'],
    [{ ...CRON, signature: 'a\nb' }, 'signature: must not contain line breaks'],
    [{ ...CRON, signature: '😀' }, 'signature: must not contain'],
    [{ ...CRON, signature: [] }, 'signature: must be a text'],
    [{ url: HOOK, when: '2011-05-11T15:30:00Z' }, 'when: must be in the future'],
    [{ url: HOOK, when: 'tomorrow' }, 'when: must be a date of ISO 8601'],
    [{ url: HOOK, when: '9999-12-31T23:59:59-01:00' }, 'when: '],
    [{ url: HOOK, when: 1305127800 }, 'when: must be a text'],
    [{ url: HOOK, cron: 5 }, 'cron: must be a text'],
    [{ url: HOOK, cron: '15 10 * * *' }, 'cron: '],
    [{ url: HOOK, cron: '0 15 10 1 * 2' }, 'cron: '],
    [{ url: HOOK, cron: '0 15 10 ? * ?' }, 'cron: '],
    [{ url: HOOK, cron: '0 15 10 ? * 8' }, 'cron: '],
    [{ url: HOOK, cron: '0 15 25 ? * *' }, 'cron: '],
    [{ url: HOOK, cron: '@daily' }, 'cron: '],
    [{ url: HOOK, cron: '0 15 10 30 2 ?' }, 'cron: '],
    [{ url: HOOK, cron: '0 15 10 ? * * 2011' }, 'cron: '],
    [{ url: HOOK, cron: '* * * * * ?' }, 'cron: fires 1 s after'],
    [{ url: HOOK, cron: '0,59 0 0 * * ?' }, 'cron: fires 59 s after'],
    [{ url: HOOK, cron: '0 0,55 * ? * *' }, 'cron: fires 300 s after'],
    [{ url: HOOK, cron: '0 0/7 * * * ?' }, 'cron: fires'],
    [{ url: HOOK, cron: '0 5,55,59 0 * * ?' }, 'cron: fires 240 s after'],
    [{ url: HOOK, cron: '0 0,55 0,23 * * ?' }, 'cron: fires 300 s after'],
    [{ url: HOOK, cron: '0 0,55 0,23 1,L * ?' }, 'cron: '],
  ])('a job of %j is not made, and none becomes so: %s', async (job, message) => {
    const body = JSON.stringify(job)
    const format = FORMATS[body.length % FORMATS.length] ?? JSON_TYPE
    const made = await refused('POST /1/jobs', { body, accept: format }, format)
    expect([made.status, made.error]).toEqual([400, expect.stringContaining(message)])
    const changed = await refused('PUT /1/jobs/ID', { body })
    expect([changed.status, changed.error]).toEqual([400, expect.stringContaining(message)])
  })

  it.each([
    ['url', `${HOOK}/${'x'.repeat(5000)}`],
    ['signature', 'x'.repeat(5000)],
    ['contentType', `text/${'x'.repeat(5000)}`],
    ['cron', `0 15 10 ? * *${' '.repeat(2000)}`],
  ])('a job is not made with a %s that is too long', async (field, text) => {
    const { status, error } = await refused('POST /1/jobs', { body: JSON.stringify({ ...CRON, [field]: text }) })
    expect([status, error]).toEqual([400, expect.stringMatching(new RegExp(`^${field}: .*(at most |<=)\\d+`))])
  })

  it('refuses 10 MB of nested XML, and goes on', async () => {
    const body = '<job>'.padEnd(10 * 1024 * 1024, '<a>')
    const { status, error } = await refused('POST /1/jobs', { body, type: 'text/xml' })
    expect([status, error]).toEqual([400, expect.stringContaining('more than 8 deep')])
  })

  it('chooses by quality, and does nothing where nothing is acceptable', async () => {
    const typeFor = async (accept: string) => (await call('GET /1/jobs', { accept })).headers.get('content-type')
    expect(await typeFor('application/json;q=0.5, text/xml;q=0.6')).toBe('text/xml; charset=utf-8')
    expect(await typeFor('application/json;q=0, */*;q=0.1')).toBe('text/xml; charset=utf-8')
    expect(await typeFor('text/*')).toBe('text/xml; charset=utf-8')
    expect(await typeFor('text/plain, text/xml;q=0.9')).toBe('text/plain; charset=utf-8')
    expect(await typeFor('*/*')).toBe('application/json; charset=utf-8')
    for (const route of ['POST /1/jobs', 'PUT /1/jobs/ID', 'POST /1/jobs/0+15+10+%3F+*+*/https%3A%2F%2Fexample.com']) {
      const body = JSON.stringify({ ...CRON, data: 'never' })
      expect((await refused(route, { accept: 'text/html, application/json;q=0', body })).status).toBe(406)
    }
    expect((await refused('GET /1/jobs/ID', { accept: 'text/plain' }, 'text/plain')).status).toBe(406)
  })

  it('says no more of a fault of ours than that there is one, in the format that is asked for', async () => {
    await database.query('alter table job_text rename to gone')
    onTestFinished(() => void database.query('alter table if exists gone rename to job_text'))
    const answers = await Promise.all(FORMATS.map((accept) => call('GET /1/jobs', { accept })))
    await database.query('alter table gone rename to job_text')
    for (const [index, { status, text, headers }] of answers.entries()) {
      const format = FORMATS[index] ?? ''
      expect([status, headers.get('content-type')]).toEqual([500, `${format}; charset=utf-8`])
      expect(errorIn(text, format)).toBe('An internal server error occurred')
    }
  })

  describe('on the wire', () => {
    async function exchange(text: string): Promise<string> {
      const socket = net.connect(Number(new URL(app.url).port), '127.0.0.1')
      socket.write(text.replaceAll('\n', '\r\n'))
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    }

    it('says how long an answer is, also without an Accept header', async () => {
      const request = `GET /1/jobs/${jobId} HTTP/1.1\nHost: localhost\nAuthorization: Bearer ${ann.token}\nConnection: close\n\n`
      const [head = '', body = ''] = (await exchange(request)).split('\r\n\r\n')
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(head).toMatch(new RegExp(`^content-length: ${body.length}\r?$`, 'im'))
      expect(head).toMatch(/^content-type: application\/json; charset=utf-8\r?$/im)
      expect(head).not.toMatch(/transfer-encoding/i)
      expect(JSON.parse(body)).toMatchObject({ id: jobId })
    })

    it('takes a path as it is, and a body in chunks', async () => {
      const request = `POST /1/jobs/0+0%2F10+*+*+*+%3F/https%3a%2F%2Fexample.com%2Fa%252Fb?x=1 HTTP/1.1
Host: localhost
Authorization: Bearer ${ann.token}
Transfer-Encoding: chunked
Connection: close

2
ab
0

`
      const [head = '', body = ''] = (await exchange(request)).split('\r\n\r\n')
      expect(head).toMatch(/^HTTP\/1\.1 201 /)
      expect(JSON.parse(body)).toMatchObject({
        ...{ url: 'https://example.com/a%2Fb', cron: '0 0/10 * * * ?', data: 'ab' },
      })
    })
  })

  describe('asks the database', () => {
    /** Statements that a call costs. */
    async function statementsOf(route: string, sent: Sent = {}): Promise<number> {
      const { answer, statements } = await withStatements((headers) => call(route, { ...sent, headers }))
      expect(answer.status).toBeLessThan(300)
      return statements.length
    }

    it('twice for a new job: whose token it is, and one statement that writes it all', async () => {
      await call('POST /1/jobs', { body: BODY })
      const { statements } = await withStatements((headers) => call('POST /1/jobs', { body: BODY, headers }))
      expect(costOf(statements)).toEqual({ statements: 2, writes: 1 })
    })

    it('as often whatever a job is like and however many there are, and not often', async () => {
      const before = await statementsOf('POST /1/jobs', { body: BODY })
      const own = [(await call('GET /1/jobs')).text.length, await statementsOf('GET /1/jobs')]
      for (let n = 0; n < 30; n++) await call('POST /1/jobs', { body: BODY })
      const rich = { ...CRON, data: 'x'.repeat(2048), contentType: 'text/plain', signature: 'x'.repeat(1000) }
      const counts = [
        await statementsOf('POST /1/jobs', { body: BODY }),
        await statementsOf('POST /1/jobs', { body: JSON.stringify(rich) }),
        await statementsOf('POST /1/jobs', { body: JSON.stringify({ url: HOOK, when: '2999-01-01T00:00Z' }) }),
        await statementsOf('POST /1/jobs', {
          type: 'text/xml',
          body: `<job><url>${HOOK}</url><cron>0 15 10 ? * *</cron></job>`,
        }),
        await statementsOf('POST /1/jobs/0+15+10+%3F+*+*/https%3A%2F%2Fexample.com', { body: 'x' }),
      ]
      expect(new Set(counts)).toEqual(new Set([before]))
      expect((await call('GET /1/jobs')).text.length).toBeGreaterThan(own[0] ?? 0)
      expect(await statementsOf('GET /1/jobs')).toBe(own[1])
    })
  })
})
