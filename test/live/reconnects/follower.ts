/**
 * Somebody who follows run events with a client that people use, loses the connection again and again, and comes back to
 * whichever node with the last cursor.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient as createSseClient } from 'graphql-sse'
import { createClient as createSocketClient } from 'graphql-ws'
import { WebSocket } from 'ws'

const QUERY = `subscription Follow($jobId: ID, $artifactId: ID, $after: String) {
  runEvents(jobId: $jobId, artifactId: $artifactId, after: $after) { cursor }
}`
const AGAIN_MS = 20

/** Whose events, and who asks. `url`: of a node, asked at each connection; it may be down. */
export type Followed = { of: { jobId?: string; artifactId?: string }; token: string; url: () => string }

export type Follower = {
  by: string
  /** In the order in which they came. */
  cursors: string[]
  /** What the server said in place of events; there should be none. */
  faults: string[]
  connections(): number
  /** Ends the connection without a word to the server; whether there was one. */
  cut(): boolean
  close(): void
}

/** `variables.after` is sent anew by both clients when they come back. */
function collect({ of }: Followed) {
  const cursors: string[] = []
  const faults: string[] = []
  const variables = { ...of, after: '' }
  let isClosed = false
  return {
    cursors,
    faults,
    request: { query: QUERY, variables },
    sink: {
      next({ data, errors }: { data?: unknown; errors?: unknown }) {
        if (errors) return void faults.push(JSON.stringify(errors))
        variables.after = (data as { runEvents: { cursor: string } }).runEvents.cursor
        cursors.push(variables.after)
      },
      error: (error: unknown) => void (isClosed || faults.push(`failed: ${JSON.stringify(error)} ${error}`)),
      complete: () => void (isClosed || faults.push('it was told that this is all')),
    },
    closed() {
      isClosed = true
    },
  }
}

const authorize = (token: string) => ({ authorization: `Bearer ${token}` })

export function followBySocket(followed: Followed): Follower {
  const { cursors, faults, request, sink, closed } = collect(followed)
  let connections = 0
  let socket: WebSocket | undefined
  const client = createSocketClient({
    url: () => `${followed.url().replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: authorize(followed.token),
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: () => sleep(AGAIN_MS),
    // A node that is down is no close of a connection.
    shouldRetry: () => true,
    on: {
      connected(opened) {
        connections++
        socket = opened as WebSocket
      },
      closed() {
        socket = undefined
      },
    },
  })
  client.subscribe(request, sink)
  return {
    by: 'graphql-ws',
    cursors,
    faults,
    connections: () => connections,
    cut() {
      socket?.terminate()
      return socket !== undefined
    },
    close() {
      closed()
      client.dispose()
    },
  }
}

export function followBySse(followed: Followed): Follower {
  const { cursors, faults, request, sink, closed } = collect(followed)
  let connections = 0
  let connection: AbortController | undefined
  const client = createSseClient({
    url: () => `${followed.url()}/graphql`,
    headers: authorize(followed.token),
    retryAttempts: Number.POSITIVE_INFINITY,
    retry: () => sleep(AGAIN_MS),
    async fetchFn(input: string, init: RequestInit & { signal: AbortSignal }) {
      const own = new AbortController()
      const response = await fetch(input, { ...init, signal: AbortSignal.any([init.signal, own.signal]) })
      connections++
      connection = own
      return response
    },
  })
  client.subscribe(request, sink)
  return {
    by: 'graphql-sse',
    cursors,
    faults,
    connections: () => connections,
    cut() {
      const cutOff = connection
      connection = undefined
      cutOff?.abort()
      return cutOff !== undefined
    },
    close() {
      closed()
      client.dispose()
    },
  }
}
