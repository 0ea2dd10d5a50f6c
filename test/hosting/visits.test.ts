/** `artifact.viewed`: who looks at a page is counted once an hour, and jobs can wait for it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createVisits } from '../../src/hosting/visits.ts'
import { createLog } from '../../src/kernel/log.ts'
import { signUp } from '../artifacts/world.ts'
import { createTestDatabase } from '../support/database.ts'
import { makeJob, query } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { API, as, createSiteWorld, NAVIGATION, type SiteWorld, siteOf, text } from './world.ts'

let world: SiteWorld
beforeAll(async () => {
  world = await createSiteWorld()
  const files = [text('index.html', '<h1>home</h1>'), text('style.css'), text('docs/page.html')]
  await world.publish('site', files)
  await world.publish('secret', files, { visibility: 'PRIVATE' })
})
afterAll(() => world?.app.stop())

let visitors = 0
/** A browser that nobody has seen yet, and what it sends when its user goes to a page. */
const newBrowser = () => ({ ...NAVIGATION, 'user-agent': `browser ${++visitors}` })
let browser = newBrowser()
beforeEach(async () => {
  browser = newBrowser()
  await query(world.app, `delete from domain_event where type = 'artifact.viewed'`)
})

const look = (path = '', headers: Record<string, string> = browser, method = 'GET') =>
  world.get(`${siteOf('site')}/${path}`, { headers, method })

const events = () =>
  query<{ payload: { artifactId: string; path: string } }>(
    world.app,
    `select payload from domain_event where type = 'artifact.viewed' order by id`,
  )
/** The paths that were counted, when the view that was made last is among them. */
async function countedWith(last: string): Promise<string[]> {
  const paths = async () => (await events()).map(({ payload }) => payload.path)
  const times = async () => (await paths()).filter((path) => path === `/${last}`).length
  const before = await times()
  await world.get(`${siteOf('site')}/${last}`, { headers: newBrowser() })
  await expect.poll(times, { timeout: 5_000 }).toBe(before + 1)
  return (await paths()).slice(0, -1)
}
const END = 'docs/page.html'

describe('a view', () => {
  test('is told of with the artifact and the path, once for each visitor', async () => {
    const { id } = await world.publish('told', [text('index.html')])
    for (let times = 0; times < 3; times++) await world.get(`${siteOf('told')}/`, { headers: browser })
    expect(await countedWith(END)).toEqual(['/'])
    expect((await events())[0]?.payload).toEqual({ artifactId: id, path: '/' })
    await look('', newBrowser())
    await look('', newBrowser())
    expect(await countedWith(END)).toEqual(['/', '/docs/page.html', '/', '/'])
  })

  test('is one of the page around the site, of a page in a browser’s cache, and of a site’s own route', async () => {
    const etag = (await look('', {})).headers.get('etag') ?? ''
    const { status } = await look('', { ...browser, 'if-none-match': etag })
    expect(status).toBe(304)
    await world.get(`${API}/a/site/`, { headers: newBrowser() })
    await look('users/7', newBrowser())
    expect(await countedWith(END)).toEqual(['/', '/', '/users/7'])
  })

  test('is none of a part of a page, by HEAD, ahead of the user, by a program, or of what is not there', async () => {
    await look('style.css')
    await look('style.css', { ...browser, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'style' })
    await look('', { ...browser, 'sec-fetch-mode': 'cors' })
    await look('', browser, 'HEAD')
    await look('', { ...browser, 'sec-purpose': 'prefetch' })
    await look('', { 'user-agent': 'curl', accept: '*/*' })
    await look('docs//', browser)
    await world.get(`${siteOf('nobody')}/`, { headers: browser })
    await world.get(`${siteOf('secret')}/`, { headers: browser })
    expect(await countedWith(END)).toEqual([])
  })

  test('of a private site is by whoever is signed in, with whatever browser', async () => {
    for (let times = 0; times < 2; times++) {
      const headers = { ...newBrowser(), ...as(world.alice).headers }
      expect((await world.get(`${siteOf('secret')}/`, { headers })).status).toBe(200)
    }
    expect(await countedWith(END)).toEqual(['/'])
  })

  test('keeps nothing that tells who it was', async () => {
    await look()
    await countedWith(END)
    const [visit] = await query<{ row: string; bytes: number }>(
      world.app,
      `select artifact_visit::text as row, length(visitor) as bytes from artifact_visit limit 1`,
    )
    expect(visit?.bytes).toBe(32)
    expect(visit?.row).not.toMatch(/browser|127\.0\.0\.1/)
  })

  test('starts the jobs that wait for it', async () => {
    const receiver = await startReceiver()
    const { id: artifactId } = await world.publish('watched', [text('index.html')])
    await makeJob(world.app, world.alice.token, {
      artifactId,
      eventType: 'artifact.viewed',
      actions: [{ webhook: { url: receiver.url } }],
    })
    await world.get(`${siteOf('watched')}/`, { headers: browser })
    await world.get(`${siteOf('watched')}/`, { headers: browser })
    await expect.poll(() => receiver.calls.length, { timeout: 10_000 }).toBe(1)
    expect(JSON.parse(receiver.calls[0]?.body ?? '')).toMatchObject({
      event: { type: 'artifact.viewed', payload: { artifactId, path: '/' } },
    })
  })
})

describe('visits', () => {
  test('count again after an hour, and old ones are thrown away', async () => {
    const database = await createTestDatabase()
    const { prisma, pool } = database
    const { principalId: ownerId } = await signUp(database, 'owner')
    const artifact = { ownerId, createdById: ownerId, name: 'a', slug: 'a', id: '01a20000-0000-7000-8000-000000000001' }
    const { id: artifactId } = await prisma.artifact.create({ data: artifact })
    const view = { artifactId, ownerId, path: '/' }
    const alice = { ip: '127.0.0.1', userAgent: 'a' }
    const bob = { ip: '127.0.0.1', userAgent: 'b' }
    /** A node that has seen nobody yet. */
    const seeing = async (visitors: (typeof alice)[], key = Buffer.alloc(32)) => {
      const visits = createVisits({ pool, key, log: createLog('silent') })
      for (const visitor of visitors) visits.saw({ ...view, visitor })
      await visits.close()
      return prisma.domainEvent.count()
    }
    const age = (minutes: number) =>
      pool.query('update artifact_visit set at = at - make_interval(mins => $1)', [minutes])
    try {
      expect(await seeing([alice, bob, alice])).toBe(2)
      await age(59)
      expect(await seeing([alice])).toBe(2)
      await age(2)
      expect(await seeing([alice])).toBe(3)
      expect(await prisma.artifactVisit.count()).toBe(1)
      expect(await seeing([alice], Buffer.alloc(32, 1)), 'another key, another visitor').toBe(4)
      await prisma.artifact.update({ where: { id: artifactId }, data: { deletedAt: new Date(0) } })
      expect(await seeing([bob]), 'of what was deleted meanwhile').toBe(4)
      await prisma.artifact.update({ where: { id: artifactId }, data: { deletedAt: null } })
      await Promise.all(Array.from({ length: 4 }, () => seeing([bob, alice])))
      expect(await prisma.domainEvent.count(), 'on four nodes at once').toBe(5)
    } finally {
      await database.close()
    }
  })
})
