/**
 * A query, a mutation and a subscription with urql: makes a job, runs it, and shows what happens until it is done.
 *
 *     RUNSHEET_TOKEN=$(cat .runsheet/admin-token) node --import tsx examples/urql.ts
 *
 * The job calls the server itself, which must allow that: `EGRESS_ALLOW_CIDRS=127.0.0.0/8,::1/128 npm start`.
 */
import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from '@urql/core'
import { createClient } from 'graphql-ws'
import { toAsyncIterable } from 'wonka'
import { WebSocket } from 'ws'

const { RUNSHEET_URL = 'http://localhost:4000', RUNSHEET_TOKEN } = process.env
const authorization = `Bearer ${RUNSHEET_TOKEN}`

const sockets = createClient({
  url: `${RUNSHEET_URL.replace(/^http/, 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
})
const client = new Client({
  url: `${RUNSHEET_URL}/graphql`,
  preferGetMethod: false,
  fetchOptions: { headers: { authorization } },
  exchanges: [
    cacheExchange,
    fetchExchange,
    // Over SSE instead, with no further package: leave this out, and set `fetchSubscriptions: true`.
    subscriptionExchange({
      forwardSubscription: ({ query = '', ...rest }) => ({
        subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, ...rest } as never, sink as never) }),
      }),
    }),
  ],
})

/** Every mutation answers what it changed, or one of several kinds of `Error`. */
type Answer = { id: string } | { code: string; message: string }

async function mutate(mutation: string, variables: object): Promise<string> {
  const { data, error } = await client.mutation<{ answer: Answer }>(mutation, variables)
  if (!data) throw error
  if ('code' in data.answer) throw new Error(`${data.answer.code}: ${data.answer.message}`)
  return data.answer.id
}

const { data, error } = await client.query(gql`{ viewer { handle } }`, {})
if (error) throw error
console.log(`signed in as ${data.viewer.handle}`)

const jobId = await mutate(
  `mutation Create($url: String!) {
    answer: createJob(input: { name: "urql", actions: [{ webhook: { url: $url, method: GET } }] }) {
      ... on Job { id }
      ... on Error { code message }
    }
  }`,
  { url: `${RUNSHEET_URL}/health/live` },
)
const runId = await mutate(
  `mutation Run($jobId: ID!) { answer: runJob(input: { jobId: $jobId }) { ... on Run { id } ... on Error { code message } } }`,
  { jobId },
)

// The stream of one run ends after its last event; urql then tells that one again, as the one that nothing follows.
const events = client.subscription(
  gql`subscription Live($runId: ID!) { runEvents(runId: $runId, after: "") { __typename seq } }`,
  { runId },
)
for await (const { data, error, hasNext } of toAsyncIterable(events)) {
  if (error) throw error
  if (hasNext) console.log(`${data.runEvents.seq} ${data.runEvents.__typename}`)
}

await mutate(
  `mutation Delete($jobId: ID!) { answer: deleteJob(input: { jobId: $jobId }) { ... on Job { id } ... on Error { code message } } }`,
  { jobId },
)
await sockets.dispose()
