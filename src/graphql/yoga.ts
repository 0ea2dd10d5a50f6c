/** GraphQL over HTTP: POST, GET for queries, SSE for subscriptions, GraphiQL for browsers. */
import type { IncomingMessage } from 'node:http'
import { createYoga } from 'graphql-yoga'
import type { Log } from '../kernel/log.ts'
import type { Rate } from '../kernel/rate.ts'
import { type ContextDeps, createContext } from './context.ts'
import { countDeprecated, createDeprecationCount, type DeprecationMeter } from './deprecation.ts'
import { maskError } from './errors.ts'
import { createExecution } from './execution/execute.ts'
import { createLane } from './lane.ts'
import { createCostCheck, limitCost } from './limits/cost.ts'
import { createDocuments } from './limits/documents.ts'
import { createGate, type GateOptions } from './limits/gate.ts'
import { createRequestCount, rememberDocuments, ruleRequests } from './limits/plugin.ts'
import type { QueryLimits } from './limits/query-limits.ts'
import { tellBadRequests } from './limits/transport-errors.ts'
import { schema } from './schema.ts'
import { createSocketLane } from './sockets/lane.ts'
import type { Hub } from './streams/hub.ts'
import { shareExecutions } from './streams/plugin.ts'
import { createStopwatch, type OperationTimer, timeOperations } from './timing.ts'
import { createTokenWatch, watchTokens } from './token-watch.ts'

export const GRAPHQL_PATH = '/graphql'

/** What an operator may set. */
export type GraphqlRules = Pick<GateOptions, 'trusted' | 'trustedOnly'> & {
  limits: QueryLimits
  /** Operations that one HTTP request may have in a list. */
  maxBatch: number
  /** Whether everybody may ask for the schema. */
  introspection: boolean
}

export type GraphqlServer = ReturnType<typeof createGraphqlServer>

export function createGraphqlServer(
  deps: ContextDeps,
  options: GraphqlRules & {
    log: Log
    hub: Hub
    timer: OperationTimer
    deprecated: DeprecationMeter
    /** How often one caller may ask; null: as often as it likes. */
    rate: Rate | null
    callerOf: (request: IncomingMessage) => string
  },
) {
  const { log, hub, timer, deprecated, rate, callerOf, limits, maxBatch, introspection, trusted, trustedOnly } = options
  const gate = createGate({ rate, trusted, trustedOnly })
  const documents = createDocuments(schema, limits, { hints: introspection })
  const mask = (error: unknown) => maskError(error, log)
  const requests = createRequestCount({ gate, callerOf, rate })
  const begin = createStopwatch(timer)
  const count = createDeprecationCount(deprecated)
  const checkCost = createCostCheck({ most: limits.cost, introspection })
  const tokens = createTokenWatch(deps.identity)
  const yoga = createYoga({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    landingPage: false,
    logging: false,
    cors: false,
    // `http/` has bounded the body, by a limit that can be set.
    maxRequestBodySize: false,
    batching: { limit: maxBatch },
    extraParamNames: ['documentId'],
    // By their number, however large: `documents` remembers by size.
    parserAndValidationCache: false,
    // It asks for the schema, and for documents of the reader's own.
    graphiql: introspection && !trustedOnly,
    // Self-contained: its scripts and styles are in the page. Half a megabyte that only browsers need.
    renderGraphiQL: async (options) => {
      const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
      return renderGraphiQL({ ...options, title: 'Runsheet', defaultQuery: DEFAULT_QUERY })
    },
    context: ({ request: { headers } }) =>
      createContext(deps, headers.get('authorization'), headers.get('idempotency-key')),
    maskedErrors: { maskError: mask },
    plugins: [
      tellBadRequests,
      ruleRequests({ gate, requests, maxBatch }),
      timeOperations(begin),
      countDeprecated(count),
      rememberDocuments(documents),
      limitCost(checkCost),
      shareExecutions(hub, mask),
      watchTokens(tokens),
    ],
  })
  const lane = createLane({
    ...{ schema, gate, requests, documents, begin, countDeprecated: count, checkCost, mask },
    execute: createExecution(schema),
    contextOf: ({ headers }, response) =>
      createContext(deps, headers.authorization, headers['idempotency-key'] as string | undefined, response),
  })
  const overSocket = createSocketLane({
    ...{ schema, gate, documents, lane, hub, tokens, begin, countDeprecated: count, checkCost, mask },
    contextOf: (authorization) => createContext(deps, authorization),
  })
  return Object.assign(yoga, { mask, lane, overSocket })
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
