/** Whom the jobs call. It keeps what it has answered with success, by `webhook-id`. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Random } from './random.ts'

export type ChaosReceiver = Awaited<ReturnType<typeof startChaosReceiver>>

/** `/quick` answers at once, `/slow` within 1.2 s, `/flaky` fails every third time. */
export async function startChaosReceiver(random: Random) {
  const successes = new Map<string, number>()
  let calls = 0
  const server = createServer((request, response) => {
    calls++
    request.resume()
    const delay = request.url === '/slow' ? random.between(200, 1200) : 0
    const status = request.url === '/flaky' && random.next() < 0.33 ? 503 : 200
    const timer = setTimeout(() => {
      if (status === 200) {
        const id = String(request.headers['webhook-id'])
        successes.set(id, (successes.get(id) ?? 0) + 1)
      }
      response.writeHead(status).end('seen')
    }, delay)
    response.on('close', () => clearTimeout(timer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    successes,
    calls: () => calls,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
