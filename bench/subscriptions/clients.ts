/**
 * Many subscribers in one process, which count what arrives and look at none of it, so that they are no limit.
 * Asked (`{ expect }`), they answer when so many messages have come to them all together, or after a while.
 */
import { WebSocket } from 'ws'
import { TOKEN } from '../kit/server.ts'

export type Ask = { expect: number }
export type Told = { ready: true } | { received: number; ms: number }

const GIVE_UP_MS = 60_000

const [url, path, query, jobId, count] = process.argv.slice(2)

let received = 0
let since = 0
let wanted = Number.POSITIVE_INFINITY
let giveUp: NodeJS.Timeout | undefined

function tell() {
  clearTimeout(giveUp)
  process.send?.({ received, ms: performance.now() - since } satisfies Told)
  wanted = Number.POSITIVE_INFINITY
}

const connect = (n: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`${url?.replace('http', 'ws')}${path}`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    })
    socket.once('error', reject)
    socket.once('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } })),
    )
    socket.once('message', () => {
      // As graphql-ws’s client makes them.
      const id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
      socket.send(JSON.stringify({ type: 'subscribe', id, payload: { query, variables: { id: jobId } } }))
      socket.on('message', () => {
        received++
        if (received >= wanted) tell()
      })
      resolve()
    })
  })

process.on('message', ({ expect }: Ask) => {
  received = 0
  since = performance.now()
  wanted = expect
  giveUp = setTimeout(tell, GIVE_UP_MS)
})
process.once('disconnect', () => process.exit(0))

for (let n = 0; n < Number(count); n++) await connect(n)
process.send?.({ ready: true } satisfies Told)
