/** The data token that the page around a site hands to its frame: the site's script reads data as who looks at it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createVisitor } from '../../hosting/visitor.ts'
import { API, createSiteWorld, type SiteWorld } from '../../hosting/world.ts'
import { type Person, signUp } from '../../support/people.ts'
import { type RestOptions, rest } from '../../support/rest.ts'

const POLICY = {
  version: 1,
  field: 'region',
  default: 'deny',
  rules: [{ match: { domain: 'example.org' }, values: ['EU'] }],
}

let world: SiteWorld
let reader: Person
let site: string
let other: string

beforeAll(async () => {
  world = await createSiteWorld()
  const { app, alice } = world
  reader = await signUp(app, 'reader', 'reader@example.org')
  const page = [{ path: 'index.html', content: 'hello' }]
  site = (await world.publish('sales', page, { visibility: 'PRIVATE', accessPolicy: POLICY })).id
  other = (await world.publish('other', page, { visibility: 'PRIVATE' })).id
  for (const id of [site, other]) {
    const { token } = alice
    const rows = [{ region: 'EU' }, { region: 'US' }]
    await rest(app, `POST /v1/data/${id}/tables/sales`, { token, body: { rows } })
    const body = { emails: ['reader@example.org'], role: 'viewer' }
    await rest(app, `POST /v1/artifacts/${id}/collaborators`, { token, body })
  }
})
afterAll(() => world?.app.stop())

async function dataTokenOf(slug: string, { token }: Person): Promise<string> {
  const root = `${API}/a/${slug}/`
  const visitor = createVisitor(world)
  await visitor.submit(root, 'sign-in', { token })
  const { text } = await visitor.send(`${root}.runsheet/data-token`, { headers: { 'sec-fetch-site': 'same-origin' } })
  return JSON.parse(text).token
}

const ask = async (route: string, token: string, body?: RestOptions['body']) => rest(world.app, route, { token, body })

describe('a data token', () => {
  it('reads the rows that the access policy lets its viewer see', async () => {
    const { status, body } = await ask(
      `POST /v1/data/${site}/tables/sales/query`,
      await dataTokenOf('sales', reader),
      {},
    )
    expect(status).toBe(200)
    expect(body.data.rows.map(({ region }: { region: string }) => region)).toEqual(['EU'])
  })

  it('reads all rows for the owner', async () => {
    const { body } = await ask(`POST /v1/data/${site}/tables/sales/count`, await dataTokenOf('sales', world.alice), {})
    expect(body.data.count).toBe(2)
  })

  it('changes nothing, not even for the owner', async () => {
    const token = await dataTokenOf('sales', world.alice)
    expect(await ask(`POST /v1/data/${site}/tables/sales`, token, { region: 'EU' })).toMatchObject({
      status: 403,
      body: { success: false, code: 'INSUFFICIENT_SCOPE' },
    })
  })

  it('is good for its own artifact, and for nothing beside the data', async () => {
    const token = await dataTokenOf('sales', reader)
    const refused = { status: 401, body: { success: false, code: 'UNAUTHORIZED' } }
    expect(await ask(`POST /v1/data/${other}/tables/sales/query`, token, {})).toMatchObject(refused)
    for (const route of [`GET /v1/artifacts/${site}`, 'GET /v1/jobs', 'GET /v1/auth/profile']) {
      expect([route, (await ask(route, token)).status]).toEqual([route, 401])
    }
  })
})
