/** Private sites: who gets in, by what, and until when. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPasses, PASS_MS } from '../../src/hosting/passes.ts'
import { derivedKey } from '../../src/kernel/derived-key.ts'
import { newId, uuidOf } from '../../src/kernel/ids.ts'
import { issueToken, type Person, query, signUp } from '../support/people.ts'
import { createVisitor } from './visitor.ts'
import { API, as, createSiteWorld, NAVIGATION, type SiteWorld, siteOf, text } from './world.ts'

const SECRET_KEY = '0'.repeat(64)
const roots = (name: string) => ({ own: `${siteOf(name)}/`, shared: `${API}/a/${name}/` })

let world: SiteWorld
let alice: Person
let bob: Person
let artifactId: string

beforeAll(async () => {
  world = await createSiteWorld()
  alice = world.alice
  bob = await signUp(world.app, 'bob')
  const files = [text('index.html', 'for alice'), text('css/main.css', 'p {}'), text('docs/page.html', 'a page')]
  const more = { visibility: 'PRIVATE' } as const
  artifactId = uuidOf('Artifact', (await world.publish('secret', files, more)).id) ?? ''
  await world.publish('other', [text('index.html', 'other')], more)
  await world.publish('open', [text('index.html', 'open')])
})
afterAll(() => world.app.stop())

const revoke = (id: string) =>
  query(world.app, 'update api_token set revoked_at = now() where id = $1::uuid', [uuidOf('ApiToken', id)])

describe.each(['own', 'shared'] as const)('on its %s origin a private site', (origin) => {
  const root = roots('secret')[origin]
  const other = roots('other')[origin]

  test('asks people for a token, and tells programs that they need one', async () => {
    const page = await world.get(root, { headers: NAVIGATION })
    expect(page.status).toBe(401)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.text).toContain('<label for="token">')
    const told = await world.get(root)
    expect([told.status, told.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(told.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  })

  test('opens for a token that may read it, and goes on to where the visitor wanted to go', async () => {
    const visitor = createVisitor(world)
    const to = `${new URL(root).pathname}docs/page.html?a=b`
    const answer = await visitor.submit(root, 'sign-in', { token: alice.token, to })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, to])
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toContain(`; Path=${new URL(root).pathname}; HttpOnly; SameSite=Lax`)
    expect(cookie).not.toContain('Domain')
    expect(cookie).not.toContain(alice.token)
    const page = await visitor.send(root)
    expect([page.status, page.headers.get('cache-control')?.startsWith('private, no-')]).toEqual([200, true])
  })

  test.each(['//evil.example/', 'https://evil.example/', '/\\evil.example', '/elsewhere\r\nx: y', ''])(
    'sends nobody to %j',
    async (to) => {
      const answer = await createVisitor(world).submit(roots('secret').shared, 'sign-in', { token: alice.token, to })
      expect(answer.headers.get('location')).toBe('/a/secret/')
    },
  )

  test('answers wrong tokens all alike, and a token without the right with 403', async () => {
    const visitor = createVisitor(world)
    const revoked = await issueToken(world.app, alice.token)
    await revoke(revoked.id)
    const answers = await Promise.all(
      ['', 'nonsense', revoked.token].map((token) => visitor.submit(root, 'sign-in', { token })),
    )
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401])
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
    expect((await visitor.submit(root, 'sign-in', { token: bob.token })).status).toBe(403)
    expect((await visitor.send(root)).status).toBe(401)
  })

  test('takes no form from another page', async () => {
    const visitor = createVisitor(world)
    const fields = { token: alice.token }
    for (const headers of [
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'none' },
    ]) {
      expect((await visitor.submit(root, 'sign-in', fields, headers)).status).toBe(403)
    }
    const old = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams(fields).toString()
    const url = `${root}.runsheet/sign-in`
    expect((await world.get(url, { method: 'POST', headers: { ...old, origin: 'null' }, body })).status).toBe(403)
    expect((await world.get(url, { method: 'POST', headers: old, body })).status).toBe(403)
    const { origin } = new URL(root)
    expect((await world.get(url, { method: 'POST', headers: { ...old, origin }, body })).status).toBe(303)
  })

  test('has a cookie that opens no other site, and not the API', async () => {
    const visitor = createVisitor(world)
    await visitor.submit(root, 'sign-in', { token: alice.token })
    const cookie = visitor.cookieOf(root)
    expect((await world.get(root, { headers: { ...NAVIGATION, cookie } })).status).toBe(200)
    expect((await world.get(other, { headers: { ...NAVIGATION, cookie } })).status).toBe(401)
    const body = JSON.stringify({ query: '{ viewer { handle } }' })
    const headers = { 'content-type': 'application/json', cookie }
    const answer = await world.get(`${API}/graphql`, { method: 'POST', headers, body })
    expect(JSON.parse(answer.text)).toEqual({ data: { viewer: null } })
  })

  test('takes a cookie also when somebody put another of its name before it', async () => {
    const visitor = createVisitor(world)
    await visitor.submit(root, 'sign-in', { token: alice.token })
    const cookie = `runsheet_site=forged; ${visitor.cookieOf(root)}`
    expect((await world.get(root, { headers: { ...NAVIGATION, cookie } })).status).toBe(200)
  })

  test('is closed as soon as the token is revoked, or the visitor signs out', async () => {
    const visitor = createVisitor(world)
    const issued = await issueToken(world.app, alice.token)
    await visitor.submit(root, 'sign-in', { token: issued.token })
    expect((await visitor.send(root)).status).toBe(200)
    await revoke(issued.id)
    expect((await visitor.send(root)).status).toBe(401)

    await visitor.submit(root, 'sign-in', { token: alice.token })
    expect((await visitor.send(root)).status).toBe(200)
    expect((await visitor.submit(root, 'sign-out', {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await visitor.send(root)).status).toBe(200)
    const bye = await visitor.submit(root, 'sign-out')
    expect(bye.headers.get('clear-site-data')).toBe(origin === 'own' ? '"cache", "storage"' : null)
    expect((await visitor.send(root)).status).toBe(401)
  })
})

describe('passes', () => {
  const passes = (now = Date.now) => createPasses({ key: derivedKey(SECRET_KEY, 'passes to sites'), now })
  const tokenOf = async () => {
    const { id, token } = await issueToken(world.app, alice.token)
    return { id, token, tokenId: uuidOf('ApiToken', id) ?? '' }
  }
  const page = (pass: string, path = '') => world.get(`${API}/a/secret/_s/${pass}/${path}`)

  test('let the sandboxed page of a private site load its parts, and tell nobody the address', async () => {
    const visitor = createVisitor(world)
    const root = roots('secret').shared
    await visitor.submit(root, 'sign-in', { token: alice.token })
    const [, frame = ''] = /<iframe [^>]*src="([^"?]+)/.exec((await visitor.send(root)).text) ?? []
    expect(frame).toMatch(/^\/a\/secret\/_s\/[\w-]+\/$/)
    const part = await world.get(`${API}${frame}css/main.css`)
    expect([part.status, part.text]).toEqual([200, 'p {}'])
    expect(part.headers.get('access-control-allow-origin')).toBe('*')
    expect(part.headers.get('referrer-policy')).toBe('no-referrer')
    expect(part.headers.get('cache-control')).toBe('private, no-cache')
    expect(part.headers.get('content-security-policy')).toMatch(/^sandbox /)
  })

  test('are given to whoever goes to a page by its address, with the cookie', async () => {
    const visitor = createVisitor(world)
    await visitor.submit(roots('secret').shared, 'sign-in', { token: alice.token })
    const answer = await visitor.send(`${roots('secret').shared}docs/page.html?a=b`)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toMatch(/^\/a\/secret\/_s\/[\w-]+\/docs\/page\.html\?a=b$/)
  })

  test('are good for their time, their kind, their artifact and their token only', async () => {
    const { id, tokenId } = await tokenOf()
    const { value } = passes().issue('frame', { tokenId, artifactId })
    expect((await page(value)).status).toBe(200)
    expect((await page(value.slice(0, -2))).status).toBe(401)
    expect((await page(`${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`)).status).toBe(401)
    const late = passes(() => Date.now() - PASS_MS.frame - 1).issue('frame', { tokenId, artifactId })
    expect((await page(late.value)).status).toBe(401)
    expect((await page(passes().issue('site', { tokenId, artifactId }).value)).status).toBe(401)
    expect((await page(passes().issue('data', { tokenId, artifactId }).value)).status).toBe(401)
    expect((await page(passes().issue('frame', { tokenId, artifactId: newId() }).value)).status).toBe(401)
    await revoke(id)
    expect((await page(value)).status).toBe(401)
  })

  test('of a data token open this site, and neither another nor the API', async () => {
    const visitor = createVisitor(world)
    const root = roots('secret').shared
    await visitor.submit(root, 'sign-in', { token: alice.token })
    const answer = await visitor.send(`${root}.runsheet/data-token`, { headers: { 'sec-fetch-site': 'same-origin' } })
    const data = JSON.parse(answer.text)
    expect(data).toMatchObject({ type: 'runsheet:data-token', token: expect.stringMatching(/^rsd_/) })
    expect(uuidOf('Artifact', data.artifactId)).toBe(artifactId)
    const inMs = Date.parse(data.expiresAt) - Date.now()
    expect(inMs > PASS_MS.data - 60_000 && inMs <= PASS_MS.data).toBe(true)
    expect((await world.get(root, as(data))).status).toBe(200)
    expect((await world.get(roots('other').shared, as(data))).status).toBe(401)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${data.token}` }
    const body = JSON.stringify({ query: '{ viewer { handle } }' })
    expect((await world.get(`${API}/graphql`, { method: 'POST', headers, body })).text).toContain('UNAUTHENTICATED')
  })

  test('of a data token are for pages of the site, and for those who are signed in', async () => {
    const visitor = createVisitor(world)
    const url = `${roots('open').shared}.runsheet/data-token`
    expect((await visitor.send(url)).status).toBe(204)
    await visitor.submit(roots('open').shared, 'sign-in', { token: bob.token })
    expect((await visitor.send(url, { headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(200)
    expect((await visitor.send(url, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403)
  })
})

test('a page of a site that does not exist asks nobody for a token', async () => {
  const visitor = createVisitor(world)
  expect((await visitor.submit(roots('nowhere').shared, 'sign-in', { token: alice.token })).status).toBe(404)
})

test('whoever tries wrong tokens too often has to wait, and nobody else', async () => {
  const root = roots('secret').own
  const visitor = createVisitor(world)
  for (let n = 0; n < 12; n++) {
    expect((await visitor.submit(root, 'sign-in', { token: alice.token })).status).toBe(303)
  }
  const tries = []
  for (let n = 0; n < 11; n++) tries.push(await visitor.submit(root, 'sign-in', { token: 'guess' }))
  expect(tries.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429])
  expect(Number(tries[10]?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await visitor.submit(root, 'sign-in', { token: alice.token })).status).toBe(429)
  expect((await createVisitor(world).submit(root, 'sign-in', { token: alice.token })).status).toBe(303)
})
