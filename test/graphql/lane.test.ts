/** Plain JSON goes past Yoga, and nobody can tell: the same request is sent both ways. */
import type { IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { plainTypeOf } from '../../src/http/plain-json.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { makeJob, type Person, query, signUp } from '../support/people.ts'
import { withStatements } from '../support/statements.ts'

/** What is sent, how often it was parsed, and whether the first who parses it fails: the lane, which leaves it to Yoga then. */
const watched = { text: '', parsed: 0, byYoga: false }
const { parse } = JSON

beforeEach(() => {
  vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
    if (text === watched.text && ++watched.parsed === 1 && watched.byYoga) throw new SyntaxError('for the others')
    return parse(text, reviver)
  })
})
afterEach(() => void vi.restoreAllMocks())

let app: TestApp
let alice: Person
beforeAll(async () => {
  app = await createTestApp({ RATE_LIMIT_PER_MINUTE: '100000', MAX_QUERY_CHARS: '3000', MAX_BODY_BYTES: '20000' })
  alice = await signUp(app, 'alice')
  await makeJob(app, alice.token, { name: 'a' })
})
afterAll(() => app?.stop())

type Sent = { method?: string; headers?: Record<string, string | null>; body?: string | Uint8Array<ArrayBuffer> }

/** What differs from one request to the next, or says how often was asked. */
const PASSING = ['date', 'ratelimit-remaining', 'ratelimit-reset']

async function send({ method = 'POST', headers: given = {}, body }: Sent, byYoga: boolean) {
  const all = {
    ...{ 'content-type': 'application/json', authorization: `Bearer ${alice.token}`, 'x-request-id': 'same' },
    ...given,
  }
  Object.assign(watched, { text: Buffer.from(body ?? '').toString(), parsed: 0, byYoga })
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)) as Record<
    string,
    string
  >
  const response = await fetch(`${app.url}/graphql`, { method, headers, ...(body !== undefined && { body }) })
  const told = [...response.headers].filter(([name]) => !PASSING.includes(name))
  const answer = { status: response.status, headers: Object.fromEntries(told), body: await response.text() }
  // Of whoever is not compared.
  return Object.defineProperty(answer as typeof answer & { left: string | null }, 'left', {
    value: response.headers.get('ratelimit-remaining'),
  })
}

const asked = (params: object): string => JSON.stringify(params)
const NAME = '{ __typename }'
const TWO = 'query A { viewer { handle } } query B { __typename }'
const SPEC = 'application/graphql-response+json'
const JOBS = 'query($n: Int) { jobs(first: $n) { totalCount edges { node { name } } } }'
const ALL = `query($n: Int, $id: ID = "job_01a201c8fd4376f8ab6761e044596f14") {
  v: viewer { ...P kind: __typename } jobs(first: $n) { pageInfo { hasNextPage endCursor } edges { cursor node {
    __typename ...J ... on Node { i: id } artifact { id } schedule { expression } actions { kind } retry { backoff }
    owner { ...P } lastRun { id } upcoming(count: 2) signingSecret createdAt runs { totalCount edges { node { id } } } } } }
  node(id: $id) { id ... on Job { name } } }
  fragment P on Principal { handle name } fragment J on Job { id name trigger owner { id } }`
const DENIED = '{ jobs(first: 1) { edges { node { name } } } node(id: "x") { id } runs(first: 500) { totalCount } }'
const FAILING = 'mutation { createUser(input: { handle: "x" }) { __typename ... on Error { code message } } }'

const BY_LANE: [string, Sent][] = [
  ['a question', { body: asked({ query: NAME }) }],
  ['nobody', { headers: { authorization: null }, body: asked({ query: '{ viewer { handle } }' }) }],
  ['a bad token', { headers: { authorization: 'Bearer nope' }, body: asked({ query: NAME }) }],
  ['a bad token and a bad query', { headers: { authorization: 'Bearer nope' }, body: asked({ query: '{ no }' }) }],
  ['variables', { body: asked({ query: JOBS, variables: { n: 1 } }) }],
  ['variables of null', { body: asked({ query: JOBS, variables: null, operationName: null, extensions: null }) }],
  ['a variable of another type', { body: asked({ query: JOBS, variables: { n: 'x' } }) }],
  ['a variable that is missing', { body: asked({ query: 'query($n: Int!) { jobs(first: $n) { totalCount } }' }) }],
  ['all kinds of fields', { body: asked({ query: ALL, variables: { n: 2 } }) }],
  ['an error beside an answer', { body: asked({ query: DENIED }) }],
  ['nobody who asks for all kinds of fields', { headers: { authorization: null }, body: asked({ query: ALL }) }],
  ['an argument out of range', { body: asked({ query: JOBS, variables: { n: 1000 } }) }],
  ['one of two operations', { body: asked({ query: TWO, operationName: 'B' }) }],
  ['none of two operations', { body: asked({ query: TWO }) }],
  ['an operation that is not there', { body: asked({ query: TWO, operationName: 'C' }) }],
  ['the name "" of an operation', { body: asked({ query: NAME, operationName: '' }) }],
  ['a name that is no text', { body: asked({ query: NAME, operationName: 5 }) }],
  ['fragments alone', { body: asked({ query: 'fragment F on Query { __typename }' }) }],
  ['bad syntax', { body: asked({ query: '{ viewer {' }) }],
  ['the empty query', { body: asked({ query: '' }) }],
  ['unknown fields', { body: asked({ query: '{ nothing viewer { neither } }' }) }],
  ['a mutation with a typed error', { body: asked({ query: FAILING }) }],
  ['a query that is too long', { body: asked({ query: `${NAME} #${'x'.repeat(3000)}` }) }],
  ['a query that is too deep', { body: asked({ query: `{ node(id: ${'['.repeat(2000)}` }) }],
  ['too many aliases', { body: asked({ query: `{ ${Array.from({ length: 201 }, (_, n) => `a${n}:__typename`)} }` }) }],
  [
    'a query that costs too much',
    {
      body: asked({ query: '{ jobs(first: 100) { edges { node { runs(first: 100) { edges { node { id } } } } } } }' }),
    },
  ],
  ['a hash where no documents are trusted', { body: asked({ documentId: 'sha256:00' }) }],
  ['a text beside a hash', { body: asked({ query: NAME, extensions: { persistedQuery: { sha256Hash: '00' } } }) }],
  ['what is null and unknown', { body: asked({ query: NAME, other: null }) }],
  ['characters of several bytes', { body: asked({ query: '{ a: artifact(slug: "ü€😀") { id } }' }) }],
  [
    'bytes that are no text',
    { body: Buffer.from('7b227175657279223a227b206e6f64652869643a205c22ff5c2229207b206964207d207d227d', 'hex') },
  ],
  [
    'a type with a charset',
    { headers: { 'content-type': 'application/json; charset=utf-8' }, body: asked({ query: NAME }) },
  ],
  ['GraphQL’s own JSON', { headers: { 'content-type': 'application/graphql+json' }, body: asked({ query: NAME }) }],
  ...[
    undefined,
    '*/*',
    'application/json',
    SPEC,
    `${SPEC}, application/json;q=0.9`,
    `application/json, ${SPEC}`,
    'text/html, application/*',
    'text/event-stream, */*',
    'APPLICATION/JSON',
  ].flatMap((accept): [string, Sent][] =>
    [NAME, '{ nothing }', '{ viewer {', 'query($n: Int!) { jobs(first: $n) { totalCount } }'].map((query) => [
      `${query} wanted as ${accept}`,
      { headers: { accept: accept ?? null }, body: asked({ query }) },
    ]),
  ),
]

const BY_YOGA_ANYWAY: [string, Sent][] = [
  ['no body', {}],
  ['an empty body', { body: '' }],
  ['what is no JSON', { body: '{"query":' }],
  ['JSON that begins with a mark of its order of bytes', { body: `\uFEFF${asked({ query: NAME })}` }],
  ...['null', '5', '"x"', 'true', '[]', '[1]'].map((body): [string, Sent] => [`the JSON ${body}`, { body }]),
  ['no query', { body: '{}' }],
  ['a query that is no text', { body: asked({ query: 5 }) }],
  ['variables that are a list', { body: asked({ query: NAME, variables: [] }) }],
  ['variables that are a text', { body: asked({ query: NAME, variables: '{}' }) }],
  ['extensions that are a list', { body: asked({ query: NAME, extensions: [] }) }],
  ['a parameter that there is not', { body: asked({ query: NAME, other: 1 }) }],
  ['a list of operations', { body: asked([{ query: NAME }, { query: '{ nothing }' }]) }],
  ['a list that is too long', { body: asked(Array.from({ length: 11 }, () => ({ query: NAME }))) }],
  [
    'a subscription',
    { headers: { accept: 'application/json' }, body: asked({ query: 'subscription { runEvents { cursor } }' }) },
  ],
  ['a body that is too large', { body: asked({ query: NAME, variables: { x: 'x'.repeat(20_000) } }) }],
  ['another type', { headers: { 'content-type': 'text/plain' }, body: asked({ query: NAME }) }],
  ['a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'query=%7B__typename%7D' }],
  ['a query alone', { headers: { 'content-type': 'application/graphql' }, body: NAME }],
  ['GET', { method: 'GET' }],
  ['PUT', { method: 'PUT', body: asked({ query: NAME }) }],
]

describe('the answer is the same as Yoga’s', () => {
  it.each(BY_LANE)('to %s, by the lane', async (_what, sent) => {
    const answer = await send(sent, false)
    expect(watched.parsed).toBe(1)
    expect(answer).toEqual(await send(sent, true))
    expect(watched.parsed).toBe(2)
    // By the second time it is planned.
    expect(await send(sent, false)).toEqual(answer)
  })

  it.each(BY_YOGA_ANYWAY)('to %s, which is left to it', async (_what, sent) => {
    expect(await send(sent, false)).toEqual(await send(sent, true))
  })

  it.each(['image/png', 'application/json;charset=latin1', 'text/event-stream', 'multipart/mixed'])(
    'to what is wanted as %s, which is left to it',
    (accept) => {
      const headers = { 'content-type': 'application/json', accept }
      expect(plainTypeOf({ method: 'POST', headers } as IncomingMessage)).toBeNull()
    },
  )

  it('also to a fault, of which nothing is told', async () => {
    await query(app, 'alter table artifact rename to artifact_that_is_away')
    try {
      const sent = { body: asked({ query: '{ viewer { handle } artifact(slug: "x") { slug } }' }) }
      const answer = await send(sent, false)
      expect(answer.body).toContain('Internal error')
      expect(answer).toEqual(await send(sent, true))
    } finally {
      await query(app, 'alter table artifact_that_is_away rename to artifact')
    }
  })

  it('also to what was asked before with the same key', async () => {
    const body = asked({ query: 'mutation { createTeam(input: { handle: "keyed" }) { __typename } }' })
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'idempotency-key': 'k' }
    const first = await send({ headers, body }, false)
    expect(first.headers['x-idempotent-replayed']).toBeUndefined()
    const again = await send({ headers, body }, false)
    expect(again.headers['x-idempotent-replayed']).toBe('true')
    expect(again).toEqual(await send({ headers, body }, true))
  })
})

it('an operation counts once, whichever way it goes', async () => {
  const { token } = await signUp(app, 'counted')
  const left = async (query: string, byYoga: boolean) => {
    const headers = { accept: 'application/json', authorization: `Bearer ${token}` }
    return Number((await send({ headers, body: asked({ query }) }, byYoga)).left)
  }
  const most = await left(NAME, false)
  expect(await left(NAME, true)).toBe(most - 1)
  expect(await left('subscription { runEvents { cursor } }', false)).toBe(most - 2)
  expect(await left('{ viewer {', false)).toBe(most - 3)
})

describe('SQL statements', () => {
  const statements = async (body: string, token: string | null) =>
    (
      await withStatements((headers) =>
        send({ headers: { authorization: token && `Bearer ${token}`, ...headers }, body }, false),
      )
    ).statements

  it('of a question that needs nothing: the one that asks whose the token is, and without a token none', async () => {
    const body = asked({ query: NAME })
    expect(await statements(body, alice.token)).toHaveLength(1)
    expect(await statements(body, null)).toHaveLength(0)
  })
})
