/** GraphQL over HTTP: POST, GET for queries, SSE for subscriptions, GraphiQL for browsers. */
import { GraphQLError, type Source } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import type { Log } from '../kernel/log.ts'
import { type ContextDeps, createContext } from './context.ts'
import { maskError } from './errors.ts'
import { schema } from './schema.ts'

export const GRAPHQL_PATH = '/graphql'

/** What a transport other than HTTP hands over instead of a request. */
export type ConnectionContext = { authorization?: string | undefined }

export type GraphqlServer = ReturnType<typeof createGraphqlServer>

export function createGraphqlServer(deps: ContextDeps, { log, maxQueryChars }: { log: Log; maxQueryChars: number }) {
  return createYoga<ConnectionContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    landingPage: false,
    logging: false,
    cors: false,
    // Self-contained: its scripts and styles are in the page. Half a megabyte that only browsers need.
    renderGraphiQL: async (options) => {
      const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
      return renderGraphiQL({ ...options, title: 'Runsheet', defaultQuery: DEFAULT_QUERY })
    },
    context: ({ request, authorization }) =>
      createContext(deps, request ? request.headers.get('authorization') : authorization),
    maskedErrors: { maskError: (error) => maskError(error, log) },
    plugins: [limitQuery(maxQueryChars)],
  })
}

function limitQuery(maxChars: number): Plugin {
  return {
    onParse({ params: { source } }) {
      const { length } = typeof source === 'string' ? source : (source as Source).body
      if (length <= maxChars) return
      throw new GraphQLError(`The query has ${length} characters; ${maxChars} are allowed (MAX_QUERY_CHARS).`, {
        extensions: { code: 'LIMIT_EXCEEDED', http: { status: 413 } },
      })
    },
  }
}

const DEFAULT_QUERY = `# Put your token under "Headers": { "authorization": "Bearer …" }
# Then press the play button.

query Jobs {
  viewer { handle }
  jobs(first: 10) {
    totalCount
    nodes: edges {
      node { id displayName enabled nextRunAt lastStatus upcoming(count: 3) }
    }
  }
}

# What happens, as it happens. An empty "after" begins at the start of the log.
subscription Live {
  runEvents(after: "") { __typename cursor seq at run { id status job { displayName } } }
}
`
