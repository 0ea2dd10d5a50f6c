/** The clients that people use, as they are: what they make of our answers, our closes and our streams. */
import { ApolloClient, type ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { BatchHttpLink } from '@apollo/client/link/batch-http'
import { relayStylePagination } from '@apollo/client/utilities'
import { Client, cacheExchange, fetchExchange } from '@urql/core'
import { createClient as createSseClient } from 'graphql-sse'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toAsyncIterable } from 'wonka'
import { WebSocket } from 'ws'
import { runActions } from '../runs/operations.ts'
import { ADMIN_TOKEN, createTestApp, type TestApp } from '../support/app.ts'
import { startLine } from '../support/cut-line.ts'
import { makeJob, NOWHERE } from '../support/people.ts'

const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
type Typed = { runEvents: { __typename: string } }
const STORY = ['RunQueued', 'RunStarted', 'StepStarted', 'StepFinished', 'RunFailed']
const OF_RUN = 'subscription($runId: ID!) { runEvents(runId: $runId, after: "") { __typename cursor } }'

let app: TestApp
let runId: string
beforeAll(async () => {
  app = await createTestApp()
  const { id } = await makeJob(app, ADMIN_TOKEN, { name: 'first', actions: [NOWHERE] })
  await makeJob(app, ADMIN_TOKEN, { name: 'second', actions: [NOWHERE] })
  runId = await runActions(app, ADMIN_TOKEN).start(id)
  await runActions(app, ADMIN_TOKEN).story(runId)
})
afterAll(() => app.stop())

describe('graphql-ws', () => {
  const open = (url: string, more: Partial<Parameters<typeof createClient>[0]> = {}) =>
    createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: headers,
      retryWait: async () => {},
      ...more,
    })

  it('connects when there is something to ask, answers pings and is answered, and closes afterwards', async () => {
    const heard: string[] = []
    const client = open(app.url, {
      keepAlive: 20,
      on: {
        connected: () => heard.push('connected'),
        pong: (received) => void (received && !heard.includes('pong') && heard.push('pong')),
        closed: (event) => heard.push(`closed ${(event as { code: number }).code}`),
      },
    })
    expect(heard).toEqual([])
    const events = client.iterate({ query: 'subscription { runEvents { seq } }' })
    const next = events.next()
    await expect.poll(() => heard).toEqual(['connected', 'pong'])
    await events.return?.()
    await next.catch(() => {})
    await expect.poll(() => heard.at(-1)).toBe('closed 1000')
  })

  it('tries again with a token that is not valid, unless it is told what 4403 means', async () => {
    for (const [shouldRetry, tries] of [
      [undefined, 3],
      [(reason: unknown) => (reason as { code: number }).code !== 4403, 1],
    ] as const) {
      let asked = 0
      const client = open(app.url, {
        connectionParams: () => {
          asked++
          return { authorization: 'Bearer nonsense' }
        },
        retryAttempts: 2,
        ...(shouldRetry && { shouldRetry }),
      })
      await expect(client.iterate({ query: '{ __typename }' }).next()).rejects.toMatchObject({ code: 4403 })
      expect(asked).toBe(tries)
    }
  })
})

it('graphql-ws goes to another node when its own stops, and misses nothing', async () => {
  const staying = await createTestApp()
  const stopping = await createTestApp({ DATABASE_URL: staying.databaseUrl, ROLE: 'api' })
  const { id } = await makeJob(staying, ADMIN_TOKEN, { actions: [NOWHERE] })
  const nodes = [stopping.url, staying.url]
  const closes: number[] = []
  const client = createClient({
    url: () => `${(nodes.length > 1 ? nodes.shift() : nodes[0])?.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: headers,
    retryWait: async () => {},
    on: { closed: (event) => closes.push((event as { code: number }).code) },
  })
  const variables = { jobId: id, after: '' }
  const seen: string[] = []
  const query =
    'subscription($jobId: ID, $after: String) { runEvents(jobId: $jobId, after: $after) { __typename cursor } }'
  client.subscribe<{ runEvents: { __typename: string; cursor: string } }>(
    { query, variables },
    {
      next({ data }) {
        if (!data) return
        seen.push(data.runEvents.__typename)
        variables.after = data.runEvents.cursor
      },
      error: (reason) => seen.push(String(reason)),
      complete: () => seen.push('complete'),
    },
  )
  await runActions(staying, ADMIN_TOKEN).start(id)
  await expect.poll(() => seen).toEqual(STORY)
  await stopping.stop()
  await expect.poll(() => closes).toEqual([1012])
  await runActions(staying, ADMIN_TOKEN).start(id)
  await expect.poll(() => seen).toEqual([...STORY, ...STORY])
  await client.dispose()
  await staying.stop()
})

describe('graphql-sse', () => {
  it('serves each subscription by a connection of its own; a single one for all is none of ours', async () => {
    const client = createSseClient({ url: `${app.url}/graphql`, headers, retryAttempts: 0 })
    const kinds: unknown[] = []
    for await (const { data } of client.iterate<Typed>({ query: OF_RUN, variables: { runId } })) {
      kinds.push(data?.runEvents.__typename)
    }
    expect(kinds).toEqual(STORY)
    const single = createSseClient({ url: `${app.url}/graphql`, headers, retryAttempts: 0, singleConnection: true })
    await expect(single.iterate({ query: OF_RUN, variables: { runId } }).next()).rejects.toThrow(
      'Server responded with',
    )
  })
})

it('urql shows results, errors with their codes, and subscriptions over SSE with nothing else', async () => {
  const client = new Client({
    url: `${app.url}/graphql`,
    fetchOptions: { headers },
    fetchSubscriptions: true,
    preferGetMethod: false,
    exchanges: [cacheExchange, fetchExchange],
  })
  const viewer = await client.query('{ viewer { id handle } }', {})
  expect(viewer.data).toMatchObject({ viewer: { handle: 'admin' } })
  const wrong = await client.query('{ run(id: "x") { nothing } }', {})
  expect(wrong.error?.graphQLErrors[0]?.message).toContain('Cannot query field')
  expect(wrong.error?.networkError).toBeUndefined()
  const kinds: string[] = []
  for await (const { data, hasNext } of toAsyncIterable(client.subscription(OF_RUN, { runId }))) {
    if (hasNext && data?.runEvents) kinds.push(data.runEvents.__typename)
  }
  expect(kinds).toEqual(STORY)
})

describe('Apollo Client', () => {
  const open = (link: ApolloLink) =>
    new ApolloClient({
      link,
      cache: new InMemoryCache({
        typePolicies: { Query: { fields: { jobs: relayStylePagination(['filter', 'orderBy']) } } },
      }),
    })

  it('puts the pages of a list together, and knows a thing that two queries show', async () => {
    const client = open(new HttpLink({ uri: `${app.url}/graphql`, headers }))
    const query = gql`query Pages($after: String) {
      jobs(first: 1, after: $after) { edges { node { id name } } pageInfo { endCursor hasNextPage } }
    }`
    type Pages = { jobs: { edges: { node: { name: string } }[]; pageInfo: { endCursor: string } } }
    const { data } = await client.query<Pages>({ query })
    const pages = client.watchQuery<Pages>({ query })
    const watching = pages.subscribe(() => {})
    await pages.fetchMore({ variables: { after: data?.jobs.pageInfo.endCursor } })
    const names = client.readQuery<Pages>({ query })?.jobs.edges.map(({ node }) => node.name)
    expect(names?.sort()).toEqual(['first', 'second'])
    watching.unsubscribe()
    client.stop()
  })

  it('sends several queries in one request', async () => {
    const line = await startLine(app.url)
    const client = open(new BatchHttpLink({ uri: `${line.url}/graphql`, headers, batchMax: 5, batchInterval: 5 }))
    const answers = await Promise.all([
      client.query({ query: gql`{ viewer { id handle } }` }),
      client.query({ query: gql`query One($id: ID!) { run(id: $id) { id status } }`, variables: { id: runId } }),
    ])
    expect(answers.map(({ data }) => data)).toMatchObject([
      { viewer: { handle: 'admin' } },
      { run: { status: 'FAILED' } },
    ])
    expect(line.connections).toBe(1)
    client.stop()
  })

  it('shows errors with their codes', async () => {
    const client = open(new HttpLink({ uri: `${app.url}/graphql`, headers }))
    const { error } = await client.query({ query: gql`{ run(id: "x") { nothing } }`, errorPolicy: 'all' })
    expect(error).toMatchObject({ errors: [{ message: expect.stringContaining('Cannot query field') }] })
    client.stop()
  })
})
