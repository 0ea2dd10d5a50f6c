/** Lists of jobs: who sees which, what the filters say, and that pages in both directions are the whole list. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JobFilter, JobOrder } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, type Person, publishSite, query, signUp } from '../support/people.ts'

const JOBS = graphql(`
  query Jobs($filter: JobFilter, $orderBy: JobOrder, $first: Int, $after: String, $last: Int, $before: String) {
    jobs(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor node { name } }
    }
  }
`)

type Args = {
  filter?: JobFilter
  orderBy?: JobOrder | null
  first?: number | null
  after?: string | null
  last?: number | null
  before?: string | null
}

const NAMES = [
  'alpha',
  'Beta 100%',
  'gamma_ray',
  'delta\\',
  'epsilon ☃',
  'zeta',
  'eta',
  'theta',
  'iota',
  'kappa',
  'lambda',
]

let app: TestApp
let alice: Person
let bob: Person
let siteId: string

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  bob = await signUp(app, 'bob')
  siteId = (await publishSite(app, 'shop', alice.token)).id
  for (const name of NAMES) await makeJob(app, alice.token, { name })
  await makeJob(app, bob.token, { name: 'on shop', description: 'needs ALPHA', enabled: false })
  await makeJob(app, alice.token, { name: 'placed', artifactId: siteId, enabled: false })
  await query(app, `update job set last_status = 'FAILED' where name = 'zeta'`)
  await query(app, `update job set surface = 'KRAGLE' where name = 'eta'`)
  await query(app, `insert into principal (id, kind, handle) values (gen_random_uuid(), 'TEAM', 'team:analytics')`)
  await query(app, `update job set owner_id = (select id from principal where kind = 'TEAM') where name = 'on shop'`)
})
afterAll(() => app?.stop())

const list = async (args: Args = {}, token = alice.token) => (await app.send(JOBS, args, { token })).data.jobs
const names = async (args: Args = {}, token = alice.token) =>
  (await list(args, token)).edges.map(({ node }) => node.name)
const newestFirst = ['placed', ...[...NAMES].reverse()]

describe('the list of jobs', () => {
  it('shows one’s own, the newest first; administrators all', async () => {
    expect(await names()).toEqual(newestFirst)
    expect(await names({ orderBy: 'OLDEST' })).toEqual([...newestFirst].reverse())
    expect(await names({ orderBy: null })).toEqual(newestFirst)
    expect(await names({}, bob.token)).toEqual([])
    expect(await names({}, ADMIN_TOKEN)).toEqual(['placed', 'on shop', ...[...NAMES].reverse()])
  })

  it.each<[JobFilter, string[]]>([
    [{ search: 'ALPHA' }, ['alpha', 'on shop']],
    [{ search: "' or true --" }, []],
    [{ enabled: false }, ['placed', 'on shop']],
    [{ enabled: true, search: 'kappa' }, ['kappa']],
    [{ lastStatus: 'FAILED' }, ['zeta']],
    [{ surface: 'KRAGLE' }, ['eta']],
    [{ surface: 'BOOZLES' }, []],
    [{ ownerHandle: 'team:analytics' }, ['on shop']],
    [{ ownerHandle: 'analytics' }, ['on shop']],
    [{ ownerHandle: 'alic' }, []],
    [{ ownerHandle: 'alice', enabled: false }, ['placed']],
    [{ artifactId: 'art_00000000000000000000000000000000' }, []],
  ])('with the filter %j shows %j', async (filter, expected) => {
    expect(await names({ filter }, ADMIN_TOKEN)).toEqual(expected)
    expect((await list({ filter }, ADMIN_TOKEN)).totalCount).toBe(expected.length)
  })

  it('finds the jobs of an artifact', async () => {
    expect(await names({ filter: { artifactId: siteId } })).toEqual(['placed'])
  })

  it('takes a filter of nulls, and an empty search, for none', async () => {
    const nulls = { surface: null, enabled: null, artifactId: null, ownerHandle: null, lastStatus: null }
    expect(await names({ filter: { ...nulls, search: null, tag: null } })).toEqual(newestFirst)
    expect(await names({ filter: { search: '' } })).toEqual(newestFirst)
    expect(await names({ filter: { search: ' ' } })).toEqual(newestFirst)
  })

  it.each<[Args, string]>([
    [{ first: 101 }, 'first'],
    [{ first: -1 }, 'first'],
    [{ last: 101 }, 'last'],
    [{ first: 1, last: 1 }, 'last'],
    [{ after: 'x' }, 'after'],
    [{ before: Buffer.from('["x"]').toString('base64url') }, 'before'],
    [{ before: Buffer.from(`["${'-'.repeat(36)}"]`).toString('base64url') }, 'before'],
    [{ filter: { search: 'a\0' } }, 'filter.search'],
    [{ filter: { search: '\ud800' } }, 'filter.search'],
    [{ filter: { search: 'x'.repeat(10_000) } }, 'filter.search'],
    [{ filter: { ownerHandle: '\0' } }, 'filter.ownerHandle'],
    [{ filter: { tag: '\0' } }, 'filter.tag'],
  ])('refuses %j and names %s', async (args, path) => {
    const { data, errors } = await app.send(JOBS, args, { token: alice.token })
    expect(data).toBeNull()
    expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION', issues: [{ path }] } }])
  })

  it('says where a page stands', async () => {
    const whole = await list({ first: 100 })
    expect(whole.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false })
    expect(await list({ first: 0 })).toMatchObject({ edges: [], totalCount: newestFirst.length })
    const cursors = whole.edges.map(({ cursor }) => cursor)
    const middle = await list({ first: 3, after: cursors[1] ?? null })
    expect(middle.edges.map(({ cursor }) => cursor)).toEqual(cursors.slice(2, 5))
    expect(middle.pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: true,
      startCursor: cursors[2],
      endCursor: cursors[4],
    })
    const between = await list({ last: 2, after: cursors[0] ?? null, before: cursors[4] ?? null })
    expect(between.edges.map(({ cursor }) => cursor)).toEqual(cursors.slice(2, 4))
    expect(await names({ first: 5, after: cursors.at(-1) ?? null })).toEqual([])
  })

  it('is the pages of any sizes put together, forward and backward', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.constantFrom<JobOrder>('NEWEST', 'OLDEST'), async (sizes, orderBy) => {
        const whole = await names({ orderBy, first: 100 })
        const forward: unknown[] = []
        const backward: unknown[] = []
        for (let page = 0, after: string | null = null; ; page++) {
          const { edges, pageInfo } = await list({ orderBy, first: sizes[page % sizes.length] ?? 1, after })
          forward.push(...edges.map(({ node }) => node.name))
          if (!pageInfo.hasNextPage) break
          after = pageInfo.endCursor ?? null
        }
        for (let page = 0, before: string | null = null; ; page++) {
          const { edges, pageInfo } = await list({ orderBy, last: sizes[page % sizes.length] ?? 1, before })
          backward.unshift(...edges.map(({ node }) => node.name))
          if (!pageInfo.hasPreviousPage) break
          before = pageInfo.startCursor ?? null
        }
        expect(forward).toEqual(whole)
        expect(backward).toEqual(whole)
      }),
      { numRuns: 12 },
    )
  })

  it('keeps its pages right while jobs come', async () => {
    const first = await list({ first: 4 })
    await makeJob(app, alice.token, { name: 'newer' })
    const rest = await names({ first: 100, after: first.pageInfo.endCursor ?? null })
    expect([...first.edges.map(({ node }) => node.name), ...rest]).toEqual(newestFirst)
  })
})
