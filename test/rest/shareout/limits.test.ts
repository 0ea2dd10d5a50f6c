/** What a client cannot do by asking too often, by hanging up, or by asking twice. */
import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../../support/app.ts'
import { countRows, issueToken, publishSite, signUp } from '../../support/people.ts'
import { rest } from '../../support/rest.ts'

const PER_MINUTE = 3

describe('where the operator limits how often a client may ask', () => {
  let app: TestApp
  beforeAll(async () => {
    app = await createTestApp({ RATE_LIMIT_PER_MINUTE: String(PER_MINUTE) })
  })
  afterAll(() => app?.stop())

  it('one that is too many changes nothing', async () => {
    const busy = await signUp(app, 'busy')
    const { id } = await publishSite(app, 'busy', busy.token)
    const { token } = await issueToken(app, busy.token)
    const before = await countRows(app)
    const write = () => rest(app, `POST /v1/data/${id}/tables/t`, { token, body: { n: 1 } })
    const statuses = await Promise.all(Array.from({ length: PER_MINUTE + 2 }, write))
    expect(statuses.filter(({ status }) => status === 429)).toHaveLength(2)
    expect((await countRows(app)).dataset_row).toBe((before.dataset_row ?? 0) + PER_MINUTE)
  })
})

describe('a request', () => {
  let app: TestApp
  let site: string
  beforeAll(async () => {
    app = await createTestApp()
    site = (await publishSite(app, 'site', ADMIN_TOKEN)).id
  })
  afterAll(() => app?.stop())

  it('whose body is cut off changes nothing', async () => {
    const before = await countRows(app)
    const body = JSON.stringify({ name: 'Cut', slug: 'cut', files: [{ path: 'index.html', content: 'x'.repeat(500) }] })
    const socket = net.connect(Number(new URL(app.url).port), '127.0.0.1')
    socket.on('error', () => {})
    const head = ['POST /v1/publish HTTP/1.1', 'host: localhost', `authorization: Bearer ${ADMIN_TOKEN}`]
    const type = ['content-type: application/json', `content-length: ${body.length}`]
    socket.write(`${[...head, ...type].join('\r\n')}\r\n\r\n${body.slice(0, 400)}`)
    socket.end()
    socket.resume()
    await once(socket, 'close')
    expect((await rest(app, 'GET /v1/artifacts')).body.artifacts.map(({ slug }: { slug: string }) => slug)).toEqual([
      'site',
    ])
    expect(await countRows(app)).toEqual(before)
  })

  it.each([
    ['rows', 'tables/t', { n: 1 }, 'dataset_row'],
    ['a comment', 'comments', { text: 'well done' }, 'comment'],
  ])('for %s that is sent again with its key is done once', async (_what, path, body, table) => {
    const route = path === 'comments' ? `POST /v1/artifacts/${site}/comments` : `POST /v1/data/${site}/${path}`
    const before = (await countRows(app))[table] ?? 0
    const headers = { 'idempotency-key': `key of ${table}` }
    const first = await rest(app, route, { body, headers })
    const again = await rest(app, route, { body, headers })
    expect([first.status, first.headers.get('x-idempotent-replayed')]).toEqual([201, null])
    expect([again.status, again.headers.get('x-idempotent-replayed')]).toEqual([201, 'true'])
    expect(again.body).toEqual(first.body)
    expect((await countRows(app))[table]).toBe(before + 1)
  })
})
