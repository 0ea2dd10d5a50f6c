/** One suite over all transports: the same question gets the same answer, whichever way it comes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, type Person, publishSite, query, signUp } from '../support/people.ts'
import { type Outcome, type Question, TRANSPORTS } from './transports.ts'

const MAX_QUERY_CHARS = 12_000

let app: TestApp
let alice: Person
let artifactId: string

beforeAll(async () => {
  app = await createTestApp({ MAX_QUERY_CHARS: String(MAX_QUERY_CHARS), MAX_QUERY_TOKENS: '20000' })
  alice = await signUp(app, 'alice')
  artifactId = (await publishSite(app, 'shop', alice.token)).id
  for (const name of ['a', 'b']) await makeJob(app, alice.token, { name })
})
afterAll(() => app?.stop())

const limited = { extensions: { code: 'LIMIT_EXCEEDED' } }
const EVERYWHERE = TRANSPORTS.map((transport) => [transport.name, transport] as const)

describe.each(EVERYWHERE)('over %s', (name, transport) => {
  const ask = (question: Question | string): Promise<Outcome> =>
    transport.ask(app, typeof question === 'string' ? { query: question, token: alice.token } : question)

  it('answers with data', async () => {
    const { data, errors } = await ask('{ viewer { handle } jobs { totalCount edges { node { name } } } }')
    expect(errors).toBeUndefined()
    const edges = [{ node: { name: 'b' } }, { node: { name: 'a' } }]
    expect(data).toEqual({ viewer: { handle: 'alice' }, jobs: { totalCount: 2, edges } })
  })

  it('takes variables', async () => {
    const query = 'query($n: Int) { jobs(first: $n) { edges { node { name } } } }'
    const { data } = await ask({ query, variables: { n: 1 }, token: alice.token })
    expect(data).toEqual({ jobs: { edges: [{ node: { name: 'b' } }] } })
  })

  it('tells nobody by no token, and says what that may not do', async () => {
    expect(await ask({ query: '{ viewer { handle } }', token: null })).toMatchObject({ data: { viewer: null } })
    const { data, errors } = await ask({ query: '{ jobs { totalCount } }' })
    expect(data).toBeNull()
    expect(errors).toMatchObject([{ path: ['jobs'], extensions: { code: 'UNAUTHENTICATED' } }])
  })

  it('refuses a bad token before anything else', async () => {
    const { errors, status, closed, data } = await ask({ query: '{ viewer { handle } }', token: 'nope' })
    expect(data).toBeUndefined()
    if (name === 'WebSocket') expect(closed).toBe(4403)
    else {
      expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
      expect(status).toBe(401)
    }
  })

  it.each([
    ['{ viewer {', 'GRAPHQL_PARSE_FAILED'],
    ['', 'BAD_REQUEST|GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{ previewSchedule(input: { at: "tomorrow" }) }', 'GRAPHQL_VALIDATION_FAILED'],
    ['query($n: Int!) { jobs(first: $n) { totalCount } }', 'BAD_REQUEST'],
  ])('says what is wrong with the query %j', async (query, code) => {
    const { data, errors } = await ask(query)
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ message: expect.stringMatching(/\S/) }])
    expect(errors?.[0]?.extensions.code).toMatch(new RegExp(`^(${code})$`))
    expect(errors?.[0]?.extensions.http, 'what is for the status line').toBeUndefined()
  })

  it('names the field of an argument that is out of range', async () => {
    const { errors } = await ask('{ jobs(first: 1000) { totalCount } }')
    const issues = [{ path: 'first', message: 'must be from 0 to 100' }]
    expect(errors).toMatchObject([{ path: ['jobs'], extensions: { code: 'VALIDATION', issues } }])
  })

  it('tells nothing of a fault but the id to ask by', async () => {
    await query(app, 'alter table artifact rename to artifact_that_is_away')
    try {
      const { data, errors, requestId } = await ask(`{ viewer { handle } artifact(id: "${artifactId}") { slug } }`)
      expect(data).toEqual({ viewer: { handle: 'alice' }, artifact: null })
      const extensions = { code: 'INTERNAL', requestId: requestId ?? expect.stringMatching(/^[0-9a-f-]{36}$/) }
      expect(errors).toEqual([
        { message: 'Internal error', path: ['artifact'], locations: [expect.anything()], extensions },
      ])
    } finally {
      await query(app, 'alter table artifact_that_is_away rename to artifact')
    }
    expect(await ask(`{ artifact(id: "${artifactId}") { slug } }`)).toMatchObject({
      data: { artifact: { slug: 'shop' } },
    })
  })

  it('refuses a query that is too long', async () => {
    const padding = '#'.padEnd(MAX_QUERY_CHARS, 'x')
    const { data, errors } = await ask(`{ viewer { handle } } ${padding}`)
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ message: expect.stringContaining('MAX_QUERY_CHARS'), ...limited }])
  })

  it('refuses a query that costs too much before anything of it is done', async () => {
    const runs = 'runs(first: 100) { edges { node { id } } }'
    const { data, errors } = await ask(`{ viewer { handle } jobs(first: 100) { edges { node { ${runs} } } } }`)
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ message: expect.stringContaining('MAX_QUERY_COST'), ...limited }])
  })

  it('counts by the variables, and of several operations the one that is chosen', async () => {
    const rows = 'edges { node { runs(first: 100) { edges { node { id } } } } }'
    const query = `query($n: Int) { jobs(first: $n) { ${rows} } }`
    const cost = async (n: number) => (await ask({ query, variables: { n }, token: alice.token })).errors
    expect(await cost(10)).toBeUndefined()
    expect(await cost(100)).toMatchObject([limited])
  })

  it('refuses a query that is too deep or too wide', async () => {
    const path = ['jobs', 'edges', 'node', ...Array.from({ length: 4 }, () => ['runs', 'edges', 'node', 'job']).flat()]
    const deep = path.reduceRight((inner, field) => `${field} { ${inner} }`, 'id')
    expect((await ask(`{ ${deep} }`)).errors).toMatchObject([
      { message: expect.stringContaining('levels'), ...limited },
    ])
    const times = (text: (n: number) => string) => Array.from({ length: 50 }, (_, n) => text(n)).join(' ')
    const wide = `{ ${times((n) => `v${n}: viewer { ...F }`)} } fragment F on Principal { ${times((n) => `h${n}: handle`)} }`
    expect((await ask(wide)).errors).toMatchObject([{ message: expect.stringContaining('fields'), ...limited }])
  })

  it('describes the schema, but not over and over', async () => {
    const { data } = await ask('{ __schema { queryType { name } } }')
    expect(data).toEqual({ __schema: { queryType: { name: 'Query' } } })
    const schemas = Array.from({ length: 11 }, (_, n) => `s${n}: __schema { queryType { name } }`)
    expect((await ask(`{ ${schemas.join(' ')} }`)).errors).toMatchObject([limited])
    expect((await ask(`{ ... { ...F } } fragment F on Query { ${schemas.join(' ')} }`)).errors).toMatchObject([limited])
  })

  // An address cannot be so long.
  if (name !== 'HTTP GET') {
    it('survives what is nested without an end', async () => {
      const { errors } = await ask(`{ artifact(slug: ${'['.repeat(MAX_QUERY_CHARS - 100)}`)
      expect(errors).toMatchObject([{ message: expect.stringContaining('nested'), ...limited }])
      const query = '{ viewer { handle } }'
      expect(await ask({ query, token: ADMIN_TOKEN })).toMatchObject({ data: { viewer: { handle: 'admin' } } })
    })
  }

  it(name === 'HTTP GET' ? 'changes nothing' : 'changes things, with typed errors', async () => {
    const rename = 'mutation { createUser(input: { handle: "A" }) { __typename ... on Error { code } } }'
    const { data, errors, status } = await ask({ query: rename, token: ADMIN_TOKEN })
    if (name === 'HTTP GET') {
      expect(data).toBeUndefined()
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_REQUEST' } }])
      expect(status).toBe(405)
    } else expect(data).toEqual({ createUser: { __typename: 'ValidationError', code: 'VALIDATION' } })
  })
})
