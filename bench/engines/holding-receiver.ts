/** A receiver whose first call is never answered: whoever made it is in the middle of a job for as long as it lives. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Never answers the first call, and the others at once. */
export async function startHoldingReceiver(giveUpMs: number) {
  const calls: number[] = []
  const server = createServer((request, response) => {
    calls.push(performance.now())
    request.resume()
    if (calls.length > 1) response.end('ok')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** When the call with this number came, from 0; undefined when it does not come. */
    async call(index: number): Promise<number | undefined> {
      for (const until = performance.now() + giveUpMs; performance.now() < until; await sleep(2)) {
        if (calls[index] !== undefined) return calls[index]
      }
      return undefined
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
