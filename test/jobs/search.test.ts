/** Finding jobs by words of their names and descriptions. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { searchOf } from '../../src/jobs/search.ts'
import type { JobFilter, JobOrder } from '../generated/graphql.ts'
import { graphql } from '../generated/index.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, makeStack, makeTeam, type Person, post, query, signUp } from '../support/people.ts'

const FIND = graphql(`
  query FindJobs($filter: JobFilter, $orderBy: JobOrder, $first: Int, $after: String, $last: Int, $before: String) {
    jobs(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor node { id name } }
    }
  }
`)

const CHANGE = graphql(`
  mutation ChangeFoundJob($input: UpdateJobInput!) {
    updateJob(input: $input) { __typename ... on Error { message } }
  }
`)

const DELETE = graphql(`
  mutation DeleteFoundJob($input: DeleteJobInput!) {
    deleteJob(input: $input) { __typename ... on Error { message } }
  }
`)

const JOBS = [
  { name: 'Daily Sales Report', description: 'Sends the sales summary to management' },
  { name: 'Weekly report.csv', description: 'to_the/archive, at 08:30' },
  { name: 'daily-backup', description: null },
  { name: 'Ärger mit Übergrößen', description: '☃ im Juli' },
  { name: null, description: 'report of what has no name' },
  { name: 'Sales Sales — Sales', description: 'daily' },
  { name: 'v2.10 (beta)', description: `O'Reilly\\Sons: "100%" & <more> | !less *` },
]

let app: TestApp
let ann: Person
let bob: Person

beforeAll(async () => {
  app = await createTestApp()
  ann = await signUp(app, 'ann')
  bob = await signUp(app, 'bob')
  for (const job of JOBS) await makeJob(app, ann.token, job)
})
afterAll(() => app?.stop())

type Args = {
  filter?: JobFilter
  orderBy?: JobOrder
  first?: number
  after?: string | null
  last?: number
  before?: string | null
}

const find = async (args: Args, token = ann.token) => (await app.send(FIND, args, { token })).data.jobs
const found = async (search: string, args: Args = {}, token = ann.token) =>
  (await find({ filter: { search }, ...args }, token)).edges.map(({ node }) => node.name)

describe('what is looked for', () => {
  it.each<[string, (string | null)[]]>([
    ['dail rep', ['Daily Sales Report']],
    ['REPORT daily', ['Daily Sales Report']],
    ['report', ['Weekly report.csv', 'Daily Sales Report', null]],
    ['csv', ['Weekly report.csv']],
    ['report.csv', ['Weekly report.csv']],
    ['archive', ['Weekly report.csv']],
    ['the arch', ['Weekly report.csv']],
    ['08 30', ['Weekly report.csv']],
    ['backup', ['daily-backup']],
    ['daily_backup', ['daily-backup']],
    ['ärger', ['Ärger mit Übergrößen']],
    ['ÜBERGRÖ', ['Ärger mit Übergrößen']],
    ['☃', ['Ärger mit Übergrößen']],
    ['v2 10', ['v2.10 (beta)']],
    ['2', []],
    ["o'reilly", ['v2.10 (beta)']],
    ['100%', ['v2.10 (beta)']],
    ['aily', []],
    ['daily nothing', []],
  ])('%j finds %j', async (search, expected) => {
    expect(await found(search)).toEqual(expected)
    expect((await find({ filter: { search } })).totalCount).toBe(expected.length)
  })

  it.each(['&', '!', "'", '\\', '":*', '() | <->', '—', '.', '%', '_'])(
    '%j, which is no word, finds nothing',
    async (search) => {
      expect(await find({ filter: { search } })).toMatchObject({ edges: [], totalCount: 0 })
    },
  )

  it.each([
    'sales & !report',
    'sales | report',
    "sales' report",
    'sales <-> report',
    'sales:A* report:*',
    '(sales) report',
  ])('%j is two words, and no syntax', async (search) => {
    const words = searchOf(search)?.match(/'\w+'/g) ?? []
    expect(words.slice(0, 1)).toEqual(["'sales'"])
    expect(await found(search)).toEqual(search.includes(':A') ? [] : ['Daily Sales Report'])
  })

  it('is never an error, whatever it is', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((given) => given.replaceAll('\0', ''))
    await fc.assert(
      fc.asyncProperty(text, async (search) => {
        const { errors } = await app.send(FIND, { filter: { search } }, { token: ann.token })
        expect(errors).toBeUndefined()
      }),
      { numRuns: 40, examples: [['\\'], ["''"], [':*'], ['a:*b'], ['\u00a0'], ['𝒳'], ['x'.repeat(200)]] },
    )
  })

  it('finds each word of a name by its beginning, split as the database splits it', async () => {
    const job = await makeJob(app, bob.token, { name: 'to be renamed' })
    const name = fc
      .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
      .filter((each) => /[a-z0-9]/i.test(each))
    await fc.assert(
      fc.asyncProperty(name, async (name) => {
        await app.send(CHANGE, { input: { jobId: job.id, name } }, { token: bob.token })
        expect(await found(name, {}, bob.token)).toEqual([name.trim()])
      }),
      { numRuns: 30, examples: [['1e5'], ['-1.5e-7'], ['a@b.c'], ['http://x/y?z'], ['0x1f'], ['<b>'], ['12abc34']] },
    )
  })
})

describe('what is found', () => {
  it('is in the order of how well it fits: the name before the description, then the newest', async () => {
    expect(await found('sales')).toEqual(['Sales Sales — Sales', 'Daily Sales Report'])
    expect(await found('daily')).toEqual(['daily-backup', 'Daily Sales Report', 'Sales Sales — Sales'])
    expect(await found('daily', { orderBy: 'RELEVANCE' })).toEqual(await found('daily'))
    expect(await found('daily', { orderBy: 'NEWEST' })).toEqual([
      'Sales Sales — Sales',
      'daily-backup',
      'Daily Sales Report',
    ])
    expect(await found('daily', { orderBy: 'OLDEST' })).toEqual([
      'Daily Sales Report',
      'daily-backup',
      'Sales Sales — Sales',
    ])
    expect((await find({ orderBy: 'RELEVANCE' })).edges).toEqual((await find({ orderBy: 'NEWEST' })).edges)
  })

  it('is the pages of any size put together, forward and backward', async () => {
    const whole = await find({ filter: { search: 'd' } })
    expect(whole.edges.length).toBeGreaterThan(2)
    for (const size of [1, 2, 3]) {
      const forward: unknown[] = []
      const backward: unknown[] = []
      for (let after: string | null = null; ; ) {
        const { edges, pageInfo } = await find({ filter: { search: 'd' }, first: size, after })
        forward.push(...edges)
        if (!pageInfo.hasNextPage) break
        after = pageInfo.endCursor ?? null
      }
      for (let before: string | null = null; ; ) {
        const { edges, pageInfo } = await find({ filter: { search: 'd' }, last: size, before })
        backward.unshift(...edges)
        if (!pageInfo.hasPreviousPage) break
        before = pageInfo.startCursor ?? null
      }
      expect(forward).toEqual(whole.edges)
      expect(backward).toEqual(whole.edges)
    }
  })

  it.each([
    '["x"]',
    '[1]',
    '[1,"x"]',
    '["a","0190a0f0-0000-7000-8000-000000000000"]',
    '["0190a0f0-0000-7000-8000-000000000000"]',
  ])('has no page behind the cursor %s', async (cursor) => {
    const after = Buffer.from(cursor).toString('base64url')
    const { errors } = await app.send(FIND, { filter: { search: 'daily' }, after }, { token: ann.token })
    expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION', issues: [{ path: 'after' }] } }])
  })

  it('follows a change of the name, the description and the owner, and goes with the job', async () => {
    const { id: jobId } = await makeJob(app, bob.token, { name: 'quixotic' })
    expect(await found('quixotic', {}, bob.token)).toEqual(['quixotic'])
    await app.send(CHANGE, { input: { jobId, name: 'prosaic', description: 'once quix' } }, { token: bob.token })
    expect(await found('quixotic', {}, bob.token)).toEqual([])
    expect(await found('quix pros', {}, bob.token)).toEqual(['prosaic'])
    await app.send(CHANGE, { input: { jobId, description: null } }, { token: bob.token })
    expect(await found('quix', {}, bob.token)).toEqual([])
    await query(app, `update job set owner_id = (select id from principal where handle = 'ann') where name = 'prosaic'`)
    expect(await found('prosaic', {}, bob.token)).toEqual([])
    expect(await found('prosaic')).toEqual(['prosaic'])
    await app.send(DELETE, { input: { jobId } })
    expect(await found('prosaic', {}, ADMIN_TOKEN)).toEqual([])
    expect(await query(app, `select from job_text where name = 'prosaic'`)).toEqual([])
  })

  it('is not written again when a slot fires or a run ends', async () => {
    const xmin = () => query(app, 'select xmin::text from job_text order by job_id')
    const before = await xmin()
    await query(
      app,
      `update job set next_run_at = now() + interval '1 day', last_run_at = now(), last_status = 'FAILED'`,
    )
    await query(app, `update job set next_run_at = null`)
    expect(await xmin()).toEqual(before)
  })
})

describe('who finds it', () => {
  it('is the owner, members of an owning team, whom it is shared with, and administrators', async () => {
    const carl = await signUp(app, 'carl')
    const dora = await signUp(app, 'dora')
    await makeTeam(app, 'ops', { carl: 'MEMBER' })
    await makeTeam(app, 'sales', { carl: 'MEMBER', dora: 'ADMIN' })
    for (const name of ['xylophone one', 'xylophone two', 'xylophone three']) await makeJob(app, ann.token, { name })
    await query(
      app,
      `update job set owner_id = (select id from principal where handle = 'team:ops') where name = 'xylophone one'`,
    )
    const share = (name: string, handle: string) =>
      query(
        app,
        `insert into share (job_id, principal_id, level)
        select j.id, p.id, 1 from job j, principal p where j.name = $1 and p.handle = $2`,
        [name, handle],
      )
    await share('xylophone one', 'team:sales')
    await share('xylophone two', 'team:sales')
    await share('xylophone two', 'carl')
    const names = (...numbers: string[]) => numbers.map((each) => `xylophone ${each}`)
    const cases: [Person | { token: string }, string[]][] = [
      [carl, names('two', 'one')],
      [dora, names('two', 'one')],
      [ann, names('three', 'two')],
      [bob, []],
      [{ token: ADMIN_TOKEN }, names('three', 'two', 'one')],
    ]
    for (const [{ token }, expected] of cases) {
      for (const orderBy of ['RELEVANCE', 'NEWEST'] as const)
        expect(await found('xylo', { orderBy }, token)).toEqual(expected)
      expect(await found('xylo', { orderBy: 'OLDEST' }, token)).toEqual(expected.toReversed())
      expect((await find({ filter: { search: 'xylo' } }, token)).totalCount).toBe(expected.length)
    }
    expect((await find({}, carl.token)).edges.map(({ node }) => node.name)).toEqual(names('two', 'one'))
  })

  it('leaves out drafts, and the hidden job of a stack', async () => {
    const { id: stackId } = await makeStack(app, ann.token, { name: 'stacked' })
    const run = 'mutation($id: ID!) { runStack(input: { stackId: $id }) { __typename } }'
    await post(app, { query: run, variables: { id: stackId } }, ann.token)
    const listed = (await find({ first: 100 })).totalCount
    await query(app, `update job set name = 'zephyr' where hidden`)
    expect(await found('zephyr')).toEqual([])
    const { id } = await makeJob(app, ann.token, { name: 'zephyr' })
    expect(await found('zephyr')).toEqual(['zephyr'])
    const draft = `update job set draft_of_id = (select id from job where name = 'daily-backup') where name = 'zephyr' and not hidden`
    await query(app, draft)
    expect(await found('zephyr', {}, ADMIN_TOKEN)).toEqual([])
    expect((await find({ first: 100 })).totalCount).toBe(listed)
    await app.send(DELETE, { input: { jobId: id } })
  })

  it('finds by a tag, by its whole name', async () => {
    await makeJob(app, ann.token, { name: 'tagged', tags: ['finance', 'eu'] })
    await makeJob(app, bob.token, { name: 'of bob', tags: ['finance'] })
    const tagged = async (tag: string) => (await find({ filter: { tag } })).edges.map(({ node }) => node.name)
    expect(await tagged('finance')).toEqual(['tagged'])
    expect(await tagged('fin')).toEqual([])
    expect((await find({ filter: { tag: 'finance' } }, ADMIN_TOKEN)).totalCount).toBe(2)
    expect((await find({ filter: { tag: 'eu', search: 'tag' } })).totalCount).toBe(1)
  })
})
