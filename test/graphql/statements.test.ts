/** A list takes as many SQL statements for 20 rows as for 2, whatever is nested in it. */
import { type GraphQLObjectType, getNamedType, isLeafType, isRequiredArgument } from 'graphql'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, makeStack, type Person, post, publishSite, query, signUp } from '../support/people.ts'
import { withStatements } from '../support/statements.ts'

const ROWS = 20
/** Two depths of a query share a statement when they happen to ask in the same turn. One a row would be 18 more. */
const CHANCE = 4

const RUN = `
  id status job { name owner { handle } } artifact { slug owner { handle } }
  steps { name } attempts { attempt } deliveries { url }
  events(first: 3) { edges { node { __typename seq run { id status } } } }`

const LISTS = {
  artifacts: 'id slug url owner { handle } liveVersion { versionNo createdBy { handle } }',
  jobs: `
    id displayName owner { handle } artifact { slug owner { handle } } schedule { expression } actions { name }
    tags { name } datasets { alias }
    upcoming(count: 2) signingSecret lastRun { id status } runs(first: 3) { edges { node { ${RUN} } } }`,
  runs: RUN,
  stacks: `
    id name owner { handle } actions { name } jobs(first: 2) { edges { node { id displayName stack { name } actions { name } } } }
    runs(first: 2) { edges { node { ${RUN} } } }`,
}

let app: TestApp
let alice: Person

beforeAll(async () => {
  app = await createTestApp()
  alice = await signUp(app, 'alice')
  const run = 'mutation($id: ID!) { runJob(input: { jobId: $id }) { __typename } }'
  const runStack = 'mutation($id: ID!) { runStack(input: { stackId: $id }) { __typename } }'
  for (let row = 0; row < ROWS; row++) {
    const { id: stackId } = await makeStack(app, alice.token)
    for (let n = 0; n < 2; n++) await makeJob(app, alice.token, { actions: null, stackId })
    await post(app, { query: runStack, variables: { id: stackId } }, alice.token)
  }
  for (let row = 0; row < ROWS; row++) {
    const { id: artifactId } = await publishSite(app, `site-${row}`, alice.token)
    const schedule = { cron: { expression: `${row} 0 * * *` } }
    const { id } = await makeJob(app, alice.token, { artifactId, schedule, overlap: 'ALLOW' })
    for (let n = 0; n < 3; n++) await post(app, { query: run, variables: { id } }, alice.token)
  }
  const finished = `select count(*)::int as finished from run where status = 'FAILED'`
  await vi.waitFor(async () => expect(await query(app, finished)).toEqual([{ finished: 4 * ROWS }]), 20_000)
})
afterAll(() => app?.stop())

async function statementsFor(list: keyof typeof LISTS, first: number) {
  const query = `query($n: Int!) { ${list}(first: $n) { totalCount edges { node { ${LISTS[list]} } } } }`
  const { answer, statements } = await withStatements((headers) =>
    post(app, { query, variables: { n: first } }, alice.token, headers),
  )
  const { body } = answer
  expect(body.errors).toBeUndefined()
  expect(body.data[list].edges).toHaveLength(first)
  return { data: body.data[list], statements }
}

it.each(Object.keys(LISTS) as (keyof typeof LISTS)[])('%s', async (list) => {
  await statementsFor(list, 1)
  const few = await statementsFor(list, 2)
  const many = await statementsFor(list, ROWS)
  expect(few.statements.length).toBeGreaterThan(3)
  expect(many.statements.length).toBeLessThanOrEqual(few.statements.length + CHANCE)
  expect(many.data.edges.slice(0, 2)).toEqual(few.data.edges)
})

it('asks one thing for a list of jobs, their owners and their last runs, beside whose token it is', async () => {
  const query = `{ jobs(first: ${ROWS}) { edges { node {
    id name enabled nextRunAt owner { handle } runs(first: 3) { edges { node { id status startedAt } } } } } } }`
  for (const token of [alice.token, ADMIN_TOKEN]) {
    const ask = (headers: Record<string, string>) => post(app, { query }, token, headers)
    await ask({})
    const { answer, statements } = await withStatements(ask)
    expect(answer.body.data.jobs.edges).toHaveLength(ROWS)
    expect(statements).toHaveLength(2)
    // No more of a row than is asked for.
    expect(statements.join()).not.toMatch(/"?(plan|metadata|notes)\b/)
  }
})

describe('runs that come with their jobs are those that are asked for by themselves', () => {
  const ofJobs = async (fields: string) => {
    const query = `{ jobs(first: 3) { edges { node { ${fields} } } } }`
    const { answer, statements } = await withStatements((headers) => post(app, { query }, alice.token, headers))
    return { ...answer.body, statements: statements.length }
  }
  const RUNS =
    'totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id queuedAt } }'

  it.each(['first: 1', 'first: 2', 'first: 100', 'first: null'])('%s', async (args) => {
    const together = await ofJobs(`runs(${args}) { ${RUNS} }`)
    const apart = await ofJobs(`runs(${args}) { ${RUNS} } again: runs(first: 5) { totalCount }`)
    expect(together.errors).toBeUndefined()
    expect(apart.data).toMatchObject(together.data)
  })

  it.each([
    'first: 0',
    'last: 2',
    'first: 2, status: FAILED',
    'first: 2, after: "WyIwIl0"',
    'first: 500',
    'first: 1, last: 1',
  ])('%s, by itself', async (args) => {
    const alone = await ofJobs(`runs(${args}) { edges { node { id } } }`)
    const beside = await ofJobs(`again: runs(first: 5) { totalCount } runs(${args}) { edges { node { id } } }`)
    expect(alone.data?.jobs.edges.map(({ node }: { node: { runs: object } }) => node.runs)).toEqual(
      beside.data?.jobs.edges.map(({ node }: { node: { runs: object } }) => node.runs),
    )
    expect(alone.errors?.map(({ path, message }: { path: object; message: string }) => [path, message])).toEqual(
      beside.errors?.map(({ path, message }: { path: object; message: string }) => [path, message]),
    )
  })
})

describe('a field shows the same alone, when nothing but what it reads is read, as beside all others', () => {
  const ofRuns = (fields: string) => `lastRun { ${fields} } runs(first: 2) { edges { node { ${fields} } } }`
  const within = { Job: (fields: string) => fields, Run: ofRuns, Principal: (fields: string) => `owner { ${fields} }` }

  it.each(Object.keys(within) as (keyof typeof within)[])('%s', async (name) => {
    const fields = Object.values((schema.getType(name) as GraphQLObjectType).getFields())
      .filter(({ args }) => !args.some(isRequiredArgument))
      .map((field) => (isLeafType(getNamedType(field.type)) ? field.name : `${field.name} { __typename }`))
    const ask = async (asked: string) => {
      const query = `{ jobs(first: 2) { edges { node { ${within[name](asked)} } } } }`
      const { body } = await post(app, { query }, alice.token)
      expect(body.errors).toBeUndefined()
      return body.data.jobs.edges
    }
    const all = await ask(fields.join(' '))
    for (const field of fields) expect(all).toMatchObject(await ask(field))
  })
})

it('shows of each run the newest 100 deliveries, in order, however many another has', async () => {
  const more = `insert into delivery (id, run_id, attempt, position, method, url, request_bytes, started_at, duration_ms)
    select (to_char(n, 'FM00000000') || '-0000-7000-8000-' || substr(r.id::text, 25))::uuid, r.id, 1, 0, 'GET', 'http://a/' || n, 0, now(), 0
    from run r cross join generate_series(1, 120) n`
  await query(app, more)
  const text = '{ runs(first: 2) { edges { node { deliveries { url } } } } }'
  const { body } = await post(app, { query: text }, alice.token)
  const shown = body.data.runs.edges.map(({ node }: { node: { deliveries: { url: string }[] } }) =>
    node.deliveries.map(({ url }) => url),
  )
  // Ids of deliveries that were made are later than all of these.
  for (const urls of shown) {
    expect(urls).toHaveLength(100)
    const made = urls.filter((url: string) => !url.startsWith('http://a/')).length
    const newest = Array.from({ length: 100 - made }, (_, index) => `http://a/${21 + made + index}`)
    expect(urls.slice(0, 100 - made)).toEqual(newest)
  }
})

it('makes a job by one statement, beside whose token it is', async () => {
  const input = { actions: [{ webhook: { url: 'https://receiver.example/' } }], schedule: { every: { seconds: 3600 } } }
  const query = 'mutation($input: CreateJobInput!) { createJob(input: $input) { ... on Job { id name nextRunAt } } }'
  const { answer, statements } = await withStatements((headers) =>
    post(app, { query, variables: { input } }, alice.token, headers),
  )
  expect(answer.body.data).toMatchObject({ createJob: { id: expect.any(String) } })
  expect(statements).toHaveLength(2)
  expect(statements.filter((text) => /\binsert into job\b/.test(text))).toHaveLength(1)
})
