/**
 * Watches every run over WebSocket with `graphql-ws`. Whenever the connection is lost, it comes back, to whichever node
 * answers, and goes on behind the last event that it has seen: none is lost, none comes twice. Ctrl-C ends it.
 *
 *     RUNSHEET_TOKEN=$(cat .runsheet/admin-token) node --import tsx examples/graphql-ws.ts
 */
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

const { RUNSHEET_URL = 'http://localhost:4000', RUNSHEET_TOKEN } = process.env

/** The server closes with it when the token is not, or no longer, valid. */
const FORBIDDEN = 4403
const PATIENCE_MS = 5_000
let silence: NodeJS.Timeout | undefined

const client = createClient({
  url: `${RUNSHEET_URL.replace(/^http/, 'ws')}/graphql`,
  // Browsers, and Node from 22 on, have one of their own.
  webSocketImpl: WebSocket,
  // A function is asked at each connection: it may have fetched another token by then.
  connectionParams: () => ({ authorization: `Bearer ${RUNSHEET_TOKEN}` }),
  retryAttempts: Number.POSITIVE_INFINITY,
  // By default a server that cannot be reached is not tried again, and one that refuses the token is.
  shouldRetry: (reason) => (reason as { code?: unknown }).code !== FORBIDDEN,
  keepAlive: 10_000,
  on: {
    connected: (_socket, _payload, isBack) => console.log(isBack ? '— and back' : '— connected'),
    closed: () => console.log('— disconnected'),
    // A connection can die without a word, such as when a laptop sleeps.
    ping: (fromServer) => {
      if (!fromServer) silence = setTimeout(() => client.terminate(), PATIENCE_MS)
    },
    pong: () => clearTimeout(silence),
  },
})

type Event = { __typename: string; cursor: string; seq: number; run: { id: string; job: { displayName: string } } }

// When it comes back, the client sends this object again as it is by then. An empty cursor is the start of the log.
const variables = { after: '' }
const query = `subscription Runs($after: String) {
  runEvents(after: $after) { __typename cursor seq run { id job { displayName } } }
}`

client.subscribe<{ runEvents: Event }>(
  { query, variables },
  {
    // Not in a `for await` over `client.iterate()`: what waits there to be read would be asked for again.
    next({ data, errors }) {
      if (!data) return console.error(errors)
      const { __typename, cursor, seq, run } = data.runEvents
      console.log(`${cursor} ${run.job.displayName} ${run.id} ${seq} ${__typename}`)
      variables.after = cursor
    },
    error(reason) {
      console.error('— given up:', reason)
      process.exitCode = 1
    },
    complete: () => console.log('— that is all'),
  },
)
