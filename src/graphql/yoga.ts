/** GraphQL over HTTP: POST, GET for queries, SSE for subscriptions, GraphiQL for browsers. */
import { GraphQLError } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import type { Log } from '../kernel/log.ts'
import { type ContextDeps, createContext } from './context.ts'
import { maskError } from './errors.ts'
import { limitQueries } from './limits.ts'
import { schema } from './schema.ts'
import type { Hub } from './streams/hub.ts'
import { shareExecutions } from './streams/plugin.ts'
import { type OperationTimer, timeOperations } from './timing.ts'
import { createTokenWatch, watchTokens } from './token-watch.ts'

export const GRAPHQL_PATH = '/graphql'

/** What a transport other than HTTP hands over instead of a request. */
export type ConnectionContext = { authorization?: string | undefined }

export type GraphqlServer = ReturnType<typeof createGraphqlServer>

export function createGraphqlServer(
  deps: ContextDeps,
  { log, hub, maxQueryChars, timer }: { log: Log; hub: Hub; maxQueryChars: number; timer: OperationTimer },
) {
  const mask = (error: unknown) => maskError(error, log)
  const yoga = createYoga<ConnectionContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    landingPage: false,
    logging: false,
    cors: false,
    // `http/` has bounded the body, by a limit that can be set.
    maxRequestBodySize: false,
    // Self-contained: its scripts and styles are in the page. Half a megabyte that only browsers need.
    renderGraphiQL: async (options) => {
      const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
      return renderGraphiQL({ ...options, title: 'Runsheet', defaultQuery: DEFAULT_QUERY })
    },
    context: ({ request, authorization }) =>
      createContext(deps, request ? request.headers.get('authorization') : authorization),
    maskedErrors: { maskError: mask },
    plugins: [
      tellBadJson,
      timeOperations(timer),
      limitQueries(maxQueryChars),
      shareExecutions(hub, mask),
      watchTokens(createTokenWatch(deps.identity)),
    ],
  })
  return Object.assign(yoga, { mask })
}

/** `variables` and `extensions` of a GET or a form are JSON of the caller's, and no fault of ours. */
const tellBadJson: Plugin = {
  onRequestParse({ requestParser, setRequestParser }) {
    if (!requestParser) return
    setRequestParser(async (request) => {
      try {
        return await requestParser(request)
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        const extensions = { code: 'BAD_REQUEST', http: { status: 400 } }
        throw new GraphQLError('variables and extensions must be JSON.', { extensions })
      }
    })
  },
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
