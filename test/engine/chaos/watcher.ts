/** A subscriber to all events, who comes back to any node with the last cursor it has seen. Speaks graphql-transport-ws. */
import { WebSocket } from 'ws'
import { CHAOS_TOKEN } from './api.ts'

const QUERY = 'subscription($after: String) { runEvents(after: $after) { cursor seq run { id } } }'
/** A node that is frozen says nothing at all. */
const SILENCE_MS = 5_000
const PING_MS = 1_000
const AGAIN_MS = 50

type Message = {
  type: string
  payload?: { data?: { runEvents: { cursor: string; seq: number; run: { id: string } } } | null; errors?: unknown }
}

export type Watcher = ReturnType<typeof startWatcher>

export function startWatcher(url: () => string, token = CHAOS_TOKEN) {
  /** `run seq`, in the order in which they came. */
  const seen: string[] = []
  let cursor = ''
  let connections = 0
  let errors = 0
  let closed = false
  let socket: WebSocket | undefined
  let again: NodeJS.Timeout | undefined

  function connect() {
    const next = new WebSocket(`${url().replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      handshakeTimeout: SILENCE_MS,
    })
    socket = next
    let heardAt = Date.now()
    const say = (message: object) => next.send(JSON.stringify(message))
    const ping = setInterval(() => {
      if (Date.now() - heardAt > SILENCE_MS) next.terminate()
      else if (next.readyState === WebSocket.OPEN) say({ type: 'ping' })
    }, PING_MS)

    next.on('open', () => say({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
    next.on('message', (text) => {
      heardAt = Date.now()
      const { type, payload } = JSON.parse(String(text)) as Message
      if (type === 'connection_ack') {
        connections++
        say({ id: '1', type: 'subscribe', payload: { query: QUERY, variables: { after: cursor } } })
      } else if (type === 'next' && payload?.data && !payload.errors) {
        const { runEvents } = payload.data
        seen.push(`${runEvents.run.id} ${runEvents.seq}`)
        cursor = runEvents.cursor
      } else if (type === 'next' || type === 'error' || type === 'complete') {
        if (type !== 'complete') errors++
        next.terminate()
      }
    })
    next.on('error', () => {})
    next.on('close', () => {
      clearInterval(ping)
      if (!closed) again = setTimeout(connect, AGAIN_MS)
    })
  }

  connect()
  return {
    seen,
    connections: () => connections,
    /** Events that came as an error of the node. */
    errors: () => errors,
    close() {
      closed = true
      clearTimeout(again)
      socket?.terminate()
    },
  }
}
