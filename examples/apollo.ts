/**
 * Apollo Client's normalised cache: ids are unique among everything, so an event of a subscription that brings
 * `job { id lastStatus }` changes what a query of that job shows, with no code to that end.
 *
 *     RUNSHEET_TOKEN=$(cat .runsheet/admin-token) node --import tsx examples/apollo.ts
 *
 * The job calls the server itself, which must allow that: `EGRESS_ALLOW_CIDRS=127.0.0.0/8,::1/128 npm start`.
 */
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { relayStylePagination } from '@apollo/client/utilities'
import { OperationTypeNode } from 'graphql'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

const { RUNSHEET_URL = 'http://localhost:4000', RUNSHEET_TOKEN } = process.env
const authorization = `Bearer ${RUNSHEET_TOKEN}`

const sockets = createClient({
  url: `${RUNSHEET_URL.replace(/^http/, 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
})
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    new HttpLink({ uri: `${RUNSHEET_URL}/graphql`, headers: { authorization } }),
  ),
  cache: new InMemoryCache({
    // Which types a fragment `... on Error` is for. Real programs generate this from the schema.
    possibleTypes: { Error: ['ValidationError', 'NotFoundError', 'ForbiddenError', 'ConflictError', 'LimitError'] },
    typePolicies: { Query: { fields: { jobs: relayStylePagination(['filter', 'orderBy']) } } },
  }),
})

async function mutate(mutation: ReturnType<typeof gql>, variables: object): Promise<{ id: string; status?: string }> {
  const { data } = await client.mutate<Record<string, { id: string; message?: string }>>({ mutation, variables })
  const [answer] = Object.values(data ?? {})
  if (!answer || answer.message) throw new Error(answer?.message)
  return answer
}

const job = await mutate(
  gql`mutation Create($url: String!) {
    createJob(input: { name: "apollo", actions: [{ webhook: { url: $url, method: GET } }] }) {
      ... on Job { id name }
      ... on Error { code message }
    }
  }`,
  { url: `${RUNSHEET_URL}/health/live` },
)
// What a component would show: asked for once, told by the cache from then on.
const shown = { query: gql`query Shown($id: ID!) { job(id: $id) { id lastStatus } }`, variables: { id: job.id } }
await client.query(shown)
const watching = client.watchQuery<{ job: { lastStatus: string | null } }>(shown).subscribe(({ data, dataState }) => {
  if (dataState === 'complete') console.log(`its last run: ${data.job.lastStatus ?? 'none yet'}`)
})

const run = await mutate(
  gql`mutation Run($jobId: ID!) { runJob(input: { jobId: $jobId }) { ... on Run { id } ... on Error { code message } } }`,
  { jobId: job.id },
)

// Nothing is done with the events. The stream of one run ends after its last.
await new Promise<void>((complete, error) => {
  const query = gql`subscription Live($runId: ID!) {
    runEvents(runId: $runId, after: "") { cursor run { id status job { id lastStatus } } }
  }`
  client.subscribe({ query, variables: { runId: run.id } }).subscribe({ complete, error })
})

watching.unsubscribe()
await mutate(
  gql`mutation Delete($jobId: ID!) { deleteJob(input: { jobId: $jobId }) { ... on Job { id } ... on Error { message } } }`,
  { jobId: job.id },
)
client.stop()
await sockets.dispose()
