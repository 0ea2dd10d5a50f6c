/** The calls of Boozles: jobs made, read, listed, changed and deleted, in every format that there is. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseId } from '../../../src/kernel/ids.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, makeJob, type Person, signUp } from '../../support/people.ts'
import { type Client, CRON, clientOf, HOOK } from './client.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
const JSON_TYPE = 'application/json'
const XML_TYPES = ['text/xml', 'application/xml']
const DOCUMENTS = [JSON_TYPE, ...XML_TYPES]

const DAILY = '0 15 10 ? * *'
const SIGNATURE = '507aaa0733464499847c930db95983f8994ae266'
const WHEN = '2999-05-11T15:30:00Z'

/** The first example has a comma too many, and is to be taken as it is. */
const EXAMPLES = {
  cron: {
    [JSON_TYPE]: `{
  "url": "https://example.com/my-callback",
  "cron": "0 15 10 ? * *",
}`,
    xml: `<job>
  <url>https://example.com/my-callback</url>
  <cron>0 15 10 ? * *</cron>
</job>`,
  },
  when: {
    [JSON_TYPE]: `{
  "url": "https://example.com/my-callback",
  "signature": "${SIGNATURE}",
  "contentType": "text/plain",
  "data": "testing",
  "when": "${WHEN}"
}`,
    xml: `<job>
  <url>https://example.com/my-callback</url>
  <signature>${SIGNATURE}</signature>
  <contentType>text/plain</contentType>
  <data>testing</data>
  <when>${WHEN}</when>
</job>`,
  },
}

const exampleOf = (kind: keyof typeof EXAMPLES, type: string) => EXAMPLES[kind][type === JSON_TYPE ? JSON_TYPE : 'xml']

/** The next quarter past ten in the morning, of UTC. */
function nextDaily(): string {
  const next = new Date()
  next.setUTCHours(10, 15, 0, 0)
  if (next.getTime() <= Date.now()) next.setUTCDate(next.getUTCDate() + 1)
  return next.toISOString().replace('.000', '')
}

/** Longer than all tests here take. */
const TESTS_MS = 60_000

/** The examples fire daily, and would change between two looks at them. */
async function awayFromSlot(): Promise<void> {
  const left = Date.parse(nextDaily()) - Date.now()
  if (left < TESTS_MS) await sleep(left)
}

function answerOf(kind: keyof typeof EXAMPLES, id: string, next: string): Record<string, string> {
  const rest =
    kind === 'cron'
      ? { cron: DAILY, next }
      : { signature: SIGNATURE, contentType: 'text/plain', data: 'testing', when: WHEN }
  return { id, account: 'example', url: HOOK, ...rest }
}

const xmlOf = (job: Record<string, string>) =>
  `<job>\n${Object.entries(job)
    .map(([name, text]) => `  <${name}>${text}</${name}>\n`)
    .join('')}</job>`

describe('jobs of Boozles', () => {
  let app: TestApp
  let example: Person
  let call: Client
  let other: Client

  beforeAll(async () => {
    await awayFromSlot()
    app = await createTestApp()
    example = await signUp(app, 'example')
    call = clientOf(app, example)
    other = clientOf(app, await signUp(app, 'other'))
  }, 2 * TESTS_MS)
  afterAll(() => app.stop())

  async function make(job: object): Promise<Record<string, string>> {
    const { status, text } = await call('POST /1/jobs', { body: JSON.stringify(job) })
    expect([status, text]).toEqual([201, expect.any(String)])
    return JSON.parse(text)
  }

  const read = async (id: string) => {
    const { status, text } = await call(`GET /1/jobs/${id}`)
    return status === 200 ? JSON.parse(text) : status
  }

  it('are none at first: an empty body, an empty array, an element of none', async () => {
    const fresh = clientOf(app, await signUp(app, 'fresh'))
    const { status, text, headers } = await fresh('GET /1/jobs', { accept: 'text/plain' })
    expect([status, text, headers.get('content-length')]).toEqual([200, '', '0'])
    expect((await fresh('GET /1/jobs')).text).toBe('[]')
    expect((await fresh('GET /1/jobs', { accept: 'text/xml' })).text).toBe('<jobs></jobs>')
  })

  describe.each(['cron', 'when'] as const)('with a %s', (kind) => {
    it.each(DOCUMENTS.flatMap((type) => [...DOCUMENTS, 'text/plain'].map((accept) => [type, accept])))(
      'are made of %s and answered as %s',
      async (type, accept) => {
        const { status, headers, text } = await call('POST /1/jobs', { type, accept, body: exampleOf(kind, type) })
        const id = headers.get('location')?.slice('/1/jobs/'.length) ?? ''
        expect([status, id]).toEqual([201, expect.stringMatching(UUID)])
        expect(headers.get('content-type')).toBe(`${accept}; charset=utf-8`)
        expect(headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
        expect(headers.get('vary')).toBe('Accept')
        const job = answerOf(kind, id, nextDaily())
        const said = accept === JSON_TYPE ? JSON.stringify(job) : accept === 'text/plain' ? id : xmlOf(job)
        expect(text).toBe(said)
        if (accept === 'text/plain') return
        const again = await call(`GET /1/jobs/${id}`, { accept })
        expect([again.status, again.text, again.headers.get('content-type')]).toEqual([
          200,
          text,
          headers.get('content-type'),
        ])
      },
    )

    it.each(DOCUMENTS)('are changed by %s into what it says, and nothing that it does not', async (type) => {
      const { id = '' } = await make({ ...CRON, data: 'old', signature: 'old', contentType: 'text/old' })
      const body = exampleOf(kind, type)
      for (const accept of [...DOCUMENTS, 'text/plain']) {
        const { status, text, headers } = await call(`PUT /1/jobs/${id}`, { type, accept, body })
        const job = answerOf(kind, id, nextDaily())
        const said = accept === JSON_TYPE ? JSON.stringify(job) : accept === 'text/plain' ? id : xmlOf(job)
        expect([status, text, headers.get('content-type')]).toEqual([200, said, `${accept}; charset=utf-8`])
        expect(headers.get('location')).toBeNull()
        expect(await read(id)).toEqual(job)
      }
    })
  })

  it('are listed by their ids, the oldest first, as text, JSON and XML, and nobody else sees them', async () => {
    const lister = await signUp(app, 'lister')
    const own = clientOf(app, lister)
    const ids: string[] = []
    for (let n = 0; n < 3; n++) {
      ids.push((await own('POST /1/jobs', { accept: 'text/plain', body: JSON.stringify(CRON) })).text)
    }
    expect((await own('GET /1/jobs', { accept: 'text/plain' })).text).toBe(ids.join(','))
    expect((await own('GET /1/jobs')).text).toBe(JSON.stringify(ids))
    for (const accept of XML_TYPES) {
      const lines = ids.map((id) => `  <id>${id}</id>\n`).join('')
      expect((await own('GET /1/jobs', { accept })).text).toBe(`<jobs>\n${lines}</jobs>`)
    }
    expect((await call('GET /1/jobs')).text).not.toContain(ids[0])
    await own(`DELETE /1/jobs/${ids[1]}`)
    expect((await own('GET /1/jobs', { accept: 'text/plain' })).text).toBe([ids[0], ids[2]].join(','))
  })

  it('are deleted, whatever is accepted, and are no more', async () => {
    for (const accept of ['image/png', 'text/plain', JSON_TYPE]) {
      const { id = '' } = await make(CRON)
      const { status, text, headers } = await call(`DELETE /1/jobs/${id}`, { accept })
      expect([status, text, headers.get('content-type'), headers.get('vary')]).toEqual([204, '', null, null])
      expect(await read(id)).toBe(404)
      expect((await call(`DELETE /1/jobs/${id}`)).status).toBe(404)
    }
  })

  it('say of themselves what only we say, and nothing else of it is taken', async () => {
    const said = { id: '1', account: 'other', next: '2999-01-01T00:00:00Z', nonsense: { deep: [1] } }
    const made = await make({ ...CRON, ...said })
    expect(made).toEqual(answerOf('cron', made.id ?? '', nextDaily()))
    const put = await call(`PUT /1/jobs/${made.id}`, { body: JSON.stringify({ ...made, ...said }) })
    expect(JSON.parse(put.text)).toEqual(made)
    const xml = `<job><id>1</id><account>other</account><extra><url>x</url></extra><url>${HOOK}</url><cron>${DAILY}</cron></job>`
    expect(JSON.parse((await call(`PUT /1/jobs/${made.id}`, { type: 'text/xml', body: xml })).text)).toEqual(made)
  })

  it('take null for nothing, and an empty element too', async () => {
    const none = { signature: null, contentType: null, data: null, when: null }
    const made = await make({ ...CRON, ...none })
    expect(Object.keys(made)).toEqual(['id', 'account', 'url', 'cron', 'next'])
    const body = `<job><url>${HOOK}</url><signature/><contentType></contentType><when> </when><cron>${DAILY}</cron></job>`
    const put = await call(`PUT /1/jobs/${made.id}`, { type: 'text/xml', body })
    expect(JSON.parse(put.text)).toEqual(made)
  })

  it('go from one time to many and back', async () => {
    const { id = '' } = await make(CRON)
    const put = async (job: object) =>
      JSON.parse((await call(`PUT /1/jobs/${id}`, { body: JSON.stringify({ url: HOOK, ...job }) })).text)
    expect(await put({ when: WHEN })).toEqual({ id, account: 'example', url: HOOK, when: WHEN })
    expect(await read(id)).toEqual({ id, account: 'example', url: HOOK, when: WHEN })
    expect(await put({ cron: DAILY })).toEqual({ id, account: 'example', url: HOOK, cron: DAILY, next: nextDaily() })
    expect(await read(id)).toEqual({ id, account: 'example', url: HOOK, cron: DAILY, next: nextDaily() })
  })

  it.each([
    ['2999-05-11T15:30:00+02:00', '2999-05-11T13:30:00Z'],
    ['2999-05-11T15:30', '2999-05-11T15:30:00Z'],
    ['2999-05-11T15:30:00.987-05', '2999-05-11T20:30:00Z'],
  ])('fire at %s, which is %s', async (when, utc) => {
    const made = await make({ url: HOOK, when })
    expect(made).toEqual({ id: made.id, account: 'example', url: HOOK, when: utc })
    expect(await read(made.id ?? '')).toEqual(made)
  })

  it.each([
    '0 0/10 * * * ?',
    '0 15 10 * * *',
    '0 15 10 ? * MON-FRI',
    '0 15 10 ? * 1',
    '0 15 10 L * ?',
    '0 15 10 15W * ?',
    '0 15 10 ? * 6#3',
    '0 15 10 ? * FRIL',
    '0 15 10 ? * * 2098-2099',
    '0 0,50 0/2 * * ?',
  ])('fire by %s', async (cron) => {
    const made = await make({ url: HOOK, cron })
    expect(made).toMatchObject({ cron, next: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/) })
    expect(await read(made.id ?? '')).toEqual(made)
  })

  it('count Sundays as the first day', async () => {
    const { next = '' } = await make({ url: HOOK, cron: '0 0 12 ? * 1' })
    expect(new Date(next).getUTCDay()).toBe(0)
  })

  describe('keep data to the letter', () => {
    const shown = async (accept: string, id: string) => (await call(`GET /1/jobs/${id}`, { accept })).text

    it.each([
      ['blanks around it', '  a\tb\n '],
      ['what looks like a number', '007'],
      ['markup', '<a b="c">&amp;]]></a>'],
      ['what looks like JSON', '{"a": ",}"}'],
      ['what looks like a template', '{{ run.id }} \\{{'],
      ['a carriage return', 'a\r\nb\rc'],
      ['letters of all kinds', 'üñ😀\ufeff'],
      ['nothing', ''],
    ])('with %s', async (_, data) => {
      const { id = '', ...made } = await make({ ...CRON, data })
      expect(made.data).toBe(data)
      const xml = await shown('text/xml', id)
      const put = await call(`PUT /1/jobs/${id}`, { type: 'text/xml', body: xml })
      expect(JSON.parse(put.text)).toEqual({ id, ...made })
    })

    it('also what XML cannot say, which is base64 there', async () => {
      const data = 'a\0\u0001b'
      const { id = '', data: said } = await make({ ...CRON, data })
      expect(said).toBe(data)
      expect(await shown('text/xml', id)).toContain(`<data>${Buffer.from(data).toString('base64')}</data>`)
    })

    it('up to 2048 bytes, not characters', async () => {
      const most = 'ü'.repeat(1024)
      expect((await make({ ...CRON, data: most })).data).toBe(most)
      const before = await countRows(app)
      const { id } = await make(CRON)
      const tooMuch = JSON.stringify({ ...CRON, data: `${most}x` })
      const made = await call('POST /1/jobs', { body: tooMuch })
      const put = await call(`PUT /1/jobs/${id}`, { body: tooMuch })
      for (const { status, text } of [made, put]) {
        expect([status, JSON.parse(text)]).toEqual([413, { error: 'data: must have at most 2048 bytes' }])
      }
      const xml = `<job><url>${HOOK}</url><cron>${DAILY}</cron><data>${most}x</data></job>`
      expect((await call('POST /1/jobs', { type: 'text/xml', body: xml })).status).toBe(413)
      expect(await countRows(app)).toMatchObject({ job: (before.job ?? 0) + 1 })
      expect(await read(id ?? '')).not.toHaveProperty('data')
    })
  })

  describe('are nobody else’s', () => {
    it('to read, to change or to delete, not even an administrator’s', async () => {
      const { id = '' } = await make(CRON)
      const admin = clientOf(app, { ...example, token: ADMIN_TOKEN })
      for (const client of [other, admin]) {
        for (const route of [`GET /1/jobs/${id}`, `PUT /1/jobs/${id}`, `DELETE /1/jobs/${id}`]) {
          const body = route.startsWith('PUT') ? { body: JSON.stringify({ url: HOOK, when: WHEN }) } : {}
          const { status, text } = await client(route, body)
          expect([status, JSON.parse(text)]).toEqual([404, { error: 'there is no such job' }])
        }
        expect((await client('GET /1/jobs')).text).not.toContain(id)
      }
      expect(await read(id)).toMatchObject({ id, cron: DAILY })
    })

    it('nor are those of other APIs theirs, nor what is no id', async () => {
      const uuid = parseId((await makeJob(app, example.token)).id)?.uuid ?? ''
      expect(uuid).toMatch(UUID)
      expect((await call('GET /1/jobs')).text).not.toContain(uuid)
      const before = await countRows(app)
      for (const given of [uuid, 'x', '1', '00000000-0000-7000-8000-000000000000', '%00', '%2F']) {
        for (const method of ['GET', 'PUT', 'DELETE']) {
          const body = method === 'PUT' ? { body: JSON.stringify(CRON) } : {}
          expect((await call(`${method} /1/jobs/${given}`, body)).status, given).toBe(404)
        }
      }
      expect(await countRows(app)).toEqual(before)
    })

    it('and a token without the scope can neither read nor write them', async () => {
      const { id = '', ...made } = await make({ ...CRON, data: 'secret', signature: 'secret' })
      const { token: reader } = await issueToken(app, example.token, { scopes: ['jobs:read'] })
      const { token: stranger } = await issueToken(app, example.token, { scopes: ['data:read'] })
      const before = await countRows(app)
      const body = JSON.stringify(CRON)
      const refused = [
        await call('POST /1/jobs', { token: reader, body }),
        await call(`PUT /1/jobs/${id}`, { token: reader, body }),
        await call(`DELETE /1/jobs/${id}`, { token: reader }),
        await call('POST /1/jobs/0+15+10+%3F+*+*/https%3A%2F%2Fexample.com', { token: reader }),
        await call('GET /1/jobs', { token: stranger }),
        await call(`GET /1/jobs/${id}`, { token: stranger }),
      ]
      for (const { status, text } of refused) {
        expect([status, JSON.parse(text)]).toEqual([
          403,
          { error: expect.stringContaining('the token lacks the scope') },
        ])
      }
      expect(await countRows(app)).toEqual(before)
      const seen = await call(`GET /1/jobs/${id}`, { token: reader })
      expect([seen.status, JSON.parse(seen.text)]).toEqual([200, { id, ...made, data: '•••', signature: '•••' }])
    })
  })

  describe('given in a path', () => {
    const DATED = '/1/jobs/2999-05-11T15%3A30%3A00Z/https%3A%2F%2Fexample.com'
    const RECURRING = '/1/jobs/0+15+10+%3F+*+*/https%3A%2F%2Fexample.com'

    it('are made as their examples say', async () => {
      for (const [path, timing] of [
        [DATED, { when: '2999-05-11T15:30:00Z' }],
        [RECURRING, { cron: DAILY, next: nextDaily() }],
      ] as const) {
        const { status, headers, text } = await call(`POST ${path}`)
        const job = JSON.parse(text)
        expect([status, job]).toEqual([201, { id: job.id, account: 'example', url: 'https://example.com', ...timing }])
        expect(headers.get('location')).toBe(`/1/jobs/${job.id}`)
        expect(await read(job.id)).toEqual(job)
        expect((await call(`POST ${path}`, { accept: 'text/plain' })).text).toMatch(UUID)
        expect((await call(`POST ${path}`, { accept: 'application/xml' })).text).toMatch(/^<job>\n {2}<id>/)
      }
    })

    it.each([
      ['2999-05-11T15:30:00+02:00', { when: '2999-05-11T13:30:00Z' }],
      ['2999-05-11T15:30:00%2B02:00', { when: '2999-05-11T13:30:00Z' }],
      ['2999-05-11T15%3A30', { when: '2999-05-11T15:30:00Z' }],
      ['0%2015%2010%20%3F%20*%20*', { cron: DAILY }],
      ['0+0%2F10+*+*+*+%3F', { cron: '0 0/10 * * * ?' }],
      ['0+15+10+%3F+*+6%233', { cron: '0 15 10 ? * 6#3' }],
    ])('fire at %s', async (timing, said) => {
      const { status, text } = await call(`POST /1/jobs/${timing}/https%3A%2F%2Fexample.com`)
      expect([status, JSON.parse(text)]).toEqual([201, expect.objectContaining(said)])
    })

    it.each([
      ['https%3A%2F%2Fexample.com%2Fa%2Fb%3Fc%3Dd%26e%3D%252F', 'https://example.com/a/b?c=d&e=%2F'],
      ['https:%2F%2Fexample.com%2Fa+b%20c%2Bd', 'https://example.com/a+b c+d'],
      ['https%3A%2F%2Fexample.com%2F..%2Fa%2F%2Fb%23c', 'https://example.com/../a//b#c'],
    ])('call %s, which is %s', async (callback, url) => {
      const { status, text } = await call(`POST /1/jobs/2999-05-11T15:30:00Z/${callback}`)
      expect([status, JSON.parse(text).url]).toEqual([201, url])
    })

    it('keep the body as it is, with its media type and its signature', async () => {
      const headers = { 'x-content-signature': `sha=${SIGNATURE}` }
      const sent = { type: 'text/csv; charset=latin1', headers, body: '{"not": "JSON",}' }
      const job = JSON.parse((await call(`POST ${DATED}`, sent)).text)
      const kept = { signature: `sha=${SIGNATURE}`, contentType: 'text/csv; charset=latin1', data: '{"not": "JSON",}' }
      expect(job).toMatchObject(kept)
      expect(await read(job.id)).toEqual(job)
      const bare = JSON.parse((await call(`POST ${DATED}`, { type: null, body: 'x' })).text)
      expect(Object.keys(bare)).toEqual(['id', 'account', 'url', 'data', 'when'])
      const bytes = Uint8Array.of(0, 255, 13, 10, 128)
      const raw = JSON.parse((await call(`POST ${DATED}`, { type: null, body: bytes })).text)
      expect(raw.data).toBe(Buffer.from(bytes).toString('base64'))
    })

    it('have neither of them without a body', async () => {
      const job = JSON.parse((await call(`POST ${DATED}`, { headers: { 'x-content-signature': 'x' } })).text)
      expect(Object.keys(job)).toEqual(['id', 'account', 'url', 'when'])
    })

    it('have up to 2048 bytes, whatever they are', async () => {
      const most = new Uint8Array(2048).fill(200)
      expect((await call(`POST ${DATED}`, { type: null, body: most })).status).toBe(201)
      const before = await countRows(app)
      expect((await call(`POST ${DATED}`, { type: null, body: new Uint8Array(2049) })).status).toBe(413)
      expect(await countRows(app)).toEqual(before)
    })

    it.each([
      ['tomorrow/https%3A%2F%2Fexample.com', 400, 'when: '],
      ['2011-05-11T15%3A30%3A00Z/https%3A%2F%2Fexample.com', 400, 'when: must be in the future'],
      ['0+0%2F5+*+*+*+%3F/https%3A%2F%2Fexample.com', 400, 'cron: '],
      ['0+15+10+%3F+*/https%3A%2F%2Fexample.com', 400, 'cron: '],
      ['2999-05-11+15:30:00Z/https%3A%2F%2Fexample.com', 400, 'cron: '],
      ['2999-05-11T15:30:00Z/example.com', 400, 'url: '],
      ['2999-05-11T15:30:00Z/ftp%3A%2F%2Fexample.com', 400, 'url: '],
      ['2999-05-11T15:30:00Z/https%3A%2F%2Fexample.com%E0%A4%A', 400, 'percent-encoded'],
      ['%ZZ/https%3A%2F%2Fexample.com', 400, 'percent-encoded'],
      ['%/%', 400, 'percent-encoded'],
      ['2999-05-11T15:30:00Z/https://example.com', 404, 'There is nothing'],
      ['2999-05-11T15:30:00Z/', 404, 'There is nothing'],
    ])('are not made of %s', async (path, status, message) => {
      const before = await countRows(app)
      const answer = await call(`POST /1/jobs/${path}`)
      expect([answer.status, JSON.parse(answer.text).error]).toEqual([status, expect.stringContaining(message)])
      expect(await countRows(app)).toEqual(before)
    })
  })
})
