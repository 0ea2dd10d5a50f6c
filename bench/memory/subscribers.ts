/**
 * Subscribers of one job in a process of their own: url, job, and as many as it is told to be (`{ subscribers }`), which it
 * answers (`{ ready }`) once each has been greeted and has asked.
 */
import { WebSocket } from 'ws'
import { TOKEN } from '../kit/server.ts'

export type Ask = { subscribers: number }
export type Told = { ready: number }

const QUERY = 'subscription ($id: ID) { runEvents(jobId: $id) { __typename cursor seq at run { id status } } }'
const AT_ONCE = 50

const [url, jobId] = process.argv.slice(2)
let count = 0

const subscribe = (n: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`${url?.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    })
    const say = (message: object) => socket.send(JSON.stringify(message))
    socket.once('error', reject)
    socket.once('open', () => say({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } }))
    socket.once('message', () => {
      // As graphql-ws's client makes them.
      const id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
      say({ type: 'subscribe', id, payload: { query: QUERY, variables: { id: jobId } } })
      resolve()
    })
  })

process.once('disconnect', () => process.exit(0))
process.on('message', async ({ subscribers }: Ask) => {
  while (count < subscribers) {
    const more = Math.min(AT_ONCE, subscribers - count)
    await Promise.all(Array.from({ length: more }, (_, n) => subscribe(count + n)))
    count += more
  }
  process.send?.({ ready: count } satisfies Told)
})
